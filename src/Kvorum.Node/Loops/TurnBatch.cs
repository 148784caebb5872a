using Kvorum.Node.Replicas;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Loops;

/// <summary>
/// What one turn of a loop has for the log, with the replicas to tell when it is durable. Used again and
/// again.
/// </summary>
internal sealed class TurnBatch
{
    private readonly NodeLoop _loop;

    public TurnBatch(NodeLoop loop)
    {
        _loop = loop;
        Completed = OnCompleted;
    }

    public ulong Number { get; set; }

    /// <summary>When it became durable. Written by the log's thread before the loop is told.</summary>
    public long CompletedMs { get; private set; }

    public LogBatch Records { get; } = new();

    public List<IReplica> Replicas { get; } = [];

    /// <summary>Made once: appending is on the hot path.</summary>
    public Action<LogBatch, Exception?> Completed { get; }

    private void OnCompleted(LogBatch records, Exception? failure)
    {
        CompletedMs = _loop.ClockMs;
        _loop.Post(() => _loop.Durable(this, failure));
    }
}
