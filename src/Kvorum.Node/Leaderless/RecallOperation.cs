using Kvorum.Protocol;
using Kvorum.Quorum;

namespace Kvorum.Node.Leaderless;

/// <summary>What replicas remember of a request.</summary>
/// <param name="IsKnown">True if enough replicas answered.</param>
/// <param name="Version">The version it was stored with; none if it is new.</param>
/// <param name="IsForgotten">True if it is too old to be known.</param>
/// <param name="IsMisplaced">True if the replicas are elsewhere by now: it is to be asked for again.</param>
internal readonly record struct RecallResult(
    bool IsKnown, RecordVersion Version, bool IsForgotten, bool IsMisplaced);

/// <summary>
/// Asks whether a write was stored before: a write that W replicas have is seen by one of any R that answer,
/// where R + W > N. So a repeated request gets the version of the first one and changes nothing.
/// </summary>
internal sealed class RecallOperation(
    ICoordinatorHost host, GroupId group, ReplicaNodes nodes, QuorumSet readers, WriteRequest write,
    long endMs, Action<RecallResult> done) : Operation(host, group, nodes, endMs)
{
    private ReplicaMask _answered;
    private ReplicaMask _failed;
    private RecordVersion _version;
    private bool _isForgotten;
    private bool _isMisplaced;
    private bool _isOver;

    /// <inheritdoc/>
    public override bool IsOver => _isOver;

    /// <inheritdoc/>
    public override void Begin()
    {
        _failed = readers.Members.Except(Nodes.Up);
        AskAll(readers.Members & Nodes.Up);
        EndIfDecided();
    }

    private void AskAll(ReplicaMask among) => Ask(
        among, QuorumAsk.Recall, Utf8Text.Encode("client id", write.ClientId), requestId: write.RequestId);

    /// <inheritdoc/>
    public override void Sweep()
    {
        if (!_isOver && IsTimeToAskAgain())
            AskAll((readers.Members & Nodes.Up).Except(_answered | _failed));
        if (!_isOver && Host.NowMs >= EndMs)
            End(isKnown: false);
    }

    /// <inheritdoc/>
    protected override void Answered(int node, in QuorumAnswer answer)
    {
        if (answer.Refusal is { } reason)
        {
            _isMisplaced |= reason is RefusalReason.StaleEpoch or RefusalReason.NoReplica;
            Lost(node);
            return;
        }

        _answered |= ReplicaMask.Of(node);
        _isForgotten |= answer.IsForgotten;
        // Two attempts at the same time may have got two versions. The earlier one is safe: if the later was
        // acknowledged, it changes nothing, and it never wins over what was written since.
        if (!answer.Version.IsNone && (_version.IsNone || answer.Version < _version))
            _version = answer.Version;
        EndIfDecided();
    }

    /// <inheritdoc/>
    protected override void Lost(int node)
    {
        _failed |= ReplicaMask.Of(node);
        EndIfDecided();
    }

    private void EndIfDecided()
    {
        if (_isOver)
            return;
        if (readers.IsMetBy(_answered))
            End(isKnown: true);
        else if (readers.Lacking(readers.Members.Except(_failed)) > 0)
            End(isKnown: false);
    }

    private void End(bool isKnown)
    {
        _isOver = true;
        done(new(
            isKnown, _version, _isForgotten && _version.IsNone, _isMisplaced && Host.NowMs < EndMs));
    }
}
