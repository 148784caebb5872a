using Kvorum.Storage;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Caching;
using Kvorum.Storage.Lsm.Tables;
using Kvorum.Tests.Storage.Lsm.Harness;

namespace Kvorum.Tests.Storage.Lsm.Tables;

public class TableFormatTests
{
    private const string Golden =
        // data block: first sequence; shared, suffix and rest length, suffix, stamp, value, thrice;
        // restart, count; flag, crc
        "0700000000000000" + "000202" + "6162" + "01" + "31" + "010101" + "63" + "08" +
        "020002" + "0f" + "32" +
        "08000000" + "01000000" + "00" + "9334de8a" +
        // index block: ac @ 3 leads to offset 0, length 38
        "0300000000000000" + "000203" + "6163" + "01" + "0026" + "08000000" + "01000000" + "00" + "aaf8c8e6" +
        // filter: one line, six bits for each of two keys; flag, crc
        "0000200002000800000000002002000000000000200000080000000080000000" +
        "0000000004000000000000000400000000400000000000000000000002000000" + "00" + "8ddf1f08" +
        // top: ac @ 3 leads to an index block at 38, length 29, and a filter of length 69
        "0300000000000000" + "000204" + "6163" + "01" + "261d45" + "08000000" + "01000000" +
        "00" + "ec402e6c" +
        // properties: entries, deletes, least and greatest sequence, blocks, their bytes, two keys
        "0000000000000000" + "00003d" + "01" + "0300000000000000" + "0100000000000000" + "0300000000000000" +
        "0900000000000000" + "0100000000000000" + "2600000000000000" + "02000000" + "6162" +
        "02000000" + "6163" + "08000000" + "01000000" + "00" + "43cbe222" +
        // footer: offset of the top, its length, that of the properties, zero, version, crc, magic
        "8800000000000000" + "1e000000" + "55000000" + "0000000000000000" + "01000000" + "16e1a40b" +
        "4b76536f72745462";

    private static readonly List<Versioned> GoldenRun =
    [
        new("ab"u8.ToArray(), 7, EntryKind.Put, "1"u8.ToArray()),
        new("ac"u8.ToArray(), 9, EntryKind.Delete, []),
        new("ac"u8.ToArray(), 3, EntryKind.Put, "2"u8.ToArray()),
    ];

    [Fact]
    public void Golden_bytes_of_a_table() =>
        Assert.Equal(Golden, Convert.ToHexStringLower(Written(GoldenRun, new TableOptions())));

    [Fact]
    public void The_hash_of_a_key_is_part_of_the_format()
    {
        Assert.Equal("670527f286862c69", $"{BloomFilter.Hash([]):x16}");
        Assert.Equal("81ee62eed58aaebb", $"{BloomFilter.Hash("key"u8):x16}");
        Assert.Equal("eac49880f009458e", $"{BloomFilter.Hash("sixteen bytes ab"u8):x16}");
    }

    [Fact]
    public void Any_flipped_byte_is_damage_that_is_told_or_makes_no_difference()
    {
        var run = Versions.Run(new Random(3), 40);
        var whole = Written(run, new TableOptions { BlockBytes = 128, RestartInterval = 3 });
        var told = 0;
        for (var at = 0; at < whole.Length; at++)
        {
            byte[] flipped = [.. whole];
            flipped[at] ^= (byte)(1 << (at % 8));
            told += ReadAll(flipped, run) ? 0 : 1;
        }

        // A cursor and point reads look at every block, and every byte is under a checksum.
        Assert.Equal(whole.Length, told);
    }

    [Fact]
    public void A_table_that_was_cut_or_has_bytes_behind_it_is_damage()
    {
        var run = Versions.Run(new Random(3), 40);
        var whole = Written(run, new TableOptions { BlockBytes = 128 });
        for (var length = 0; length < whole.Length; length++)
            Assert.False(ReadAll(whole[..length], run));
        Assert.False(ReadAll([.. whole, 0], run));
        Assert.True(ReadAll(whole, run));
    }

    [Fact]
    public void A_file_of_random_bytes_is_damage()
    {
        var random = new Random(1);
        for (var i = 0; i < 300; i++)
        {
            var bytes = new byte[random.Next(300)];
            random.NextBytes(bytes);
            if (bytes.Length >= 8)
                "KvSortTb"u8.CopyTo(bytes.AsSpan(bytes.Length - 8));
            Assert.False(ReadAll(bytes, []));
        }
    }

    // Random content under right checksums: nothing may be read outside of it.
    [Fact]
    public unsafe void A_block_that_is_not_whole_is_found_before_it_is_used()
    {
        var random = new Random(1);
        var body = Body(random);
        for (var i = 0; i < 20_000; i++)
        {
            var changed = body[..(i % 2 == 0 ? body.Length : random.Next(body.Length))];
            for (var n = random.Next(1, 4); n > 0 && changed.Length > 0; n--)
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
            fixed (byte* start = changed)
            {
                if (!BlockView.IsWhole(start, changed.Length))
                    continue;
                var cursor = default(BlockCursor);
                cursor.Open(new BlockView(start, changed.Length));
                for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
                    Assert.True(cursor.Key.Length + cursor.Value.Length <= changed.Length * 8);
            }
        }
    }

    [Fact]
    public void A_newer_version_is_told()
    {
        var bytes = Written(GoldenRun, new TableOptions());
        bytes[^16] = 3;
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - 12), Crc32C.Of(bytes.AsSpan()[^40..^12]));
        var error = Assert.Throws<TreeDamagedException>(() => Open(bytes));
        Assert.Contains("(table format 3, this one reads 2)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reserved_flag_of_a_block_is_refused()
    {
        var bytes = Written(GoldenRun, new TableOptions());
        var flag = bytes.AsSpan().IndexOf(Convert.FromHexString("080000000100000000")) + 8;
        bytes[flag] = 2;
        var crc = TableFormat.BlockCrc(0, bytes.AsSpan(0, flag + 1));
        BitConverter.TryWriteBytes(bytes.AsSpan(flag + 1), crc);
        using var table = Open(bytes);
        var error = Assert.Throws<TreeDamagedException>(() => table.TryGet("ab"u8, 9, out _));
        Assert.Contains("unknown flag 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_bytes_of_many_tables_are_what_they_were()
    {
        var sum = Crc32C.Begin;
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            // How blocks are compressed is the codec's business.
            var options = TableFiles.Options(random) with { Compression = BlockCompression.None };
            var run = Versions.Run(random, random.Next(1, 400), sequences: 1000, valueMax: 300);
            sum = Crc32C.Add(sum, Written(run, options));
        }

        Assert.Equal(2582267806u, Crc32C.End(sum));
    }

    private static byte[] Body(Random random)
    {
        var builder = new BlockBuilder(4);
        foreach (var entry in Versions.Run(random, 30))
        {
            var common = entry.Key.AsSpan().CommonPrefixLength(builder.LastKey);
            builder.Add(entry.Key, common, entry.Sequence, entry.Kind, entry.Value);
        }

        return builder.Finish().ToArray();
    }

    private static byte[] Written(List<Versioned> run, TableOptions options)
    {
        var disk = new CrashFileSystem();
        TableFiles.Write(disk, "t", run, options);
        return disk.ReadAll("t");
    }

    private static TableReader Open(byte[] bytes, BlockCache? cache = null)
    {
        var disk = new CrashFileSystem();
        disk.WriteAll("t", bytes);
        return TableReader.Open(disk, "t", 1, cache ?? new BlockCache(0));
    }

    // True if everything could be read, and then it is right; false if damage was told as it should be.
    private static bool ReadAll(byte[] bytes, List<Versioned> run)
    {
        try
        {
            using var table = Open(bytes);
            using var cursor = table.OpenCursor(readAheadBytes: 100);
            var at = 0;
            for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next(), at++)
                Assert.Equal(run[at].ToString(), new Versioned(
                    cursor.Key.ToArray(), cursor.Sequence, cursor.Kind, cursor.Value.ToArray()).ToString());
            Assert.Equal(run.Count, at);
            foreach (var entry in run)
            {
                Assert.True(table.TryGet(entry.Key, entry.Sequence, out var found));
                Assert.Equal(entry.Value, found.Value.ToArray());
                found.Dispose();
            }

            return true;
        }
        catch (TreeDamagedException error)
        {
            Assert.StartsWith("t is damaged at byte ", error.Message, StringComparison.Ordinal);
            Assert.Contains("Restore the node from its peers", error.Message, StringComparison.Ordinal);
            return false;
        }
    }
}
