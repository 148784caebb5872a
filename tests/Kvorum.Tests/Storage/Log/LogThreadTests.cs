using Kvorum.Storage.Files;
using Kvorum.Storage.Log;

namespace Kvorum.Tests.Storage.Log;

/// <summary>The log with real threads on the real disk.</summary>
public sealed class LogThreadTests : IDisposable
{
    private readonly string _root = Path.Combine(Path.GetTempPath(), $"kvorum-{Guid.NewGuid():N}");

    public void Dispose()
    {
        if (Directory.Exists(_root))
            Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task Many_appenders_share_syncs_and_find_all_again()
    {
        const int Appenders = 4;
        const int PerAppender = 2000;
        var options = new SharedLogOptions { SegmentBytes = 64 << 10 };
        var jobs = new ThreadedJobs();
        var log = SharedLog.Open(new DiskFileSystem(_root), "log", options, jobs, new ReplayedLog());
        var completed = new int[Appenders];
        var outOfOrder = 0;
        Thread[] threads = [.. Enumerable.Range(0, Appenders).Select(me => new Thread(() =>
        {
            for (var i = 1; i <= PerAppender; i++)
            {
                var index = i;
                var batch = new LogBatch();
                batch.AddEntry((uint)me, (ulong)index, TestBytes.Of($"{me}/{index}"), default);
                batch.SetState((uint)me, TestBytes.Of($"{index}"));
                log.Append(batch, (_, error) =>
                {
                    if (error is not null || completed[me] != index - 1)
                        Interlocked.Increment(ref outOfOrder);
                    Volatile.Write(ref completed[me], index);
                });
                // One appender keeps everything, the others let go of all but the last hundred.
                if (me > 0 && Volatile.Read(ref completed[me]) is > 100 and var done)
                    log.Release((uint)me, (ulong)done - 100);
            }
        }))];
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            Assert.True(thread.Join(TimeSpan.FromSeconds(60)));
        await Eventually.Holds(() => completed.All(count => count == PerAppender), 60);
        // Those that were done before the disk was have not let go of anything yet.
        for (uint me = 1; me < Appenders; me++)
            log.Release(me, PerAppender - 100);
        jobs.Dispose();
        Assert.All(completed, count => Assert.Equal(PerAppender, count));
        Assert.Equal(0, outOfOrder);
        Assert.Equal(Appenders * PerAppender, log.Counters.Batches);
        Assert.True(log.Counters.Syncs <= Appenders * PerAppender);
        Assert.False(log.IsBehind);
        Assert.Equal([0u], log.HoldersOfOldest(1).Take(1));
        log.Dispose();

        var replayed = new ReplayedLog();
        SharedLog.Open(new DiskFileSystem(_root), "log", options, new PumpedJobs(), replayed).Dispose();
        Assert.Equal(PerAppender, replayed.Entries[0].Count);
        for (uint me = 0; me < Appenders; me++)
        {
            Assert.Equal($"{PerAppender}", replayed.States[me]);
            Assert.Equal($"{me}/{PerAppender}", replayed.Entries[me][PerAppender]);
            Assert.True(replayed.Entries[me].Count >= 100);
        }
    }

    [Fact]
    public void A_big_log_is_replayed_whole_and_stays_small_once_released()
    {
        var options = new SharedLogOptions { SegmentBytes = 256 << 10 };
        var disk = new DiskFileSystem(_root);
        var jobs = new PumpedJobs();
        using (var log = SharedLog.Open(disk, "log", options, jobs, new CountingReplay()))
        {
            var body = new byte[100];
            for (var batch = 0; batch < 50; batch++)
            {
                var records = new LogBatch();
                for (var i = 0; i < 1000; i++)
                    records.AddEntry((uint)i % 10, (ulong)(batch * 100 + i / 10 + 1), "head"u8, body);
                log.Append(records, (_, error) => Assert.Null(error));
                jobs.RunAll();
            }
        }

        var counted = new CountingReplay();
        using var again = SharedLog.Open(disk, "log", options, jobs, counted);
        Assert.Equal(50_000, counted.Entries);
        Assert.Equal(50_000 * 104L, counted.Bytes);
        Assert.Equal(50_000, again.Recovery.Records);
        Assert.True(again.Recovery.Segments > 20);
        Assert.Equal(Enumerable.Range(0, 10).Select(group => (uint)group), again.HoldersOfOldest(20));
        for (uint group = 0; group < 10; group++)
            again.Release(group, ulong.MaxValue);
        jobs.RunAll();
        Assert.InRange(again.DiskBytes, 1, 3 << 18);
    }

    private sealed class CountingReplay : ILogReplay
    {
        public int Entries { get; private set; }

        public long Bytes { get; private set; }

        public void Entry(uint group, ulong index, ReadOnlySpan<byte> payload)
        {
            Entries++;
            Bytes += payload.Length;
        }

        public void State(uint group, ReadOnlySpan<byte> payload)
        {
        }
    }
}
