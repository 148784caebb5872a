using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Compaction;
using Kvorum.Storage.Lsm.Merging;
using Kvorum.Tests.Storage.Lsm.Harness;

namespace Kvorum.Tests.Storage.Lsm.Compaction;

public class CompactorTests
{
    [Fact]
    public void Every_view_sees_the_same_before_and_after_any_compactions()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            using var store = new TableStore(TableFiles.Options(random), Options(random));
            var all = new List<Versioned>();
            ulong sequence = 0;
            ulong? view = null;
            for (var round = 0; round < 30; round++)
            {
                var before = sequence;
                var run = NextRun(random, ref sequence);
                all.AddRange(run);
                store.Flush(run);
                // A view is opened between two writes, before what it sees is in any table.
                if (random.Next(4) == 0)
                    view = view is null ? before + (ulong)random.NextInt64((long)(sequence - before)) : null;
                var compactions = random.Next(4);
                while (compactions-- > 0 && Compact(store, view ?? ulong.MaxValue, random))
                    CheckLevels(store.Levels);
                CheckView(store, all, ulong.MaxValue);
                if (view is { } open)
                    CheckView(store, all, open);
                else
                    all = Seen(all, sequence);
            }
        }
    }

    [Fact]
    public void Deleting_everything_gives_all_space_back_without_a_further_write()
    {
        var random = new Random(1);
        using var store = new TableStore(TableFiles.Options(random), Options(random));
        ulong sequence = 0;
        for (var round = 0; round < 30; round++)
        {
            store.Flush(NextRun(random, ref sequence));
            while (Compact(store, ulong.MaxValue, random))
                CheckLevels(store.Levels);
        }

        var keys = new List<byte[]>();
        using (var cursor = store.OpenCursor())
        {
            for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
                keys.Add(cursor.Key.ToArray());
        }

        Assert.True(keys.Count > 100);
        store.Flush([.. keys.DistinctBy(Convert.ToHexString)
            .Select(key => new Versioned(key, ++sequence, EntryKind.Delete, []))]);
        while (Compact(store, ulong.MaxValue, random))
            CheckLevels(store.Levels);
        Assert.All(store.Levels.Tables, level => Assert.Empty(level));
        Assert.Empty(store.Disk.ListFiles(""));
    }

    [Fact]
    public void A_compaction_that_is_given_up_or_fails_leaves_no_file()
    {
        var random = new Random(1);
        using var store = new TableStore(
            TableFiles.Options(random), Options(random) with
            {
                TableBytes = 500,
                Level0Tables = 4,
                InputBytesMax = 1 << 20,
            });
        ulong sequence = 0;
        for (var i = 0; i < 4; i++)
            store.Flush(NextRun(random, ref sequence));
        var files = store.Disk.ListFiles("").Count;
        var choice = store.Pick(ulong.MaxValue)!;
        for (var steps = 0; steps < 6; steps++)
        {
            using var compactor = store.Compactor(choice, ulong.MaxValue);
            for (var i = 0; i < steps; i++)
                Assert.False(compactor.Step(80));
        }

        Assert.Equal(files, store.Disk.ListFiles("").Count);
        store.Disk.Fault = (operation, _) => operation == "sync" ? new IOException("injected") : null;
        using (var compactor = store.Compactor(choice, ulong.MaxValue))
            Assert.Throws<IOException>(() => compactor.Step(long.MaxValue));
        Assert.Equal(files, store.Disk.ListFiles("").Count);
    }

    [Fact]
    public void A_damaged_input_ends_the_compaction_and_says_which_file()
    {
        var random = new Random(1);
        using var store = new TableStore(new(), Options(random) with { Level0Tables = 1 });
        ulong sequence = 0;
        store.Flush(NextRun(random, ref sequence));
        store.Flush(NextRun(random, ref sequence));
        var path = $"{1:x16}.table";
        var bytes = store.Disk.ReadAll(path);
        bytes[20] ^= 1;
        store.Disk.WriteAll(path, bytes);
        using var compactor = store.Compactor(store.Pick(ulong.MaxValue)!, ulong.MaxValue);
        var error = Assert.Throws<TreeDamagedException>(() => compactor.Step(long.MaxValue));
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
    }

    private static CompactionOptions Options(Random random) => new()
    {
        Level0Tables = random.Next(1, 5),
        LevelBaseBytes = random.Next(500, 3000),
        LevelFactor = random.Next(2, 5),
        TableBytes = random.Next(200, 2000),
        InputBytesMax = random.Next(500, 5000),
        DeleteShare = 0.1 + (random.NextDouble() * 0.5),
        ReadAheadBytes = random.Next(2) * 512,
    };

    private static List<Versioned> NextRun(Random random, ref ulong sequence)
    {
        var run = new SortedSet<Versioned>();
        var count = random.Next(1, 60);
        for (var i = 0; i < count; i++)
            run.Add(Versions.One(random, Versions.Key(random), ++sequence, 20));
        return [.. run];
    }

    private static bool Compact(TableStore store, ulong oldestView, Random random)
    {
        var choice = store.Pick(oldestView);
        if (choice is null)
            return false;
        if (choice.IsMove)
        {
            store.Apply(choice, choice.Inputs);
            return true;
        }

        using var compactor = store.Compactor(choice, oldestView);
        while (!compactor.Step(random.Next(1, 3000)))
            Assert.Null(compactor.Result);
        var result = compactor.Result!;
        Assert.Equal(choice.InputBytes, result.BytesRead);
        Assert.Equal(result.Tables.Sum(table => table.Bytes), result.BytesWritten);
        store.Apply(choice, result.Tables);
        return true;
    }

    private static void CheckLevels(Levels levels)
    {
        foreach (var level in levels.Tables.Skip(1))
        {
            for (var i = 1; i < level.Length; i++)
                Assert.True(level[i - 1].Largest.Span.SequenceCompareTo(level[i].Smallest.Span) < 0);
        }
    }

    private static void CheckView(TableStore store, List<Versioned> all, ulong sequence)
    {
        using var visible = new VisibleCursor(store.OpenCursor(), sequence);
        List<Versioned> expected = [.. Seen(all, sequence).Where(entry => entry.Kind == EntryKind.Put)];
        var at = 0;
        for (visible.SeekToFirst(); visible.IsValid; visible.Next(), at++)
            Assert.Equal(expected[at].ToString(), new Versioned(
                visible.Key.ToArray(), visible.Sequence, visible.Kind, visible.Value.ToArray()).ToString());
        Assert.Equal(expected.Count, at);
    }

    private static List<Versioned> Seen(List<Versioned> all, ulong sequence) =>
    [
        .. all.Where(entry => entry.Sequence <= sequence).Order()
            .GroupBy(entry => Convert.ToHexString(entry.Key)).Select(versions => versions.First()),
    ];
}
