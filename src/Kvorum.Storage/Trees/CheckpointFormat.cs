// A checkpoint on disk. All numbers are little-endian; crc is CRC-32C.
//
//   file   = header block* end                 named <generation, 16 digits>.tree
//   header = magic "KVORUMTR", version u32 (1), tag length u32, applied index u64, key count u64, crc u32,
//            tag, crc u32
//            the first crc is over the 32 bytes before it, the second over the tag
//   block  = length u32 (not 0), body crc u32, crc u32, body
//            the second crc is over: ordinal of the block u64 (0, 1, ..), the 8 bytes before it
//   body   = entry+                            an entry never spans blocks
//   entry  = key length u32, value length u32, key, value
//            keys strictly ascending in byte order through the file
//   end    = the head of a block with length 0 and body crc 0; nothing follows it
//
// A file is written under <generation>.tree.new, synced, renamed, and its folder synced: under its final name
// it is always whole. The highest generation is the tree's content.

using System.Buffers.Binary;

namespace Kvorum.Storage.Trees;

/// <summary>
/// Encodes and decodes the pieces of a checkpoint file. The grammar is at the top of this file.
/// </summary>
internal static class CheckpointFormat
{
    public const int HeaderBytes = 36;
    public const int CrcBytes = 4;
    public const int BlockHeadBytes = 12;
    public const int EntryHeadBytes = 8;
    public const uint Version = 1;

    private static ReadOnlySpan<byte> Magic => "KVORUMTR"u8;

    /// <summary>The header of a file, tag included.</summary>
    public static byte[] Header(ulong appliedIndex, long count, ReadOnlySpan<byte> tag)
    {
        byte[] header = new byte[HeaderBytes + tag.Length + CrcBytes];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), tag.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(16), appliedIndex);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(24), count);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(32), Crc32C.Of(header.AsSpan(0, 32)));
        tag.CopyTo(header.AsSpan(HeaderBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(HeaderBytes + tag.Length), Crc32C.Of(tag));
        return header;
    }

    /// <summary>Reads the fixed part of a header; false if it is damaged.</summary>
    public static bool TryReadHeader(ReadOnlySpan<byte> from, out CheckpointHeader header)
    {
        header = default;
        if (from.Length < HeaderBytes || !from.StartsWith(Magic) ||
            BinaryPrimitives.ReadUInt32LittleEndian(from[32..]) != Crc32C.Of(from[..32]))
            return false;
        header = new CheckpointHeader(
            BinaryPrimitives.ReadUInt32LittleEndian(from[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(from[12..]),
            BinaryPrimitives.ReadUInt64LittleEndian(from[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[24..]));
        return true;
    }

    /// <summary>
    /// Completes a block whose body stands behind the room for its head; an empty body makes the end of the
    /// file.
    /// </summary>
    public static void WriteBlockHead(Span<byte> block, ulong ordinal)
    {
        ReadOnlySpan<byte> body = block[BlockHeadBytes..];
        BinaryPrimitives.WriteInt32LittleEndian(block, body.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(block[4..], Crc32C.Of(body));
        BinaryPrimitives.WriteUInt32LittleEndian(block[8..], HeadCrc(block, ordinal));
    }

    /// <summary>
    /// Reads the head of a block; false if it is damaged, and then its length may not be believed.
    /// </summary>
    public static bool TryReadBlockHead(
        ReadOnlySpan<byte> from, ulong ordinal, out uint length, out uint bodyCrc)
    {
        (length, bodyCrc) = (0, 0);
        if (from.Length < BlockHeadBytes ||
            BinaryPrimitives.ReadUInt32LittleEndian(from[8..]) != HeadCrc(from, ordinal))
            return false;
        length = BinaryPrimitives.ReadUInt32LittleEndian(from);
        bodyCrc = BinaryPrimitives.ReadUInt32LittleEndian(from[4..]);
        return true;
    }

    private static uint HeadCrc(ReadOnlySpan<byte> head, ulong ordinal) =>
        Crc32C.End(Crc32C.Add(Crc32C.Add(Crc32C.Begin, ordinal), head[..8]));
}

/// <summary>The believed fixed part of a checkpoint's header.</summary>
internal readonly record struct CheckpointHeader(
    uint Version, uint TagLength, ulong AppliedIndex, long Count);
