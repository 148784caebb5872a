using System.Diagnostics;

namespace Kvorum.Cli.Bench;

/// <summary>
/// Notes at the end of each step what a run has done, on a thread of its own: the thread pool is busy with
/// the load, and late just when something is to be seen. Owned by the run.
/// </summary>
internal sealed class BenchTimeline : IDisposable
{
    /// <summary>Bound of a timeline: some megabytes of JSON.</summary>
    public const int StepsMax = 100_000;

    private readonly TimeSpan _step;
    private readonly Func<(long Done, long Failed)> _count;
    private readonly ManualResetEventSlim _ended = new();
    private readonly List<BenchStep> _steps = [];
    private readonly Thread _thread;

    /// <summary>Begins.</summary>
    public BenchTimeline(TimeSpan step, Func<(long Done, long Failed)> count)
    {
        (_step, _count) = (step, count);
        _thread = new(Run) { IsBackground = true, Name = "timeline", Priority = ThreadPriority.AboveNormal };
        _thread.Start();
    }

    /// <summary>The steps until now; more will not come.</summary>
    public IReadOnlyList<BenchStep> End()
    {
        _ended.Set();
        _thread.Join();
        return _steps;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        End();
        _ended.Dispose();
    }

    private void Run()
    {
        var beganUnixMs = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalMilliseconds;
        var began = Stopwatch.GetTimestamp();
        for (var next = _step; _steps.Count < StepsMax; next += _step)
        {
            var wait = next - Stopwatch.GetElapsedTime(began);
            if (_ended.Wait(wait > TimeSpan.Zero ? wait : TimeSpan.Zero))
                return;
            var (done, failed) = _count();
            var ms = beganUnixMs + Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            _steps.Add(new(Math.Round(ms, 1), done, failed));
        }
    }
}
