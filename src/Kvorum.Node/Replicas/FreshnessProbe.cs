using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Proves again and again that a replica of the metadata group has applied all that was committed at some
/// moment, as a linearizable read does: it asks for a read index, and once that is applied, the moment of the
/// question counts. A leader that answers is no proof: what it has may be on its way for long. It asks where
/// there are no users, too, so rarely that an idle group can rest: when a node hears of the first user, it
/// must know how old that is. It asks at once for those that must not go by what is out of date. Owned by the
/// node loop.
/// </summary>
internal sealed class FreshnessProbe(IReplicaHost host, IReplica owner, ReplicaParts parts)
{
    // Apart from the numbers of clients' reads.
    private ulong _id = 1UL << 63;
    private ulong _wanted = 1UL << 63;
    private ulong _proved = 1UL << 63;
    private long? _askedMs;
    private bool _isAsking;
    private LogIndex? _index;

    /// <summary>
    /// Asks as soon as it can, and returns the number of the question: <see cref="HasProved"/> tells when the
    /// replica has applied all that was committed before this call.
    /// </summary>
    public ulong Want()
    {
        var number = _wanted = _id + 1;
        Tick();
        return number;
    }

    /// <summary>True once the answer to that question, or to a later one, is applied.</summary>
    public bool HasProved(ulong number) => number <= _proved;

    /// <summary>Asks, if it is time.</summary>
    public void Tick()
    {
        if (_index is not null || parts.Raft.Leader is null)
            return;
        var cluster = host.Cluster;
        var ageMs = cluster.HasUsers ? Limits.FreshnessMs : Limits.IdleFreshnessMs;
        var isEarly = host.NowMs - _askedMs < Limits.FreshnessMs;
        var isWanted = _wanted > _proved;
        if (_isAsking ? isEarly : !isWanted && (isEarly || cluster.MetadataAge.At(host.NowMs) < ageMs))
            return;
        (_askedMs, _isAsking) = (host.NowMs, true);
        parts.Raft.ReadIndex(++_id, ReadMode.Confirmed);
        host.Touch(owner);
    }

    /// <summary>The core has answered questions; of those given up another is asked later.</summary>
    public void Answered(IReadOnlyList<ReadState> states)
    {
        for (var i = 0; i < states.Count; i++)
        {
            if (states[i].ReadId == _id)
                (_index, _isAsking) = (states[i].Index, false);
        }
    }

    /// <summary>
    /// Looks whether what was asked for is applied; the node is told since when all is known.
    /// </summary>
    public void Look()
    {
        if (_index is not { } index || _askedMs is not { } askedMs
            || parts.Tree.AppliedIndex < index.Value)
            return;
        (_index, _proved) = (null, _id);
        host.Cluster.MetadataAge.IsKnown(askedMs);
    }
}
