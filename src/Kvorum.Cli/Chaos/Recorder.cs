using System.Diagnostics;
using Kvorum.Verification;

namespace Kvorum.Cli.Chaos;

/// <summary>The one history of all clients. Thread-safe.</summary>
internal sealed class Recorder
{
    private readonly Lock _lock = new();
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly int[] _ended = new int[Enum.GetValues<OutcomeKind>().Length];

    /// <summary>To be read when no client appends any more.</summary>
    public History History { get; } = new();

    /// <summary>How many operations ended so.</summary>
    public int Ended(OutcomeKind kind)
    {
        lock (_lock)
            return _ended[(int)kind];
    }

    /// <summary>Call before the request is sent.</summary>
    public Operation Invoke(in Invocation invocation)
    {
        lock (_lock)
            return History.Invoke(invocation, Stopwatch.GetElapsedTime(_began));
    }

    /// <summary>Call when the answer has come.</summary>
    public void Complete(Operation operation, in Outcome outcome)
    {
        lock (_lock)
        {
            _ended[(int)outcome.Kind]++;
            History.Complete(operation, outcome, Stopwatch.GetElapsedTime(_began));
        }
    }
}
