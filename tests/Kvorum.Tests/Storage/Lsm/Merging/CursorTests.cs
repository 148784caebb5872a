using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Merging;
using Kvorum.Tests.Storage.Lsm.Harness;

namespace Kvorum.Tests.Storage.Lsm.Merging;

public class CursorTests
{
    [Fact]
    public void Merged_runs_are_one_run_both_ways()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var all = Versions.Run(random, random.Next(60));
            var parts = Parts(all, 1 + random.Next(6), random);
            using (var merged = new MergingCursor(parts))
                CursorModel.Check(merged, all, random, 200);
            Assert.All(parts, part => Assert.True(part.IsDisposed));
        }
    }

    [Fact]
    public void The_tables_of_a_level_are_one_run_both_ways_and_one_is_open_at_a_time()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var all = Versions.Run(random, random.Next(60));
            var parts = Runs(all, random);
            RunCursor? last = null;
            using var level = new LevelCursor([.. parts.Select(Info)], table =>
            {
                Assert.True(last is null || last.IsDisposed);
                return last = new RunCursor(parts[(int)table.Number]);
            });
            CursorModel.Check(level, all, random, 200);
        }
    }

    [Fact]
    public void A_merge_of_nothing_is_empty()
    {
        using var merged = new MergingCursor([]);
        CursorModel.Check(merged, [], new Random(1), 50);
    }

    [Fact]
    public void A_view_sees_the_newest_version_of_each_key_both_ways_within_its_bounds()
    {
        for (var seed = 0; seed < 600; seed++)
        {
            var random = new Random(seed);
            var all = Versions.Run(random, random.Next(80));
            var sequence = random.Next(4) == 0 ? ulong.MaxValue : (ulong)random.Next(42);
            var from = random.Next(2) == 0 ? Versions.Key(random) : null;
            var end = random.Next(2) == 0 ? Versions.Key(random) : null;
            var merged = new MergingCursor(Parts(all, 1 + random.Next(4), random));
            using var visible = new VisibleCursor(merged, sequence, from, end);
            CursorModel.Check(visible, Seen(all, sequence, from, end), random, 200);
        }
    }

    // Cut between keys, as compaction does.
    private static List<List<Versioned>> Runs(List<Versioned> all, Random random)
    {
        var runs = new List<List<Versioned>>();
        foreach (var entry in all)
        {
            var isSameKey = runs.Count > 0 && runs[^1][^1].Key.AsSpan().SequenceEqual(entry.Key);
            if (runs.Count == 0 || (!isSameKey && random.Next(5) == 0))
                runs.Add([]);
            runs[^1].Add(entry);
        }

        return runs;
    }

    private static TableInfo Info(List<Versioned> run, int number) =>
        new((ulong)number, 1, run.Count, 0, run[0].Key, run[^1].Key, 0, 0);

    private static RunCursor[] Parts(List<Versioned> all, int count, Random random)
    {
        var parts = Enumerable.Range(0, count).Select(_ => new List<Versioned>()).ToArray();
        foreach (var entry in all)
            parts[random.Next(count)].Add(entry);
        return [.. parts.Select(part => new RunCursor(part))];
    }

    private static List<Versioned> Seen(List<Versioned> all, ulong sequence, byte[]? from, byte[]? end) =>
    [
        .. all.Where(entry => entry.Sequence <= sequence)
            .GroupBy(entry => Convert.ToHexString(entry.Key))
            .Select(versions => versions.First())
            .Where(entry => entry.Kind == EntryKind.Put)
            .Where(entry => from is null || entry.Key.AsSpan().SequenceCompareTo(from) >= 0)
            .Where(entry => end is null || entry.Key.AsSpan().SequenceCompareTo(end) < 0),
    ];
}
