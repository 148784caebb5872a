using System.Buffers;

namespace Kvorum.Protocol;

/// <summary>One key of a scan.</summary>
/// <param name="Key">The key.</param>
/// <param name="Version">Its version, as a read would give it.</param>
/// <param name="Value">Its value; empty if only keys were asked for.</param>
public readonly record struct ScanEntry(ReadOnlyMemory<byte> Key, ulong Version, ReadOnlyMemory<byte> Value);

/// <summary>What one <see cref="ScanRequest"/> found.</summary>
/// <param name="Entries">In the order of the scan; may be none although more follow.</param>
/// <param name="Token">What the next request carries to read on; empty: the range is at its end.</param>
public sealed record ScanPage(IReadOnlyList<ScanEntry> Entries, ReadOnlyMemory<byte> Token);

/// <summary>
/// Bytes of a <see cref="ScanPage"/>, as they are in the reply to a scan. Integers are little-endian.
/// <code>
/// page  := token:bytes32 count:u32 entry*
/// entry := key:bytes32 version:u64 value:bytes32          bytes32 := length:u32 bytes
/// </code>
/// </summary>
public static class ScanPageCodec
{
    /// <summary>What an entry takes besides the bytes of its key and value.</summary>
    public const int EntryOverhead = 4 + 8 + 4;

    /// <summary>What a page takes besides its token and its entries.</summary>
    public const int PageOverhead = 4 + 4;

    /// <summary>Appends one entry.</summary>
    public static void WriteEntry(
        IBufferWriter<byte> into, ReadOnlySpan<byte> key, ulong version, ReadOnlySpan<byte> value)
    {
        var size = EntryOverhead + key.Length + value.Length;
        var writer = new SpanWriter(into.GetSpan(size)[..size]);
        writer.Bytes32(key);
        writer.U64(version);
        writer.Bytes32(value);
        into.Advance(size);
    }

    /// <summary>
    /// Reads the entry at <paramref name="at"/> and moves behind it; key and value refer to the same memory.
    /// <see cref="FormatException"/> if there is none.
    /// </summary>
    public static ScanEntry ReadEntry(ReadOnlyMemory<byte> bytes, ref int at)
    {
        var reader = new ByteReader(bytes[at..]);
        var entry = new ScanEntry(reader.Bytes32("key"), reader.U64("version"), reader.Bytes32("value"));
        at += reader.Position;
        return entry;
    }

    /// <summary>
    /// Puts a page together from <paramref name="count"/> entries that were written before.
    /// </summary>
    public static byte[] Join(ReadOnlySpan<byte> token, int count, ReadOnlySpan<byte> entries)
    {
        var page = new byte[checked(PageOverhead + token.Length + entries.Length)];
        var writer = new SpanWriter(page);
        writer.Bytes32(token);
        writer.U32((uint)count);
        entries.CopyTo(page.AsSpan(writer.Position));
        return page;
    }

    /// <summary>
    /// Reads a page that fills <paramref name="bytes"/>; everything in it refers to the same memory.
    /// <see cref="FormatException"/> if it is not one.
    /// </summary>
    public static ScanPage Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        var token = reader.Bytes32("token");
        var entries = new ScanEntry[reader.Count32("entries", EntryOverhead)];
        var at = reader.Position;
        for (var i = 0; i < entries.Length; i++)
            entries[i] = ReadEntry(bytes, ref at);
        return at == bytes.Length
            ? new(entries, token)
            : throw new FormatException($"{bytes.Length - at} bytes too many after the page.");
    }
}
