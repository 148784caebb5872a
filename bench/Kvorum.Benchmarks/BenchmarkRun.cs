using System.Diagnostics;

namespace Kvorum.Benchmarks;

/// <summary>Runs operations on one or more threads for some seconds.</summary>
internal static class BenchmarkRun
{
    private const int LookAtClockEvery = 64;

    /// <summary>
    /// What each thread does: operations, counted, as long as it may go on. The random numbers differ from
    /// thread to thread and not from run to run.
    /// </summary>
    public delegate void Work(Random random, Measurement counted, Func<bool> goesOn);

    /// <summary>
    /// As db_bench measures: a random fill, then, when all is compacted and the cache is warm, reads and
    /// scans. One result each.
    /// </summary>
    public static IEnumerable<BenchmarkResult> Whole(BenchmarkOptions options, IMeasuredStore store)
    {
        var before = Environment.CpuUsage.TotalTime;
        var fill = OnThreads("fill random", options.Threads, store.Fill);
        store.Settle();
        var filled = Environment.CpuUsage.TotalTime - before;
        Timed("warm-up", options, store.ReadRandom);
        var unique = store.ScanAll();
        const int pair = BenchmarkKeys.KeyBytes + BenchmarkKeys.ValueBytes;
        yield return fill with
        {
            CpuMicroseconds = filled.TotalMicroseconds / fill.Operations,
            WriteAmplification = store.BytesWritten / (options.Keys * pair),
            SpaceAmplification = (double)store.DiskBytes / (unique * pair),
        };
        yield return Timed("read random", options, store.ReadRandom);
        yield return Timed("seek and 10 next", options, store.SeekRandom);
        yield return Scan(store.ScanAll);
        var during = DuringWrites(options, store.ReadRandom, store.PutOne);
        store.Settle();
        yield return during;
    }

    /// <summary>A scan through everything, which counts what is there.</summary>
    public static BenchmarkResult Scan(Func<long> scan)
    {
        var before = Environment.CpuUsage.TotalTime;
        var begun = Stopwatch.GetTimestamp();
        var count = scan();
        return new BenchmarkResult("scan", 1, count, Stopwatch.GetElapsedTime(begun).TotalSeconds)
        {
            CpuMicroseconds = (Environment.CpuUsage.TotalTime - before).TotalMicroseconds / count,
        };
    }

    /// <summary>
    /// Runs the work while one more thread writes as fast as it can, so that flushes and compactions run all
    /// the time.
    /// </summary>
    public static BenchmarkResult DuringWrites(
        BenchmarkOptions options, Work reads, Action<Random, Measurement> write)
    {
        using var stop = new ManualResetEventSlim();
        var writes = new Measurement();
        var writer = new Thread(() =>
        {
            var random = new Random(7);
            while (!stop.IsSet)
                write(random, writes);
        });
        writer.Start();
        var result = Timed("read random during writes", options, reads);
        stop.Set();
        writer.Join();
        return result;
    }

    /// <summary>Runs the work on all threads for the time that the options say.</summary>
    public static BenchmarkResult Timed(string name, BenchmarkOptions options, Work work)
    {
        var end = Stopwatch.GetTimestamp() + (long)(options.Seconds * Stopwatch.Frequency);
        return OnThreads(name, options.Threads, (thread, counted) =>
        {
            var until = 0;
            work(new Random(thread + 1), counted, () =>
                until++ % LookAtClockEvery != 0 || Stopwatch.GetTimestamp() < end);
        });
    }

    /// <summary>Runs the work on so many threads until each has done its part.</summary>
    public static BenchmarkResult OnThreads(string name, int threads, Action<int, Measurement> work)
    {
        var counted = Enumerable.Range(0, threads).Select(_ => new Measurement()).ToArray();
        var failures = new Exception?[threads];
        var running = Enumerable.Range(0, threads).Select(i => new Thread(() =>
        {
            try
            {
                work(i, counted[i]);
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                failures[i] = failure;
            }
        })).ToArray();
        var cpuBefore = Environment.CpuUsage.TotalTime;
        var begun = Stopwatch.GetTimestamp();
        foreach (var thread in running)
            thread.Start();
        foreach (var thread in running)
            thread.Join();
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        var cpu = Environment.CpuUsage.TotalTime - cpuBefore;
        if (failures.OfType<Exception>().FirstOrDefault() is { } first)
            throw new InvalidOperationException($"{name}: {first.Message}", first);
        foreach (var other in counted.Skip(1))
            counted[0].Add(other);
        return new BenchmarkResult(name, threads, counted[0].Count, seconds)
        {
            CpuMicroseconds = cpu.TotalMicroseconds / Math.Max(1, counted[0].Count),
            P50Microseconds = counted[0].Microseconds(0.5),
            P99Microseconds = counted[0].Microseconds(0.99),
        };
    }
}
