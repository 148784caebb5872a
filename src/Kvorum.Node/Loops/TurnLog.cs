using Kvorum.Node.Replicas;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Loops;

/// <summary>
/// What a loop writes into the node's log: one batch per turn, and the replicas to tell when it is durable.
/// Owned by the loop.
/// </summary>
internal sealed class TurnLog
{
    private readonly NodeContext _context;
    private readonly LoopClock _clock;
    private readonly Inbox _inbox;
    private readonly bool _isFirst;
    private readonly Stack<TurnBatch> _free = new();
    private readonly Func<LogBatch> _recordsOfTurn;
    private TurnBatch? _open;
    private ulong _lastBatch;

    /// <param name="context">What the loops share.</param>
    /// <param name="clock">The time of a turn.</param>
    /// <param name="inbox">Where the log says that a batch is durable.</param>
    /// <param name="isFirst">True for loop 0, which writes the node's own records.</param>
    public TurnLog(NodeContext context, LoopClock clock, Inbox inbox, bool isFirst)
    {
        (_context, _clock, _inbox, _isFirst) = (context, clock, inbox, isFirst);
        _recordsOfTurn = () => Open().Records;
    }

    /// <summary>Whether the log is fast enough to lead with.</summary>
    public LogPace Pace { get; } = new();

    /// <summary>The number of the batch that this turn's records go into.</summary>
    public ulong CurrentBatch => _open?.Number ?? _lastBatch;

    /// <summary>
    /// The log batch of this turn, with the replica among those to be told when it is durable.
    /// </summary>
    public LogBatch Open(IReplica replica)
    {
        var open = Open();
        if (open.Replicas.Count == 0 || open.Replicas[^1] != replica)
            open.Replicas.Add(replica);
        return open.Records;
    }

    /// <summary>The end of a turn: hands its batch to the log, if it has one.</summary>
    public void Flush()
    {
        if (_isFirst)
            _context.PeerLogs.AddIfDue(_clock.NowMs, _open is not null, _recordsOfTurn);
        if (_open is not { } batch)
            return;
        _open = null;
        Pace.Appended(_clock.NowMs);
        _context.Log.Append(batch.Records, batch.Completed);
    }

    /// <summary>A batch has come back from the log.</summary>
    public void Done(TurnBatch batch)
    {
        if (batch.Failure is { } failure)
            throw new NodeFaultException($"the log could not be written: {failure.Message}", failure);
        Pace.Completed(batch.CompletedMs);
        if (batch.Replicas.Count > 0)
            _context.PeerLogs.Reached(_context.Log.DurableSequence);
        foreach (var replica in batch.Replicas)
            replica.Persisted(batch.Number);
        batch.Replicas.Clear();
        batch.Records.Clear();
        _free.Push(batch);
    }

    private TurnBatch Open()
    {
        if (_open is null)
        {
            _open = _free.TryPop(out var free) ? free : new TurnBatch(_context, _inbox, this);
            _open.Number = ++_lastBatch;
        }

        return _open;
    }
}
