using System.Diagnostics;
using System.Globalization;
using Kvorum.Simulator.World;
using Spectre.Console;

namespace Kvorum.Simulator.Commands;

/// <summary>
/// Tries seeds on several threads, one run on each, until all are done or one breaks a promise.
/// </summary>
internal sealed class SeedSearch(IRunKind kind, ulong from, int runs, int jobs, TextWriter output)
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<FaultKind, long> _faults = [];
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private int _begun;
    private int _done;
    private double _seconds;
    private long _answered;
    private SimulationResult? _failed;

    /// <summary>Runs them; returns the exit code.</summary>
    public int Run()
    {
        var last = from + (ulong)runs - 1;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"seeds {from} to {last}{(kind.Title.Length > 0 ? $", {kind.Title}" : "")}, {jobs} at a time"));
        AnsiConsole.Progress().AutoClear(true).HideCompleted(true)
            .Columns(new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                var task = context.AddTask("seeds", maxValue: runs);
                RunAll(() => task.Value(Volatile.Read(ref _done)));
            });
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{_done} runs, {_seconds:0} simulated seconds in {_watch.Elapsed.TotalSeconds:0.0} s, "
            + $"{_answered} requests answered"));
        output.WriteLine($"faults: {Report.Faults(_faults)}");
        if (_failed is not null)
        {
            Report.WriteFailure(_failed, kind, output);
            return SimulatorCommand.Broken;
        }

        return ReportUnfired();
    }

    private void RunAll(Action show)
    {
        var threads = Enumerable.Range(0, Math.Min(jobs, runs)).Select(_ => new Thread(Work)).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
        {
            while (!thread.Join(200))
                show();
        }
    }

    private void Work()
    {
        while (Volatile.Read(ref _failed) is null)
        {
            var number = Interlocked.Increment(ref _begun);
            if (number > runs)
                return;
            var result = kind.Run(from + (ulong)number - 1);
            lock (_gate)
                Add(result);
        }
    }

    private void Add(SimulationResult result)
    {
        _done++;
        _seconds += result.Seconds;
        _answered += result.Answered;
        foreach (var (fault, count) in result.Faults)
            _faults[fault] = _faults.GetValueOrDefault(fault) + count;
        if (result.Failure is not null && _failed is null)
            Volatile.Write(ref _failed, result);
    }

    // Over many runs every fault that may fire must have fired: or what is claimed is not tested.
    private int ReportUnfired()
    {
        if (runs < 50)
            return SimulatorCommand.Kept;
        var unfired = kind.Claimed.Where(fault => _faults.GetValueOrDefault(fault) == 0).ToArray();
        if (unfired.Length == 0)
            return SimulatorCommand.Kept;
        output.WriteLine($"BROKEN: never fired: {string.Join(", ", unfired)}");
        return SimulatorCommand.Broken;
    }
}
