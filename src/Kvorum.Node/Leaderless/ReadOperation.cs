using Kvorum.Quorum;

namespace Kvorum.Node.Leaderless;

/// <summary>What a read came to.</summary>
/// <param name="IsKnown">True if enough replicas answered.</param>
/// <param name="Record">The newest record; null if there is none.</param>
/// <param name="Why">Why it is not known; empty if it is.</param>
/// <param name="IsMisplaced">True if the replicas are elsewhere by now: it is to be asked for again.</param>
internal readonly record struct ReadResult(
    bool IsKnown, StoredRecord? Record, string Why, bool IsMisplaced = false)
{
    /// <summary>The replicas that had answered.</summary>
    public ReplicaMask Answered { get; init; }
}

/// <summary>
/// A read of R replicas: the newest record wins, and those that had an older one are sent it afterwards.
/// </summary>
internal sealed class ReadOperation : Operation
{
    private readonly ReadOnlyMemory<byte> _key;
    private readonly QuorumSet _readers;
    private readonly Action<ReadResult> _done;
    private readonly ReadFold _fold;
    private readonly long _startedMs;
    private readonly long _endMs;

    // The newest record that came whole.
    private StoredRecord? _whole;
    private ReplicaMask _asked;
    private ReplicaMask _failed;
    private bool _isMisplaced;
    private bool _isAnswered;
    private bool _isOver;

    /// <param name="host">The loop.</param>
    /// <param name="group">The group.</param>
    /// <param name="nodes">Its replicas.</param>
    /// <param name="readers">Those that count, and how many of them must answer.</param>
    /// <param name="key">The key.</param>
    /// <param name="endMs">When it is given up.</param>
    /// <param name="done">Told the result, once.</param>
    public ReadOperation(
        ICoordinatorHost host, GroupId group, ReplicaNodes nodes, QuorumSet readers,
        ReadOnlyMemory<byte> key, long endMs, Action<ReadResult> done)
        : base(host, group, nodes, endMs)
    {
        (_key, _readers, _done, _startedMs, _endMs) = (key, readers, done, host.NowMs, endMs);
        _fold = new(readers, nodes.Up, host.RecordTimeMs);
    }

    /// <inheritdoc/>
    public override bool IsOver => _isOver;

    /// <inheritdoc/>
    public override void Begin() => Go(_fold.Start());

    /// <inheritdoc/>
    public override void Sweep()
    {
        var nowMs = Host.NowMs;
        if (_isAnswered)
        {
            if (nowMs >= EndMs)
                Repair();
        }
        else if (nowMs >= EndMs)
        {
            Go(_fold.TimedOut());
        }
        else if (nowMs - _startedMs >= Limits.SlowReplicaMs)
        {
            if (IsTimeToAskAgain())
                Ask(_asked.Except(_fold.Counted | _failed), QuorumAsk.Read, _key, wantsValue: true);
            foreach (var number in _asked.Except(_fold.Counted))
                Go(_fold.Slow(number));
        }
    }

    /// <inheritdoc/>
    protected override void Answered(int node, in QuorumAnswer answer)
    {
        _failed |= answer.Refusal is null ? ReplicaMask.None : ReplicaMask.Of(node);
        if (answer.Refusal is RefusalReason.Damaged)
        {
            Go(_fold.CannotVote(node));
            return;
        }

        if (answer.Refusal is { } reason)
        {
            _isMisplaced |= reason is RefusalReason.StaleEpoch or RefusalReason.NoReplica;
            Go(_fold.Failed(node));
            return;
        }

        var record = answer.Record;
        // What is written here later wins over what was read.
        if (record is { } read)
            Host.Versions.Observe(read.Version, Host.WallMs);
        var digest = record is { } found
            ? new RecordDigest(found.Version, found.IsDeleted, (long)found.ExpiresMs) : RecordDigest.Absent;
        // A value came where it was wanted; there is none without one.
        var isWhole = record is null || record.Value.IsDeleted || answer.IsWhole;
        if (isWhole && (_whole is null || record?.Version > _whole.Value.Version))
            _whole = record;
        Go(_fold.Answer(node, digest, isWhole));
    }

    /// <inheritdoc/>
    protected override void Lost(int node)
    {
        _failed |= ReplicaMask.Of(node);
        Go(_fold.Failed(node));
    }

    /// <inheritdoc/>
    protected override void Slow(int node) => Go(_fold.Slow(node));

    private void Go(ReadStep step)
    {
        _asked |= step.AskFull | step.AskDigest;
        if (step.Outcome != ReadOutcome.Undecided && !_isAnswered)
            Answer(step.Outcome);
        Ask(step.AskDigest, QuorumAsk.Read, _key);
        Ask(step.AskFull, QuorumAsk.Read, _key, wantsValue: true);
        if (_isAnswered && _asked.Except(_fold.Counted).IsEmpty)
            Repair();
    }

    private void Answer(ReadOutcome outcome)
    {
        _isAnswered = true;
        // Late answers tell who lacks it, too.
        EndMs = Host.NowMs + Limits.LateAnswersMs;
        if (outcome == ReadOutcome.Succeeded)
        {
            _done(new(true, Found, "") { Answered = _fold.Counted });
            return;
        }

        _isOver = true;
        _done(new(false, null, IsMisplaced: _isMisplaced && Host.NowMs < _endMs, Why:
            $"{_readers.Needed} of {Nodes.Count} replicas must answer a read, and {_fold.Counted.Count} did: "
                + $"{NamesOf(_fold.Counted)}; asked in vain: {NamesOf(Nodes.All.Except(_fold.Counted))}"));
    }

    // Of a newer record that has ended only the digest may have come: the older one that came whole is no
    // answer.
    private StoredRecord? Found => _fold.Found.IsAbsent ? null
        : _fold.Found.IsDeleted && _whole?.Version != _fold.Found.Version
            ? new(_fold.Found.Version, IsDeleted: true, ExpiresMs: 0, default) : _whole;

    private void Repair()
    {
        if (_isOver)
            return;
        _isOver = true;
        if (_fold.Stale.IsEmpty || !_fold.ValueIsAtHand || _whole is not { } newest
            || newest.Version != _fold.Newest.Version)
            return;
        var command = StoreCommand.Encode("", 0, _key.Span, newest);
        foreach (var number in _fold.Stale)
        {
            Host.Ask(Nodes[number], new(QuorumAsk.Store, Id: 0, Group, Nodes.Epoch.Value, command));
        }
    }
}
