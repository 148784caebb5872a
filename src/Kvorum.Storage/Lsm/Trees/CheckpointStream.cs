// A checkpoint as it is sent to another replica: one stream of bytes. Little-endian; crc is CRC-32C.
//
//   stream = head edit file*
//   head   = magic "KVORUMCP", version u32 (3), length of the edit u32, crc of the edit u32,
//            crc u32 over the 20 bytes before it
//   edit   = see EditCodec: the mark, and all tables as added ones
//   file   = the bytes of a table, in the order of the edit; its blocks have their own sums

using System.Buffers;
using System.Buffers.Binary;
using Kvorum.Storage.Lsm.Versions;

namespace Kvorum.Storage.Lsm.Trees;

/// <summary>
/// Encodes and decodes the head of a checkpoint's stream. The grammar is at the top of this file.
/// </summary>
internal static class CheckpointStream
{
    /// <summary>Bytes before the edit.</summary>
    public const int HeadBytes = 24;

    private const uint FormatVersion = 3;

    private static ReadOnlySpan<byte> Magic => "KVORUMCP"u8;

    /// <summary>The description of the stream of these tables, which have a mark.</summary>
    public static CheckpointInfo InfoOf(TableSet tables) => new(
        tables.Mark!.AppliedIndex, Begin(tables).Length + tables.Bytes, tables.Mark.Tag)
    {
        IsInstalled = tables.Mark.IsInstalled,
    };

    /// <summary>Head and edit of the stream of these tables.</summary>
    public static byte[] Begin(TableSet tables)
    {
        var room = new ArrayBufferWriter<byte>(256);
        room.GetSpan(HeadBytes)[..HeadBytes].Clear();
        room.Advance(HeadBytes);
        EditCodec.Write(room, VersionEdit.Whole(tables.Levels, tables.Mark), 0);
        var bytes = room.WrittenSpan.ToArray();
        Span<byte> head = bytes;
        Magic.CopyTo(head);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], FormatVersion);
        BinaryPrimitives.WriteInt32LittleEndian(head[12..], bytes.Length - HeadBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(head[16..], Crc32C.Of(head[HeadBytes..]));
        BinaryPrimitives.WriteUInt32LittleEndian(head[20..], Crc32C.Of(head[..20]));
        return bytes;
    }

    /// <summary>The length of the edit; null if the head is damaged or of another version.</summary>
    public static uint? ReadHead(ReadOnlySpan<byte> head) =>
        head.StartsWith(Magic) && BinaryPrimitives.ReadUInt32LittleEndian(head[8..]) == FormatVersion &&
        BinaryPrimitives.ReadUInt32LittleEndian(head[20..]) == Crc32C.Of(head[..20])
            ? BinaryPrimitives.ReadUInt32LittleEndian(head[12..]) : null;

    /// <summary>The edit behind a head that is right; null if it is damaged.</summary>
    public static VersionEdit? ReadEdit(ReadOnlySpan<byte> headAndEdit)
    {
        var edit = headAndEdit[HeadBytes..];
        if (BinaryPrimitives.ReadUInt32LittleEndian(headAndEdit[16..]) != Crc32C.Of(edit))
            return null;
        try
        {
            var read = EditCodec.Read(edit).Edit;
            read.ApplyTo(Levels.Empty);
            return read;
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
