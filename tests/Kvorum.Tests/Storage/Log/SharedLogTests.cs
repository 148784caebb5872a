using Kvorum.Storage.Log;
using Kvorum.Tests.Storage.Files;

namespace Kvorum.Tests.Storage.Log;

public class SharedLogTests
{
    private readonly CrashFileSystem _disk = new();
    private readonly PumpedJobs _jobs = new();

    [Fact]
    public void WalAppendAndReplay()
    {
        using (SharedLog log = Open(_disk, out _))
        {
            List<string> told = [];
            for (uint i = 1; i <= 3; i++)
                log.Append(Batch(b => { b.AddEntry(7, i, "head-"u8, "body"u8); b.SetState(7, [(byte)('a' + i)]); }),
                    (_, error) => told.Add(error?.Message ?? $"ok {i}"));
            Assert.Empty(told);
            _jobs.RunAll();
            Assert.Equal(3, told.Count);
            Assert.All(told, line => Assert.StartsWith("ok", line));
            Assert.Equal(new LogCounters(3, 6, log.Counters.Bytes, 1), log.Counters);
        }

        using SharedLog again = Open(_disk.Crash(0), out ReplayedLog replayed);
        Assert.Equal(["head-body", "head-body", "head-body"], replayed.Entries[7].Values);
        Assert.Equal([1ul, 2, 3], replayed.Entries[7].Keys.ToArray());
        Assert.Equal("d", replayed.States[7]);
        Assert.Equal(6, again.Recovery.Records);
        Assert.Equal(0, again.Recovery.CutBytes);
    }

    [Fact]
    public void A_new_log_is_empty_and_so_is_it_when_opened_again()
    {
        Open(_disk, out ReplayedLog first).Dispose();
        Open(_disk, out ReplayedLog second).Dispose();
        Assert.Empty(first.Entries);
        Assert.Empty(second.Entries);
    }

    [Fact]
    public void Segments_roll_and_go_when_released_and_states_stay()
    {
        SharedLog log = Open(_disk, out _, segmentBytes: 1024);
        Append(log, b => b.SetState(9, "kept"u8));
        for (ulong i = 1; i <= 100; i++)
            Append(log, b => b.AddEntry(1, i, new byte[100], default));
        Assert.True(_disk.ListFiles("log").Count > 10);
        Assert.Equal([1u], log.HoldersOfOldest(5));
        long before = log.DiskBytes;

        log.Release(1, 95);
        _jobs.RunAll();
        Assert.InRange(_disk.ListFiles("log").Count, 1, 3);
        Assert.True(log.DiskBytes < before / 4);
        Assert.Empty(log.HoldersOfOldest(5));
        log.Dispose();

        using SharedLog again = Open(_disk.Crash(0), out ReplayedLog replayed, segmentBytes: 1024);
        Assert.Equal("kept", replayed.States[9]);
        Assert.Equal([96ul, 97, 98, 99, 100], replayed.Entries[1].Keys.Where(index => index > 95));
    }

    [Fact]
    public void After_a_failed_sync_nothing_completes_well_any_more()
    {
        SharedLog log = Open(_disk, out _);
        Append(log, b => b.AddEntry(1, 1, "durable"u8, default));
        _disk.Fault = (operation, _) => operation == "sync" ? new IOException("injected") : null;
        Exception? first = TryAppend(log, b => b.AddEntry(1, 2, "lost"u8, default));
        _disk.Fault = null;
        Exception? second = TryAppend(log, b => b.AddEntry(1, 3, "never"u8, default));
        Assert.Equal("injected", first?.Message);
        Assert.Same(first, second);

        using SharedLog again = Open(_disk.Crash(0), out ReplayedLog replayed);
        Assert.Equal(["durable"], replayed.Entries[1].Values);
    }

    private SharedLog Open(CrashFileSystem disk, out ReplayedLog replayed, long segmentBytes = 1 << 16)
    {
        replayed = new ReplayedLog();
        return SharedLog.Open(disk, "log", new SharedLogOptions { SegmentBytes = segmentBytes }, _jobs, replayed);
    }

    private void Append(SharedLog log, Action<LogBatch> fill) => Assert.Null(TryAppend(log, fill));

    private Exception? TryAppend(SharedLog log, Action<LogBatch> fill)
    {
        Exception? result = new InvalidOperationException("not completed");
        log.Append(Batch(fill), (_, error) => result = error);
        _jobs.RunAll();
        return result;
    }

    private static LogBatch Batch(Action<LogBatch> fill)
    {
        var batch = new LogBatch();
        fill(batch);
        return batch;
    }
}
