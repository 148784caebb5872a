// A version edit as bytes, little-endian.
//
//   edit  = next u64, mark, count u32, (level u8, number u64){count}, count u32, (level u8, table){count}
//           next: above all numbers of files so far; first the removed tables, then the added ones
//   mark  = 0 u8 | origin u8, applied index u64, tag, counted keys i64
//           origin 1: flushed from the log of this node; 2: installed from another replica
//   table = number u64, bytes i64, entries i64, deletes i64, least sequence u64, greatest sequence u64,
//           smallest key, largest key
//   tag, key = length u32, bytes

using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Kvorum.Storage.Lsm.Versions;

/// <summary>Encodes and decodes version edits. The grammar is at the top of this file.</summary>
internal static class EditCodec
{
    private const byte Flushed = 1;
    private const byte Installed = 2;

    /// <summary>Adds the bytes of an edit.</summary>
    public static void Write(ArrayBufferWriter<byte> into, VersionEdit edit, ulong next)
    {
        Write(into, next);
        Write(into, edit.Mark switch { null => 0, { IsInstalled: true } => Installed, _ => Flushed });
        if (edit.Mark is { } mark)
        {
            Write(into, mark.AppliedIndex);
            Write(into, mark.Tag.Span);
            Write(into, (ulong)mark.CountedKeys);
        }

        Write(into, (uint)edit.Removed.Length);
        foreach (var removed in edit.Removed)
        {
            Write(into, (byte)removed.Level);
            Write(into, removed.Table.Number);
        }

        Write(into, (uint)edit.Added.Length);
        foreach (var (level, table) in edit.Added)
        {
            Write(into, (byte)level);
            Write(into, table.Number);
            Write(into, (ulong)table.Bytes);
            Write(into, (ulong)table.Entries);
            Write(into, (ulong)table.Deletes);
            Write(into, table.SmallestSequence);
            Write(into, table.LargestSequence);
            Write(into, table.Smallest.Span);
            Write(into, table.Largest.Span);
        }
    }

    /// <summary>
    /// Reads an edit that is all of these bytes; a <see cref="FormatException"/> if it is not.
    /// </summary>
    public static (VersionEdit Edit, ulong Next) Read(ReadOnlySpan<byte> from)
    {
        var next = ReadNumber(ref from);
        Mark? mark = null;
        if (ReadByte(ref from) is not 0 and var origin)
        {
            if (origin > Installed)
                throw new FormatException($"the origin {origin} of a mark is unknown");
            mark = new Mark(ReadNumber(ref from), ReadBytes(ref from), (long)ReadNumber(ref from))
            {
                IsInstalled = origin == Installed,
            };
        }

        var removed = ImmutableArray.CreateBuilder<LevelTable>();
        for (var count = ReadCount(ref from); count > 0; count--)
        {
            var level = ReadLevel(ref from);
            var number = ReadNumber(ref from);
            removed.Add(new LevelTable(level, new TableInfo(number, 0, 0, 0, default, default, 0, 0)));
        }

        var added = ImmutableArray.CreateBuilder<LevelTable>();
        for (var count = ReadCount(ref from); count > 0; count--)
            added.Add(new LevelTable(ReadLevel(ref from), ReadTable(ref from)));
        if (!from.IsEmpty)
            throw new FormatException("bytes follow the end of an edit");
        var edit = new VersionEdit
        {
            Mark = mark,
            Removed = removed.ToImmutable(),
            Added = added.ToImmutable(),
        };
        return (edit, next);
    }

    private static TableInfo ReadTable(ref ReadOnlySpan<byte> from)
    {
        var number = ReadNumber(ref from);
        var bytes = (long)ReadNumber(ref from);
        var entries = (long)ReadNumber(ref from);
        var deletes = (long)ReadNumber(ref from);
        var least = ReadNumber(ref from);
        var greatest = ReadNumber(ref from);
        var smallest = ReadBytes(ref from);
        return new TableInfo(number, bytes, entries, deletes, smallest, ReadBytes(ref from), least, greatest);
    }

    private static void Write(ArrayBufferWriter<byte> into, byte value)
    {
        into.GetSpan(1)[0] = value;
        into.Advance(1);
    }

    private static void Write(ArrayBufferWriter<byte> into, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(into.GetSpan(sizeof(uint)), value);
        into.Advance(sizeof(uint));
    }

    private static void Write(ArrayBufferWriter<byte> into, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(into.GetSpan(sizeof(ulong)), value);
        into.Advance(sizeof(ulong));
    }

    private static void Write(ArrayBufferWriter<byte> into, ReadOnlySpan<byte> value)
    {
        Write(into, (uint)value.Length);
        into.Write(value);
    }

    private static int ReadLevel(ref ReadOnlySpan<byte> from) =>
        ReadByte(ref from) is var level && level < Levels.Count
            ? level : throw new FormatException($"level {level} is out of range");

    private static byte ReadByte(ref ReadOnlySpan<byte> from) => Take(ref from, 1)[0];

    private static uint ReadCount(ref ReadOnlySpan<byte> from) =>
        BinaryPrimitives.ReadUInt32LittleEndian(Take(ref from, sizeof(uint)));

    private static ulong ReadNumber(ref ReadOnlySpan<byte> from) =>
        BinaryPrimitives.ReadUInt64LittleEndian(Take(ref from, sizeof(ulong)));

    private static byte[] ReadBytes(ref ReadOnlySpan<byte> from) =>
        Take(ref from, ReadCount(ref from)).ToArray();

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> from, uint count)
    {
        if (count > from.Length)
            throw new FormatException("an edit is cut short");
        var taken = from[..(int)count];
        from = from[(int)count..];
        return taken;
    }
}
