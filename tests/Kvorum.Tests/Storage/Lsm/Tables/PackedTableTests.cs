using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Caching;
using Kvorum.Storage.Lsm.Tables;
using Kvorum.Tests.Storage.Lsm.Harness;

namespace Kvorum.Tests.Storage.Lsm.Tables;

/// <summary>Tables whose data blocks are compressed.</summary>
public class PackedTableTests
{
    private const string Golden =
        // data block: its length before; sequences of LZ4; flag, crc
        "45000000" + "23010001007009296b65792d3001002f0161010014800800000001000000" + "01" + "74d38db7" +
        // index block, filter, top, properties: as in any table; the footer says version 2
        "01000000000000000009036b65792d3030303030010027080000000100000000f4b490bc000000000000000002" +
        "000000000000000000000000000000000000010000000008000000100000000400000000000000000400000000" +
        "0000000000000000000000b303c3b001000000000000000009046b65792d303030303001272445080000000100" +
        "0000003c382ec4000000000000000000004b010100000000000000000000000000000001000000000000000100" +
        "00000000000001000000000000002700000000000000090000006b65792d3030303030090000006b65792d3030" +
        "3030300800000001000000001955398c900000000000000025000000630000000000000000000000020000002c" +
        "3f251b4b76536f72745462";

    private static readonly TableOptions Packed = new() { Compression = BlockCompression.Lz4 };

    [Fact]
    public void Golden_bytes_of_a_packed_table() =>
        Assert.Equal(Golden, Convert.ToHexStringLower(Written(Run(1, 40), Packed)));

    [Fact]
    public void Only_data_blocks_that_shrink_are_packed_and_only_then_it_is_another_format()
    {
        var text = Run(50, 300);
        List<Versioned> noise = [.. Enumerable.Range(0, 50).Select(i => Random(i))];
        Assert.Equal(Written(noise, new TableOptions()), Written(noise, Packed));
        Assert.Equal(1, Version(Written(noise, Packed)));
        Assert.Equal(1, Version(Written(text, new TableOptions())));
        Assert.Equal(2, Version(Written(text, Packed)));
        Assert.True(Written(text, Packed).Length < Written(text, new TableOptions()).Length / 3);
    }

    // What is in memory is plain, and what is cached is found there again.
    [Theory]
    [InlineData(0)]
    [InlineData(1 << 20)]
    public void Point_reads_and_cursors_find_all(int cacheBytes)
    {
        List<Versioned> run = [.. Run(400, 300), .. Enumerable.Range(1000, 400).Select(i => Random(i))];
        using var cache = new BlockCache(cacheBytes);
        using var table = TableFiles.WriteAndOpen(new CrashFileSystem(), 1, run, Packed, cache);
        for (var round = 0; round < 2; round++)
        {
            foreach (var entry in run)
            {
                Assert.True(table.TryGet(entry.Key, ulong.MaxValue, out var found));
                Assert.Equal(entry.Value, found.Value.ToArray());
                found.Dispose();
            }
        }

        Assert.Empty(new TableCheck(table, "t").Run());
        foreach (var ahead in (int[])[0, 1, 5000, 1 << 20])
        {
            using var cursor = table.OpenCursor(ahead);
            CursorModel.Check(cursor, run, new Random(ahead), 300);
        }
    }

    [Fact]
    public void Any_flipped_byte_is_damage()
    {
        var run = Run(12, 60);
        var whole = Written(run, Packed with { BlockBytes = 256 });
        Assert.Equal(2, Version(whole));
        for (var at = 0; at < whole.Length; at++)
        {
            byte[] flipped = [.. whole];
            flipped[at] ^= (byte)(1 << (at % 8));
            Assert.ThrowsAny<TreeDamagedException>(() => ReadAll(flipped));
        }
    }

    // Under right checksums: what is there is read or told, and memory only grows by what can be.
    [Fact]
    public void Any_change_of_packed_bytes_is_told_or_whole_and_takes_no_memory()
    {
        var run = Run(12, 60);
        var whole = Written(run, Packed);
        var block = BlockBytesOf(whole);
        var random = new Random(1);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        Assert.InRange(block, 5, whole.Length);
        for (var n = 0; n < 5000; n++)
        {
            byte[] changed = [.. whole];
            for (var i = random.Next(1, 4); i > 0; i--)
                changed[random.Next(n % 2 == 0 ? 4 : block)] = (byte)random.Next(256);
            var crc = TableFormat.BlockCrc(0, changed.AsSpan(0, block + 1));
            BitConverter.TryWriteBytes(changed.AsSpan(block + 1), crc);
            try
            {
                ReadAll(changed);
            }
            catch (TreeDamagedException)
            {
            }
        }

        Assert.True(GC.GetTotalAllocatedBytes(precise: true) - before < 1L << 30);
    }

    private static int Version(byte[] table) => BitConverter.ToInt32(table, table.Length - 16);

    // The body of the first block, which is all of the data: its index entry says how long it is.
    private static int BlockBytesOf(byte[] table)
    {
        using var reader = Open(table);
        BlockCursor groups = default;
        groups.Open(reader.Top);
        groups.SeekToFirst();
        return (int)GroupHandle.Read(groups.Value).Index.Offset - TableFormat.TrailerBytes;
    }

    private static List<Versioned> Run(int count, int valueBytes) =>
    [
        .. Enumerable.Range(0, count).Select(i => new Versioned(
            TestBytes.Of($"key-{i:d5}"), (ulong)i + 1, EntryKind.Put,
            TestBytes.Of(new string((char)('a' + (i % 3)), valueBytes)))),
    ];

    private static Versioned Random(int number)
    {
        var value = new byte[100];
        new Random(number).NextBytes(value);
        return new Versioned(TestBytes.Of($"key-{number:d5}"), 7, EntryKind.Put, value);
    }

    private static byte[] Written(List<Versioned> run, TableOptions options)
    {
        var disk = new CrashFileSystem();
        TableFiles.Write(disk, "t", run, options);
        return disk.ReadAll("t");
    }

    private static TableReader Open(byte[] bytes)
    {
        var disk = new CrashFileSystem();
        disk.WriteAll("t", bytes);
        return TableReader.Open(disk, "t", 1, new BlockCache(0));
    }

    private static void ReadAll(byte[] bytes)
    {
        using var table = Open(bytes);
        if (new TableCheck(table, "t").Run() is [var damage, ..])
            throw damage;
    }
}
