using Kvorum.Storage.Log;

namespace Kvorum.Tests.Storage.Log;

/// <summary>
/// A fixed sequence of appends of three groups on small segments, with replaced entries, states, and releases
/// that let segments go; and the judge of what a log gives back after it was cut short anywhere.
/// </summary>
public sealed class LogWorkload
{
    private const int Steps = 40;

    private readonly List<Action<ReplayedLog>> _appended = [];
    private readonly SortedDictionary<uint, ulong> _released = [];
    private readonly SortedDictionary<uint, ulong> _last = [];

    public static SharedLogOptions Options { get; } = new() { SegmentBytes = 2048, WriteBytesMax = 700 };

    /// <summary>Batches handed to the log.</summary>
    public int Appended => _appended.Count;

    /// <summary>Batches that completed without an error.</summary>
    public int Completed { get; private set; }

    /// <summary>Batches that completed with one.</summary>
    public int Failed { get; private set; }

    /// <summary>Runs until the end or until the disk fails in the opening.</summary>
    public static LogWorkload Run(CrashFileSystem disk)
    {
        var workload = new LogWorkload();
        var jobs = new PumpedJobs();
        try
        {
            using var log = SharedLog.Open(disk, "log", Options, jobs, new ReplayedLog());
            workload.Drive(log, jobs);
        }
        catch (IOException) when (workload._appended.Count == 0)
        {
            // The disk failed before the log was open: nothing was promised.
        }

        return workload;
    }

    /// <summary>
    /// Opens what is left and checks that it is a prefix of the appends with everything that completed.
    /// </summary>
    public void Check(CrashFileSystem disk, string context)
    {
        var jobs = new PumpedJobs();
        var first = new ReplayedLog();
        using (var log = SharedLog.Open(disk, "log", Options, jobs, first))
        {
            var found = Needed(first);
            CheckPrefix(found, context);
            Exception? result = new InvalidOperationException("not completed");
            var more = new LogBatch();
            more.AddEntry(99, 1, "after the crash"u8, default);
            log.Append(more, (_, error) => result = error);
            jobs.RunAll();
            Assert.Null(result);
        }

        var second = new ReplayedLog();
        SharedLog.Open(disk.Crash(0), "log", Options, new PumpedJobs(), second).Dispose();
        Assert.Equal(["after the crash"], second.Entries[99].Values);
        second.Entries.Remove(99);
        Assert.Equal(Needed(first), Needed(second));
    }

    private void Drive(SharedLog log, PumpedJobs jobs)
    {
        var random = new Random(1);
        for (var step = 1; step <= Steps; step++)
        {
            // Groups that say something once and then are quiet: their states must move as segments go.
            if (step % 10 == 1)
                AppendQuiet(log, (uint)(100 + step));
            // One to four batches queue up before the log lane runs.
            for (var i = random.Next(1, 5); i > 0; i--)
                Append(log, random, $"{step}.{i}");
            jobs.RunOne(Kvorum.Storage.JobLane.Log);
            if (step % 3 == 0)
                jobs.RunAll();
            if (step % 5 == 0)
                Release(log, (uint)random.Next(1, 4));
            if (step % 4 == 0)
                log.Mark();
        }

        jobs.RunAll();
        foreach (var group in _last.Keys.ToArray())
            Release(log, group);
        jobs.RunAll();
        log.MarkEnd();
    }

    private void AppendQuiet(SharedLog log, uint group)
    {
        var batch = new LogBatch();
        batch.SetState(group, "quiet"u8);
        Append(log, batch, model => model.State(group, "quiet"u8));
    }

    private void Append(SharedLog log, Random random, string name)
    {
        var batch = new LogBatch();
        Action<ReplayedLog> effect = _ => { };
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            var group = (uint)random.Next(1, 4);
            if (random.Next(4) == 0)
            {
                var state = random.Next(5) == 0 ? "" : $"state {name}";
                batch.SetState(group, TestBytes.Of(state));
                effect += model => model.State(group, TestBytes.Of(state));
                continue;
            }

            var newest = _last.GetValueOrDefault(group);
            var lowest = Math.Max(_released.GetValueOrDefault(group) + 1, newest > 2 ? newest - 2 : 1);
            var index = random.Next(6) == 0 ? Math.Min(lowest, newest + 1) : newest + 1;
            var payload = $"{name} " + new string((char)('a' + i), random.Next(0, 120));
            batch.AddEntry(group, index, TestBytes.Of(payload).AsSpan(0, 2), TestBytes.Of(payload).AsSpan(2));
            effect += model => model.Entry(group, index, TestBytes.Of(payload));
            _last[group] = index;
        }

        Append(log, batch, effect);
    }

    private void Append(SharedLog log, LogBatch batch, Action<ReplayedLog> effect)
    {
        _appended.Add(effect);
        log.Append(batch, (_, error) =>
        {
            // One failure is final for all that come after it.
            if (error is null)
                Assert.Equal(0, Failed);
            (Completed, Failed) = error is null ? (Completed + 1, Failed) : (Completed, Failed + 1);
        });
    }

    private void Release(SharedLog log, uint group)
    {
        // Only what is durable may be released; with failures about, only as much as completed.
        if (Completed < _appended.Count)
            return;
        var upTo = _last.GetValueOrDefault(group);
        _released[group] = upTo;
        log.Release(group, upTo);
    }

    private void CheckPrefix(string found, string context)
    {
        var model = new ReplayedLog();
        for (var count = 0; count <= _appended.Count; count++)
        {
            if (count > 0)
                _appended[count - 1](model);
            if (count >= Completed && Needed(model) == found)
                return;
        }

        Assert.Fail($"{context}: {Completed} of {Appended} completed, but this is no such prefix:\n{found}");
    }

    // What was released may be back or not: it does not count.
    private string Needed(ReplayedLog log) => string.Join('\n', log.Entries
        .SelectMany(group => group.Value
            .Where(entry => entry.Key > _released.GetValueOrDefault(group.Key))
            .Select(entry => $"{group.Key}/{entry.Key}: {entry.Value}"))
        .Concat(log.States.Select(state => $"{state.Key}: {state.Value}")));
}
