using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Proves again and again that a replica of the metadata group has applied all that was committed at some
/// moment, as a linearizable read does: it asks for a read index, and once that is applied, the moment of the
/// question counts. A leader that answers is no proof: what it has may be on its way for long. It asks where
/// there are no users, too, so rarely that an idle group can rest: when a node hears of the first user, it
/// must know how old that is. Owned by the node loop.
/// </summary>
internal sealed class FreshnessProbe(IReplicaHost host, IReplica owner, ReplicaParts parts)
{
    // Apart from the numbers of clients' reads.
    private ulong _id = 1UL << 63;
    private long? _askedMs;
    private LogIndex? _index;

    /// <summary>Asks, if it is time.</summary>
    public void Tick()
    {
        if (_index is not null || parts.Raft.Leader is null)
            return;
        var cluster = host.Cluster;
        var ageMs = cluster.HasUsers ? Limits.FreshnessMs : Limits.IdleFreshnessMs;
        if (cluster.MetadataAge.At(host.NowMs) < ageMs || host.NowMs - _askedMs < Limits.FreshnessMs)
            return;
        _askedMs = host.NowMs;
        parts.Raft.ReadIndex(++_id, ReadMode.Confirmed);
        host.Touch(owner);
    }

    /// <summary>The core has answered questions; of those given up another is asked later.</summary>
    public void Answered(IReadOnlyList<ReadState> states)
    {
        for (var i = 0; i < states.Count; i++)
        {
            if (states[i].ReadId == _id)
                _index = states[i].Index;
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
        _index = null;
        host.Cluster.MetadataAge.IsKnown(askedMs);
    }
}
