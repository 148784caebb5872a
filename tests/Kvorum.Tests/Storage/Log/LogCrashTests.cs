using Kvorum.Storage.Log;

namespace Kvorum.Tests.Storage.Log;

/// <summary>
/// The same work cut short at every operation on the disk, in every way: what completed is back, nothing is
/// half.
/// </summary>
public class LogCrashTests
{
    private const int Seeds = 5;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void After_a_power_cut_at_any_operation_all_that_completed_is_back(bool isEncrypted)
    {
        var operations = Operations(isEncrypted);
        Assert.InRange(operations, 100, 1000);
        for (var cut = 0; cut <= operations; cut++)
        {
            var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted), PowerOffAfter = cut };
            var workload = LogWorkload.Run(disk);
            for (var seed = 0; seed < Seeds; seed++)
                workload.Check(disk.Crash(seed), $"power off after operation {cut}, seed {seed}");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Recovery_that_is_cut_short_itself_recovers_too(bool isEncrypted)
    {
        var operations = Operations(isEncrypted);
        for (var cut = 5; cut <= operations; cut += 7)
        {
            var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted), PowerOffAfter = cut };
            var workload = LogWorkload.Run(disk);
            for (var again = 0; again < 12; again++)
            {
                var crashed = disk.Crash(cut);
                crashed.PowerOffAfter = again;
                try
                {
                    var jobs = new PumpedJobs();
                    SharedLog.Open(crashed, "log", LogWorkload.Options, jobs, new ReplayedLog()).Dispose();
                }
                catch (IOException error)
                {
                    Assert.IsNotType<LogDamagedException>(error);
                }

                workload.Check(crashed.Crash(again), $"power off after {cut} and {again} of the recovery");
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void After_any_one_failed_operation_nothing_completes_that_is_not_durable(bool isEncrypted)
    {
        var operations = Operations(isEncrypted);
        for (var failed = 1; failed <= operations; failed++)
        {
            var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted), FailAt = failed };
            var workload = LogWorkload.Run(disk);
            for (var seed = 0; seed < Seeds; seed++)
                workload.Check(disk.Crash(seed), $"{disk.Trace[failed - 1]} ({failed}) failed, seed {seed}");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_failed_write_or_sync_of_a_frame_is_final(bool isEncrypted)
    {
        var final = 0;
        var operations = Operations(isEncrypted);
        for (var failed = 1; failed <= operations; failed++)
        {
            var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted), FailAt = failed };
            var workload = LogWorkload.Run(disk);
            var operation = disk.Trace[failed - 1];
            if (!IsOfFrame(operation))
                continue;
            final++;
            // A frame of the log's own upkeep, at the end, carries no batch that could fail.
            Assert.True(workload.Failed > 0 || workload.Completed == workload.Appended, operation);
            Assert.DoesNotContain(disk.Trace.Skip(failed), IsOfFrame);
        }

        Assert.True(final > 30, $"{final} writes");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_a_replay_told_is_durable_even_if_the_process_before_died_of_a_failed_sync(
        bool isEncrypted)
    {
        var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted) };
        var jobs = new PumpedJobs();
        Exception? result = null;
        using (var log = SharedLog.Open(disk, "log", LogWorkload.Options, jobs, new ReplayedLog()))
        {
            disk.Fault = (operation, _) => operation == "sync" ? new IOException("injected") : null;
            var batch = new LogBatch();
            batch.AddEntry(1, 1, "in the page cache only"u8, default);
            log.Append(batch, (_, error) => result = error);
            jobs.RunAll();
        }

        Assert.Equal("injected", result?.Message);
        disk.Fault = null;
        // The machine runs on, so the frame is read; from then on it must not go away.
        var told = new ReplayedLog();
        SharedLog.Open(disk, "log", LogWorkload.Options, jobs, told).Dispose();
        Assert.Single(told.Entries[1]);
        var afterPowerCut = new ReplayedLog();
        SharedLog.Open(disk.Crash(0), "log", LogWorkload.Options, jobs, afterPowerCut).Dispose();
        Assert.Single(afterPowerCut.Entries[1]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_disk_that_is_full_at_any_byte_loses_nothing_that_completed(bool isEncrypted)
    {
        var finished = false;
        for (long room = 0; !finished; room += 13)
        {
            var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted), BytesMax = room };
            var workload = LogWorkload.Run(disk);
            finished = workload.Completed > 0 && workload.Failed == 0;
            var crashed = disk.Crash((int)(room % Seeds));
            workload.Check(crashed, $"{room} bytes of disk");
        }
    }

    private static bool IsOfFrame(string operation) =>
        operation.EndsWith(".log", StringComparison.Ordinal) &&
        operation.Split(' ') is ["write" or "sync", _];

    private static int Operations(bool isEncrypted)
    {
        var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted) };
        var workload = LogWorkload.Run(disk);
        Assert.Equal(0, workload.Failed);
        workload.Check(disk.Crash(0), "no fault");
        Assert.Contains(disk.Trace, line => line.StartsWith("delete", StringComparison.Ordinal));
        return disk.Operations;
    }
}
