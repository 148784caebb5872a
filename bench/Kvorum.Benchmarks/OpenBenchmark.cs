using System.Diagnostics;
using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Benchmarks;

/// <summary>
/// What trees cost that do nothing: memory of empty ones, and the time to open one again that has as many
/// tables as 10 GB have. Opening reads the end of each table, whatever its size, so small tables will do.
/// </summary>
internal sealed class OpenBenchmark(BenchmarkOptions options)
{
    private const int EmptyTrees = 1000;
    private const int Tables = 640;
    private const int TableBytes = 256 << 10;

    private readonly DiskFileSystem _disk = new(options.Folder);

    /// <summary>Both; one result each.</summary>
    public IEnumerable<BenchmarkResult> Run()
    {
        yield return Empty();
        yield return Reopen();
    }

    private BenchmarkResult Empty()
    {
        using var share = new TreeShare(_disk, options.CacheBytes);
        using (Tree.Open(share, "first", new TreeOptions())) // compiles what is needed
        {
        }

        var before = Memory();
        var begun = Stopwatch.GetTimestamp();
        Tree[] trees = [.. Enumerable.Range(0, EmptyTrees)
            .Select(i => Tree.Open(share, $"empty{i}", new TreeOptions()))];
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        var after = Memory();
        foreach (var tree in trees)
            tree.Dispose();
        return new BenchmarkResult("open empty trees", 1, EmptyTrees, seconds)
        {
            MemoryBytes = (after - before) / EmptyTrees,
        };
    }

    private BenchmarkResult Reopen()
    {
        var small = new TreeOptions { TableBytes = TableBytes };
        Write(small);
        using var share = new TreeShare(_disk, options.CacheBytes);
        var begun = Stopwatch.GetTimestamp();
        using var tree = Tree.Open(share, "full", small);
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        return new BenchmarkResult("open a tree, tables", 1, tree.Levels.Sum(level => level.Tables), seconds);
    }

    private void Write(TreeOptions small)
    {
        using var share = new TreeShare(_disk, options.CacheBytes);
        using var flushes = new JobThread();
        using var compactions = new JobThread();
        using var writer = new TreeWriter(share, "full", flushes, compactions, small);
        Span<byte> key = stackalloc byte[BenchmarkKeys.KeyBytes];
        var random = new Random(11);
        var pairs = (long)Tables * TableBytes / (BenchmarkKeys.KeyBytes + BenchmarkKeys.ValueBytes);
        while (writer.Tree.Levels.Sum(level => level.Tables) < Tables)
        {
            for (long i = 0; i < pairs; i++)
            {
                BenchmarkKeys.Write(key, random.NextInt64());
                writer.Put(key, BenchmarkKeys.Value(i));
            }

            writer.Settle();
        }
    }

    // Of the whole process, with what the collector can give back given back.
    private static long Memory()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
