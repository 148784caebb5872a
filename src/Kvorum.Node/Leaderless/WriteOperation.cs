using Kvorum.Quorum;

namespace Kvorum.Node.Leaderless;

/// <summary>What a write came to.</summary>
/// <param name="Outcome">Decided.</param>
/// <param name="Fold">With what the replicas have said.</param>
/// <param name="IsTimedOut">True if time ran out.</param>
internal readonly record struct WriteResult(WriteOutcome Outcome, WriteFold Fold, bool IsTimedOut);

/// <summary>
/// A write to all replicas of a group, acknowledged once W of them have it on disk. Owned by the node loop.
/// </summary>
internal sealed class WriteOperation : Operation
{
    private readonly ReadOnlyMemory<byte> _command;
    private readonly Action<WriteOperation, WriteResult> _done;
    private readonly WriteFold _fold;
    private bool _isAnswered;
    private bool _isTimedOut;

    /// <param name="host">The loop.</param>
    /// <param name="group">The group.</param>
    /// <param name="nodes">Its replicas.</param>
    /// <param name="writers">Those that count, and how many of them must have it.</param>
    /// <param name="next">The same of the new replicas while they change; else none.</param>
    /// <param name="command">What each is to store.</param>
    /// <param name="endMs">When it is given up.</param>
    /// <param name="done">Told the result, once.</param>
    public WriteOperation(
        ICoordinatorHost host, GroupId group, ReplicaNodes nodes, QuorumSet writers, QuorumSet next,
        ReadOnlyMemory<byte> command, long endMs, Action<WriteOperation, WriteResult> done)
        : base(host, group, nodes, endMs)
    {
        (_command, _done) = (command, done);
        _fold = new(writers, next, nodes.Up);
    }

    /// <inheritdoc/>
    public override bool IsOver => _isAnswered && (_isTimedOut || _fold.IsComplete);

    /// <summary>Replicas, for people.</summary>
    public string Names(ReplicaMask among) => NamesOf(among);

    /// <inheritdoc/>
    public override void Begin()
    {
        Ask(_fold.Targets, QuorumAsk.Store, _command);
        Decided(_fold.Outcome);
    }

    /// <inheritdoc/>
    public override void Sweep()
    {
        if (Host.NowMs < EndMs)
            return;
        _isTimedOut = true;
        Decided(_fold.TimedOut());
    }

    /// <inheritdoc/>
    protected override void Answered(int node, in QuorumAnswer answer) => Decided(
        answer.Refusal is { } reason ? _fold.Refused(node, reason) : _fold.Acked(node, isDurable: true));

    /// <inheritdoc/>
    protected override void Lost(int node) => Decided(_fold.Unreachable(node, mayBeStored: true));

    private void Decided(WriteOutcome outcome)
    {
        if (_isAnswered || outcome == WriteOutcome.Undecided)
            return;
        _isAnswered = true;
        _done(this, new(outcome, _fold, _isTimedOut));
    }
}
