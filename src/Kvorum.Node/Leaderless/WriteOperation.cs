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
    private readonly bool _isSloppy;
    private readonly long _generation;

    // Replicas for which a hint is asked for, or was; and which node was asked by which number.
    private ReplicaMask _hinted;
    private ReplicaMask _fallbacksAsked;
    private readonly Dictionary<int, int> _standsFor = []; // looked up only
    private int _hintsUnderWay;
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
    /// <param name="isSloppy">True if hints on other nodes count.</param>
    /// <param name="command">What each is to store.</param>
    /// <param name="generation">Of the writes under way.</param>
    /// <param name="endMs">When it is given up.</param>
    /// <param name="done">Told the result, once.</param>
    public WriteOperation(
        ICoordinatorHost host, GroupId group, ReplicaNodes nodes, QuorumSet writers, QuorumSet next,
        bool isSloppy, ReadOnlyMemory<byte> command, long generation, long endMs,
        Action<WriteOperation, WriteResult> done)
        : base(host, group, nodes, endMs)
    {
        (_command, _done, _isSloppy, _generation) = (command, done, isSloppy, generation);
        _fold = new(writers, next, nodes.Up, isSloppy ? nodes.Fallbacks : default, isSloppy);
    }

    /// <summary>In which generation of the writes under way it is.</summary>
    public long Generation => _generation;

    /// <inheritdoc/>
    public override bool IsOver =>
        _isAnswered && (_isTimedOut || (_fold.IsComplete && _hintsUnderWay == 0));

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
        if (!_isAnswered && IsTimeToAskAgain())
            Ask(_fold.Slow.Except(Nodes.Own), QuorumAsk.Store, _command);
        if (Host.NowMs < EndMs)
            return;
        Decided(_fold.TimedOut());
        _isTimedOut = true;
    }

    /// <inheritdoc/>
    protected override void Answered(int node, in QuorumAnswer answer)
    {
        if (answer.Kind == QuorumAsk.Hint)
            HintAnswered(node, answer.Refusal is null, mayBeStored: false);
        else if (answer.Refusal is { } reason)
            Decided(_fold.Refused(node, reason));
        else
            Decided(_fold.Acked(node, isDurable: true));
    }

    /// <inheritdoc/>
    protected override void Lost(int node)
    {
        if (_standsFor.ContainsKey(node))
            HintAnswered(node, isKept: false, mayBeStored: true);
        else
            Decided(_fold.Unreachable(node, mayBeStored: true));
    }

    private void Decided(WriteOutcome outcome)
    {
        if (!_isAnswered && outcome != WriteOutcome.Undecided)
        {
            _isAnswered = true;
            _done(this, new(outcome, _fold, IsTimedOut: Host.NowMs >= EndMs));
        }

        KeepHints();
    }

    // In a sloppy keyspace other nodes stand for replicas that are down. Else, and where there are no others,
    // this node keeps the hint, which counts for nothing: once it is decided that the write may be there, for
    // of a refused one nothing may come later.
    private void KeepHints()
    {
        foreach (var number in _fold.HintsWanted.Except(_hinted))
        {
            var fallback = _isSloppy ? NextFallback() : null;
            if (fallback is null && _fold.Outcome == WriteOutcome.Undecided)
                continue;
            _hinted |= ReplicaMask.Of(number);
            _hintsUnderWay++;
            if (fallback is { } node)
            {
                _standsFor[node] = number;
                _fold.HintSent(node);
                var request = new QuorumRequest(QuorumAsk.Hint, Id, Group, Nodes.Epoch.Value, _command);
                Host.Ask(Nodes[node], request with { For = Nodes[number] });
            }
            else
            {
                Host.KeepHint(new Hint(Nodes[number], Group, _command), _ => _hintsUnderWay--);
            }
        }
    }

    private int? NextFallback()
    {
        foreach (var number in Nodes.Fallbacks.Except(_fallbacksAsked))
        {
            _fallbacksAsked |= ReplicaMask.Of(number);
            return number;
        }

        return null;
    }

    // The next one is asked instead of one that keeps no hint.
    private void HintAnswered(int fallback, bool isKept, bool mayBeStored)
    {
        if (!_standsFor.Remove(fallback, out var number))
            return;
        _hintsUnderWay--;
        if (!isKept)
            _hinted = _hinted.Except(ReplicaMask.Of(number));
        Decided(isKept
            ? _fold.HintAcked(fallback, number, isDurable: true)
            : _fold.HintFailed(fallback, mayBeStored));
    }
}
