using System.Text;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Caching;
using Kvorum.Storage.Lsm.Tables;
using Kvorum.Tests.Storage.Lsm.Harness;

namespace Kvorum.Tests.Storage.Lsm.Tables;

public class TableTests
{
    [Fact]
    public void A_table_gives_back_what_was_written_to_point_reads_and_cursors()
    {
        for (var seed = 0; seed < 150; seed++)
        {
            var random = new Random(seed);
            var run = Versions.Run(random, 1 + random.Next(seed % 10 == 0 ? 3000 : 200));
            using var cache = new BlockCache(random.Next(3) switch { 0 => 0, 1 => 20_000, _ => 1 << 24 });
            using var table = TableFiles.WriteAndOpen(
                new CrashFileSystem(), 7, run, TableFiles.Options(random), cache);
            CheckProperties(run, table);
            CheckPointReads(run, table, random);
            using (var cursor = table.OpenCursor())
                CursorModel.Check(cursor, run, random, 200);
            using (var cursor = table.OpenCursor(readAheadBytes: 1 << random.Next(3, 18)))
                CursorModel.Check(cursor, run, random, 200);
        }
    }

    [Fact]
    public void Versions_of_one_key_may_fill_many_blocks_and_groups()
    {
        var run = Enumerable.Range(0, 5000)
            .Select(i => new Versioned("key"u8.ToArray(), (ulong)(5000 - i), EntryKind.Put, new byte[8]))
            .ToList();
        using var cache = new BlockCache(1 << 20);
        using var table = TableFiles.WriteAndOpen(
            new CrashFileSystem(), 1, run, new TableOptions { BlockBytes = 64 }, cache);
        for (ulong sequence = 0; sequence <= 5001; sequence++)
        {
            var isFound = table.TryGet("key"u8, sequence, out var found);
            Assert.Equal(sequence > 0, isFound);
            if (isFound)
                Assert.Equal(Math.Min(sequence, 5000), found.Sequence);
            found.Dispose();
        }
    }

    [Fact]
    public void Large_keys_and_values_and_far_sequences_fit()
    {
        List<Versioned> run =
        [
            new([], 0, EntryKind.Put, new byte[3 << 20]),
            new(new byte[4096], TableFormat.SequenceMax, EntryKind.Put, [1]),
            new(new byte[4096], 0, EntryKind.Delete, []),
            new([.. new byte[4096], 1], 5, EntryKind.Put, new byte[5000]),
        ];
        using var cache = new BlockCache(1 << 20);
        using var table = TableFiles.WriteAndOpen(
            new CrashFileSystem(), 1, run, new TableOptions(), cache);
        CheckPointReads(run, table, new Random(1));
        using var cursor = table.OpenCursor();
        CursorModel.Check(cursor, run, new Random(1), 100);
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            TableFiles.Write(
                new CrashFileSystem(), "t", [run[0] with { Sequence = 1ul << 61 }], new TableOptions()));
    }

    [Fact]
    public void A_filter_spares_nearly_all_reads_of_keys_that_are_not_there()
    {
        List<Versioned> run = [.. Enumerable.Range(0, 20_000)
            .Select(i => new Versioned(Encoding.ASCII.GetBytes($"{i:d8}"), 1, EntryKind.Put, []))];
        using var cache = new BlockCache(8 << 20);
        using var table = TableFiles.WriteAndOpen(
            new CrashFileSystem(), 1, run, new TableOptions(), cache);
        var before = cache.Hits + cache.Misses;
        for (var i = 0; i < 10_000; i++)
            Assert.False(table.TryGet(Encoding.ASCII.GetBytes($"{i:d8}x"), ulong.MaxValue, out _));
        // One lookup each for the filter, two more for each that it lets through.
        // The filters are pinned: the cache is asked for the few blocks only that a filter lets through.
        Assert.InRange(cache.Hits + cache.Misses - before, 1, 500);
    }

    [Fact]
    public void A_point_read_of_cached_blocks_allocates_nothing()
    {
        using var cache = new BlockCache(8 << 20);
        using var table = TableFiles.WriteAndOpen(
            new CrashFileSystem(), 1, Versions.Run(new Random(1), 1000), new TableOptions(), cache);
        for (var i = 0; i < 100; i++)
            Read();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            Read();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Read()
        {
            if (table.TryGet("k"u8, ulong.MaxValue, out var found))
                found.Dispose();
        }
    }

    [Fact]
    public void A_long_scan_with_read_ahead_leaves_the_cache_as_it_was()
    {
        using var cache = new BlockCache(8 << 20);
        var run = Versions.Run(new Random(1), 2000);
        using var table = TableFiles.WriteAndOpen(
            new CrashFileSystem(), 1, run, new TableOptions(), cache);
        using var cursor = table.OpenCursor(readAheadBytes: 64 << 10);
        var count = 0;
        for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
            count++;
        Assert.Equal(run.Count, count);
        Assert.Equal(0, cache.Bytes);
    }

    [Fact]
    public void A_table_is_synced_once_and_written_in_large_pieces()
    {
        var disk = new CrashFileSystem();
        var random = new Random(1);
        var run = Enumerable.Range(0, 10_000).Select(i =>
            Versions.One(random, Encoding.ASCII.GetBytes($"{i:d8}"), 1, 200));
        TableFiles.Write(disk, "t", run, new TableOptions());
        Assert.Equal(1, disk.Trace.Count(line => line == "sync t"));
        Assert.InRange(disk.Trace.Count(line => line == "write t"), 2, 6);
    }

    [Fact]
    public void Entries_out_of_order_and_empty_tables_are_refused()
    {
        Versioned a = new("a"u8.ToArray(), 5, EntryKind.Put, []);
        Versioned b = new("b"u8.ToArray(), 5, EntryKind.Put, []);
        Refused(b, a);
        Refused(a, a);
        Refused(a, a with { Sequence = 6 });
        Refused();

        static void Refused(params Versioned[] run) => Assert.Throws<InvalidOperationException>(() =>
            TableFiles.Write(new CrashFileSystem(), "t", run, new TableOptions()));
    }

    private static void CheckProperties(List<Versioned> run, TableReader table)
    {
        var info = table.Info;
        Assert.Equal(7ul, info.Number);
        Assert.Equal(table.Bytes, info.Bytes);
        Assert.Equal(run.Count, info.Entries);
        Assert.Equal(run.Count(entry => entry.Kind == EntryKind.Delete), info.Deletes);
        Assert.Equal(run[0].Key, info.Smallest.ToArray());
        Assert.Equal(run[^1].Key, info.Largest.ToArray());
        Assert.Equal(run.Min(entry => entry.Sequence), info.SmallestSequence);
        Assert.Equal(run.Max(entry => entry.Sequence), info.LargestSequence);
    }

    private static void CheckPointReads(List<Versioned> run, TableReader table, Random random)
    {
        for (var i = 0; i < 300; i++)
        {
            var key = random.Next(2) == 0 ? run[random.Next(run.Count)].Key : Versions.Key(random);
            var sequence = random.Next(2) == 0 ? ulong.MaxValue : (ulong)random.Next(42);
            var expected = run.Find(e => e.Key.AsSpan().SequenceEqual(key) && e.Sequence <= sequence);
            var isFound = table.TryGet(key, sequence, out var found);
            var actual = isFound
                ? new Versioned(key, found.Sequence, found.Kind, found.Value.ToArray()) : null;
            found.Dispose();
            Assert.Equal(expected?.ToString(), actual?.ToString());
            Assert.Equal(expected?.Value, actual?.Value);
        }
    }
}
