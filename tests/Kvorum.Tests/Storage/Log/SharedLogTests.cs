using Kvorum.Storage.Files;
using Kvorum.Storage.Log;

namespace Kvorum.Tests.Storage.Log;

public class SharedLogTests
{
    private readonly CrashFileSystem _disk = new();
    private readonly PumpedJobs _jobs = new();

    [Fact]
    public void WalAppendAndReplay()
    {
        using (var log = Open(_disk, out _))
        {
            List<string> told = [];
            for (uint i = 1; i <= 3; i++)
            {
                var batch = new LogBatch();
                batch.AddEntry(7, i, "head-"u8, "body"u8);
                batch.SetState(7, [(byte)('a' + i)]);
                log.Append(batch, (_, error) => told.Add(error?.Message ?? $"ok {batch.Count}"));
            }

            Assert.Empty(told);
            _jobs.RunAll();
            Assert.Equal(3, told.Count);
            Assert.All(told, line => Assert.StartsWith("ok", line));
            Assert.Equal(new LogCounters(3, 6, log.Counters.Bytes, 1), log.Counters);
        }

        using var again = Open(_disk.Crash(0), out var replayed);
        Assert.Equal(["head-body", "head-body", "head-body"], replayed.Entries[7].Values);
        Assert.Equal([1ul, 2, 3], replayed.Entries[7].Keys.ToArray());
        Assert.Equal("d", replayed.States[7]);
        Assert.Equal(6, again.Recovery.Records);
        Assert.Equal(0, again.Recovery.CutBytes);
    }

    [Fact]
    public void A_new_log_is_empty_and_so_is_it_when_opened_again()
    {
        Open(_disk, out var first).Dispose();
        Open(_disk, out var second).Dispose();
        Assert.Empty(first.Entries);
        Assert.Empty(second.Entries);
    }

    [Fact]
    public void A_full_disk_is_waited_out_and_nothing_is_lost()
    {
        List<Exception?> told = [];
        ulong index = 0;
        using (var log = Open(_disk, out _, segmentBytes: 1024))
        {
            void Append()
            {
                var batch = new LogBatch();
                batch.AddEntry(1, ++index, new byte[100], default);
                log.Append(batch, (_, error) => told.Add(error));
                _jobs.RunAll();
            }

            _disk.BytesMax = _disk.BytesInUse + 3000;
            while (log.WaitsFor is null)
                Append();
            var before = told.Count;
            Assert.InRange(before, 10, 40);
            for (var n = 0; n < 5; n++)
                Append();
            log.Resume();
            _jobs.RunAll();
            Assert.IsType<DiskFullException>(log.WaitsFor);
            Assert.Equal(before, told.Count);

            _disk.BytesMax = long.MaxValue;
            log.Resume();
            _jobs.RunAll();
            Assert.Null(log.WaitsFor);
            Append();
        }

        Assert.Equal((int)index, told.Count);
        Assert.All(told, Assert.Null);
        using var again = Open(_disk.Crash(0), out var replayed);
        Assert.Equal((int)index, replayed.Entries[1].Count);
    }

    [Fact]
    public void Segments_roll_and_go_when_released_and_states_stay()
    {
        var log = Open(_disk, out _, segmentBytes: 1024);
        Append(log, b => b.SetState(9, "kept"u8));
        for (ulong i = 1; i <= 100; i++)
            Append(log, b => b.AddEntry(1, i, new byte[100], default));
        Assert.True(_disk.ListFiles("log").Count > 10);
        Assert.Equal([1u], log.HoldersOfOldest(5));
        var before = log.DiskBytes;

        log.Release(1, 95);
        _jobs.RunAll();
        Assert.InRange(_disk.ListFiles("log").Count(name => name != EndMark.Name), 1, 3);
        Assert.True(log.DiskBytes < before / 4);
        Assert.Empty(log.HoldersOfOldest(5));
        log.Dispose();

        using var again = Open(_disk.Crash(0), out var replayed, segmentBytes: 1024);
        Assert.Equal("kept", replayed.States[9]);
        Assert.Equal([96ul, 97, 98, 99, 100], replayed.Entries[1].Keys.Where(index => index > 95));
    }

    [Fact]
    public void After_a_failed_sync_nothing_completes_well_any_more()
    {
        var log = Open(_disk, out _);
        Append(log, b => b.AddEntry(1, 1, "durable"u8, default));
        _disk.Fault = (operation, _) => operation == "sync" ? new IOException("injected") : null;
        var first = TryAppend(log, b => b.AddEntry(1, 2, "lost"u8, default));
        _disk.Fault = null;
        var second = TryAppend(log, b => b.AddEntry(1, 3, "never"u8, default));
        Assert.Equal("injected", first?.Message);
        Assert.Same(first, second);

        using var again = Open(_disk.Crash(0), out var replayed);
        Assert.Equal(["durable"], replayed.Entries[1].Values);
    }

    [Fact]
    public void The_state_of_a_group_that_left_is_forgotten_and_the_group_may_come_back()
    {
        using (var log = Open(_disk, out _, segmentBytes: 512))
        {
            Append(log, b => { b.SetState(5, "old"u8); b.AddEntry(5, 40, "old"u8, default); });
            Append(log, b => b.SetState(5, default));
            log.Release(5, ulong.MaxValue);
            Append(log, b => { b.SetState(5, "new"u8); b.AddEntry(5, 1, "new"u8, default); });
            for (ulong i = 1; i <= 20; i++)
            {
                Append(log, b => b.AddEntry(1, i, new byte[100], default));
                log.Release(1, i);
            }

            _jobs.RunAll();
            // The new entry is needed though its index is far below what was released before.
            Assert.Equal([5u], log.HoldersOfOldest(1));
        }

        Open(_disk.Crash(0), out var replayed, segmentBytes: 512).Dispose();
        Assert.Equal("new", replayed.States[5]);
        Assert.Equal(["new"], replayed.Entries[5].Values);
    }

    [Fact]
    public void A_segment_released_while_it_was_written_goes_when_the_next_begins()
    {
        using var log = Open(_disk, out _, segmentBytes: 512);
        Append(log, b => b.AddEntry(1, 1, new byte[300], default));
        log.Release(1, 1);
        Append(log, b => b.AddEntry(2, 1, new byte[300], default));
        Assert.DoesNotContain("0000000000000001.log", _disk.ListFiles("log"));
    }

    [Fact]
    public void A_batch_larger_than_a_segment_and_an_empty_one_are_kept_in_order()
    {
        List<int> order = [];
        using (var log = Open(_disk, out _, segmentBytes: 512))
        {
            log.Append(Batch(b => b.AddEntry(1, 1, new byte[5000], default)), (_, _) => order.Add(1));
            Assert.True(log.IsBehind);
            log.Append(new LogBatch(), (_, error) => order.Add(error is null ? 2 : -2));
            log.Append(Batch(b => b.AddEntry(1, 2, "after"u8, default)), (_, _) => order.Add(3));
            _jobs.RunAll();
            Assert.False(log.IsBehind);
            Append(log, b => b.AddEntry(1, 3, "last"u8, default));
            log.Append(new LogBatch(), (_, error) => order.Add(error is null ? 4 : -4));
            _jobs.RunAll();
        }

        Assert.Equal([1, 2, 3, 4], order);
        Open(_disk.Crash(0), out var replayed, segmentBytes: 512).Dispose();
        Assert.Equal([5000, 5, 4], replayed.Entries[1].Values.Select(value => value.Length));
    }

    private SharedLog Open(CrashFileSystem disk, out ReplayedLog replayed, long segmentBytes = 1 << 16)
    {
        replayed = new ReplayedLog();
        var options = new SharedLogOptions { SegmentBytes = segmentBytes, QueuedBytesMax = 1000 };
        return SharedLog.Open(disk, "log", options, _jobs, replayed);
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
