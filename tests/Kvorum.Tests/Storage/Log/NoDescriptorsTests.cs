using Kvorum.Storage.Files;
using Kvorum.Storage.Log;

namespace Kvorum.Tests.Storage.Log;

/// <summary>A log whose process has no descriptors left for a while.</summary>
public class NoDescriptorsTests
{
    private readonly CrashFileSystem _disk = new();
    private readonly PumpedJobs _jobs = new();

    [Fact]
    public void A_log_that_cannot_make_its_next_segment_waits_and_loses_nothing()
    {
        List<Exception?> told = [];
        ulong index = 0;
        using (var log = Open(out _))
        {
            void Append()
            {
                var batch = new LogBatch();
                batch.AddEntry(1, ++index, new byte[100], default);
                log.Append(batch, (_, error) => told.Add(error));
                _jobs.RunAll();
            }

            Append();
            _disk.HasNoDescriptors = true;
            for (var n = 0; log.WaitsFor is null && n < 100; n++)
                Append();
            Assert.IsType<NoResourcesException>(log.WaitsFor);
            var before = told.Count;
            log.Resume();
            _jobs.RunAll();
            Assert.Equal(before, told.Count);

            _disk.HasNoDescriptors = false;
            log.Resume();
            _jobs.RunAll();
            Assert.Null(log.WaitsFor);
        }

        Assert.Equal((int)index, told.Count);
        Assert.All(told, Assert.Null);
        using var again = Open(out var replayed);
        Assert.Equal((int)index, replayed.Entries[1].Count);
    }

    [Fact]
    public void Segments_that_are_needed_no_more_are_deleted_later()
    {
        using var log = Open(out _);
        for (ulong index = 1; index <= 60; index++)
        {
            var batch = new LogBatch();
            batch.AddEntry(1, index, new byte[100], default);
            log.Append(batch, (_, error) => Assert.Null(error));
            _jobs.RunAll();
        }

        var before = _disk.ListFiles("log").Count;
        _disk.HasNoDescriptors = true;
        log.Release(1, 50);
        _jobs.RunAll();
        log.Resume();
        _jobs.RunAll();
        _disk.HasNoDescriptors = false;
        log.Resume();
        _jobs.RunAll();
        Assert.InRange(_disk.ListFiles("log").Count, 1, before - 3);
        List<Exception?> told = [];
        var last = new LogBatch();
        last.AddEntry(1, 61, new byte[100], default);
        log.Append(last, (_, error) => told.Add(error));
        _jobs.RunAll();
        Assert.Null(Assert.Single(told));
    }

    private SharedLog Open(out ReplayedLog replayed) => SharedLog.Open(
        _disk, "log", new SharedLogOptions { SegmentBytes = 1024 }, _jobs, replayed = new ReplayedLog());
}
