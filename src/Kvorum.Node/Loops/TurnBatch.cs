using Kvorum.Node.Replicas;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Loops;

/// <summary>
/// What one turn of a loop has for the log, with the replicas to tell when it is durable. Used again and
/// again.
/// </summary>
internal sealed class TurnBatch
{
    private readonly NodeContext _context;
    private readonly Inbox _inbox;
    private readonly LoopEvent _done;

    public TurnBatch(NodeContext context, Inbox inbox, TurnLog log)
    {
        (_context, _inbox) = (context, inbox);
        _done = new LoopEvent.BatchDone(log, this);
        Completed = OnCompleted;
    }

    /// <summary>Grows by one with each batch of the loop.</summary>
    public ulong Number { get; set; }

    /// <summary>When it became durable. Written by the log's thread before the loop is told.</summary>
    public long CompletedMs { get; private set; }

    /// <summary>Why it could not be written; null if it was. Written as <see cref="CompletedMs"/>.</summary>
    public Exception? Failure { get; private set; }

    public LogBatch Records { get; } = new();

    public List<IReplica> Replicas { get; } = [];

    /// <summary>Made once: appending is on the hot path.</summary>
    public Action<LogBatch, Exception?> Completed { get; }

    private void OnCompleted(LogBatch records, Exception? failure)
    {
        CompletedMs = _context.MonotonicMs;
        Failure = failure;
        _inbox.Post(_done);
    }
}
