using System.Buffers.Binary;

namespace Kvorum.Storage.Lsm.Tables;

// A sorted table. All numbers are little-endian; "varint" is LEB128: seven bits a byte, the lowest first, the
// highest bit says that more follow.
//
// file       = group+ top properties footer
// group      = data block+ index block [filter block]
// top        = index block: one entry per group
// block      = body, flag u8 (0: as it is; 1: packed, data blocks only; all others are reserved), crc u32
// packed     = length of the body u32, the body in the LZ4 block format, see Lz4
// data, index block, properties: their body is
// body       = first sequence u64, entry+, restart u32+, count of restarts u32
// entry      = shared varint, suffix length varint, rest length varint, suffix, rest
// rest       = stamp varint, value
// stamp      = zigzag(sequence - first sequence) * 2 + kind     kind: EntryKind
// filter's body = line+, line = 64 bytes                        see BloomFilter
// footer     = top offset u64, top length u32, properties length u32, zero u64,
//              version u32, crc u32, magic "KvSortTb"           40 bytes
//              version: 1, or 2 if a block is packed
//
// The key of an entry is the first `shared` bytes of the key before it, then the suffix. A restart is the
// offset, within the body, of an entry with nothing shared; the first entry is one, in index blocks and the
// top all are. Entries ascend: by key in byte order, then by sequence, greatest first. In an index block the
// key and sequence of an entry are at or behind the last entry of what it leads to, and before the first
// entry of the next; its value is
//   in a group: block offset varint, block length varint
//   in the top: index offset varint, index length varint, filter length varint (0: none; else right behind)
// The properties are one entry with an empty key, sequence 0, whose value is
//   entries u64, deletes u64, least sequence u64, greatest sequence u64, data blocks u64, data bytes u64,
//   smallest key length u32, smallest key, largest key length u32, largest key
// They stand right behind the top. A block's crc covers its offset in the file (u64), its body and its flag,
// the footer's the 28 bytes before it. Lengths of blocks include flag and crc. Nothing of a block
// with a wrong crc is used, not even its lengths.

/// <summary>Constants of the format, and the parts of it that are not blocks of entries.</summary>
internal static class TableFormat
{
    /// <summary>Bytes of the footer.</summary>
    public const int FooterBytes = 40;

    /// <summary>Bytes of flag and checksum behind the body of a block.</summary>
    public const int TrailerBytes = 5;

    /// <summary>No sequence number of an entry may be greater, or its stamp would not fit.</summary>
    public const ulong SequenceMax = (1ul << 61) - 1;

    /// <summary>No block may be longer; far above what a key and a value may have together.</summary>
    public const int BlockBytesMax = 1 << 30;

    private const uint PlainVersion = 1;
    private const uint PackedVersion = 2;

    private const string Remedy = Storage.Remedy.AfterRefusal;

    private static ReadOnlySpan<byte> Magic => "KvSortTb"u8;

    /// <summary>The checksum of a block: of its offset, body and flag.</summary>
    public static uint BlockCrc(long offset, ReadOnlySpan<byte> bodyAndFlag) =>
        Crc32C.End(Crc32C.Add(Crc32C.Add(Crc32C.Begin, (ulong)offset), bodyAndFlag));

    /// <summary>Writes the footer; tables with packed blocks get a newer version number.</summary>
    public static void WriteFooter(Span<byte> into, TableFooter footer, bool hasPacked)
    {
        BinaryPrimitives.WriteInt64LittleEndian(into, footer.TopOffset);
        BinaryPrimitives.WriteInt32LittleEndian(into[8..], footer.TopBytes);
        BinaryPrimitives.WriteInt32LittleEndian(into[12..], footer.PropertiesBytes);
        into[16..24].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(into[24..], hasPacked ? PackedVersion : PlainVersion);
        BinaryPrimitives.WriteUInt32LittleEndian(into[28..], Crc32C.Of(into[..28]));
        Magic.CopyTo(into[32..]);
    }

    /// <summary>True if a file that ends so may be a table.</summary>
    public static bool HasMagic(ReadOnlySpan<byte> tail) => tail.EndsWith(Magic);

    /// <summary>Reads the footer of a file of so many bytes.</summary>
    public static TableFooter ReadFooter(ReadOnlySpan<byte> from, string path, long fileBytes)
    {
        var at = Math.Max(0, fileBytes - FooterBytes);
        if (from.Length != FooterBytes || !from[32..].SequenceEqual(Magic))
            throw Damaged(path, at, "the magic number of the footer is wrong");
        if (BinaryPrimitives.ReadUInt32LittleEndian(from[28..]) != Crc32C.Of(from[..28]))
            throw Damaged(path, at, "the footer's checksum is wrong");
        var version = BinaryPrimitives.ReadUInt32LittleEndian(from[24..]);
        if (version is not (PlainVersion or PackedVersion))
            throw new TreeDamagedException(
                $"{path} was written by a newer version (table format {version}, this one reads " +
                $"{PackedVersion}): start that version")
            {
                IsTooNew = true,
            };
        var footer = new TableFooter(
            BinaryPrimitives.ReadInt64LittleEndian(from),
            BinaryPrimitives.ReadInt32LittleEndian(from[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(from[12..]));
        var end = footer.TopOffset + footer.TopBytes + footer.PropertiesBytes + FooterBytes;
        if (footer.TopOffset < 0 || footer.TopBytes <= TrailerBytes ||
            footer.PropertiesBytes <= TrailerBytes || end != fileBytes)
            throw Damaged(path, at, "the footer's lengths do not match the file");
        return footer;
    }

    /// <summary>The bytes of the properties.</summary>
    public static byte[] WriteProperties(TableProperties properties)
    {
        var smallest = properties.Smallest.Length;
        var bytes = new byte[56 + smallest + properties.Largest.Length];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, properties.Entries);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), properties.Deletes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), properties.SmallestSequence);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(24), properties.LargestSequence);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), properties.DataBlocks);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(40), properties.DataBytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(48), smallest);
        properties.Smallest.CopyTo(bytes.AsMemory(52));
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(52 + smallest), properties.Largest.Length);
        properties.Largest.CopyTo(bytes.AsMemory(56 + smallest));
        return bytes;
    }

    /// <summary>Reads the properties; null if they do not fit their bytes.</summary>
    public static TableProperties? ReadProperties(ReadOnlySpan<byte> from)
    {
        if (from.Length < 56)
            return null;
        var smallest = BinaryPrimitives.ReadInt32LittleEndian(from[48..]);
        if (smallest < 0 || smallest > from.Length - 56)
            return null;
        var largest = BinaryPrimitives.ReadInt32LittleEndian(from[(52 + smallest)..]);
        if (largest != from.Length - 56 - smallest)
            return null;
        return new TableProperties(
            BinaryPrimitives.ReadInt64LittleEndian(from),
            BinaryPrimitives.ReadInt64LittleEndian(from[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(from[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(from[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[32..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[40..]),
            from.Slice(52, smallest).ToArray(),
            from[(56 + smallest)..].ToArray());
    }

    /// <summary>The exception for damage.</summary>
    public static TreeDamagedException Damaged(string path, long offset, string what) =>
        new($"{path} is damaged at byte {offset}: {what}.", Remedy);

    /// <summary>The exception for a table that the disk cannot read.</summary>
    public static TreeDamagedException Unreadable(string path, IOException error) =>
        TreeDamagedException.Unreadable(path, Remedy, error);
}

/// <summary>Where the last parts of a table are, in bytes.</summary>
internal readonly record struct TableFooter(long TopOffset, int TopBytes, int PropertiesBytes);
