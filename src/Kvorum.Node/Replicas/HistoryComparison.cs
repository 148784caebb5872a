using Kvorum.Node.Events;
using Kvorum.Node.Groups;
using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>
/// The standing check: replicas tell each other now and then the hash of all that they have applied, and
/// compare. Two that differ ask all voters. The side that a majority has goes on, the others are quarantined;
/// if there is no such side, all that know of it are quarantined. Owned by the node loop.
/// </summary>
internal sealed class HistoryComparison(
    IReplicaHost host, ReplicaParts parts, DurableQueue durable, ReplicaCondition condition,
    CommittedHistory history)
{
    private readonly RaftNode _raft = parts.Raft;

    // Peers whose replicas are quarantined, and peers whose replicas were given up for this one.
    private readonly SortedSet<NodeId> _quarantined = [];
    private readonly SortedSet<NodeId> _yielded = [];

    // Peers that differ and were outvoted: this replica's side is decided already.
    private readonly SortedSet<NodeId> _outvoted = [];
    private Dispute? _dispute;

    // The first difference, and which voters have this replica's history, or another.
    private sealed class Dispute(Quarantined found, long sinceMs)
    {
        public Quarantined Found => found;

        public long SinceMs => sinceMs;

        public SortedDictionary<NodeId, bool> Agrees { get; } = [];
    }

    /// <summary>What an operator should know of other nodes' replicas; null if nothing.</summary>
    public string? Issue => Quarantines is { } known ? NodeEventText.Of(known) : null;

    private PeersQuarantined? Quarantines => _quarantined.Count + _outvoted.Count == 0 ? null
        : new(
            parts.Identity.Keyspace, parts.Identity.Partition,
            string.Join(" and ", _quarantined.Union(_outvoted).Select(host.Cluster.NameOf)));

    /// <summary>The peers whose replicas were given up for this one, for people.</summary>
    public string Yielded => string.Join(" and ", _yielded.Select(host.Cluster.NameOf));

    /// <summary>True if the peer's replica says that it is quarantined.</summary>
    public bool IsQuarantined(NodeId peer) => _quarantined.Contains(peer);

    /// <summary>What this replica tells its peers of itself.</summary>
    public GroupDigest Digest(bool wantsAnswer) => new(
        parts.Group, wantsAnswer, condition.IsQuarantined, durable.Standing as Discarded,
        condition.IsBlank ? [] : history.Points());

    /// <summary>
    /// A peer tells of its standing. True if that decides for this replica, which is quarantined: with those
    /// that were given up for it, a majority has its history.
    /// </summary>
    public bool NoteStanding(NodeId from, in GroupDigest digest)
    {
        if (digest.IsQuarantined)
            _quarantined.Add(from);
        else
            _quarantined.Remove(from);
        if (digest.Discarded is null)
        {
            _yielded.Remove(from);
            return false;
        }

        _outvoted.Remove(from);
        return digest.Discarded.Kept == _raft.Id && _yielded.Add(from) && IsDecided;
    }

    /// <summary>
    /// Compares a peer's history with this one's. Not null if this replica must be quarantined: why.
    /// </summary>
    public Quarantined? Compare(NodeId from, in GroupDigest digest)
    {
        if (condition.IsBlank)
            return null;
        LogIndex? agreed = null;
        foreach (var (index, theirs) in digest.Points)
        {
            if (history.HashAt(index) is not { } ours)
                continue;
            if (ours != theirs)
                return Differs(from, new(index, ours, theirs, true, from));
            agreed = index;
        }

        return agreed is { } upTo ? Agrees(from, upTo) : null;
    }

    /// <summary>
    /// Compares what a leader offers in place of all that is here: it must begin with it. Not null if it does
    /// not: why this replica must be quarantined.
    /// </summary>
    public Quarantined? Compare(NodeId from, CheckpointTag offered) =>
        !condition.IsBlank && history.PartsFrom(offered.History) is var (index, ours, theirs, isHash)
            ? new(index, ours, theirs, isHash, from) : null;

    /// <summary>Decides a dispute when its time is over, as <see cref="Compare(NodeId, in GroupDigest)"/>.
    /// </summary>
    public Quarantined? Sweep() =>
        _dispute is { } dispute && host.NowMs - dispute.SinceMs >= Limits.DisputeMs
            ? Judge(dispute, isOver: true) : null;

    /// <summary>This replica is quarantined: there is nothing to decide any more.</summary>
    public void EndDispute() => _dispute = null;

    private bool IsDecided
    {
        get
        {
            if (durable.Standing is not Quarantined)
                return false;
            var voters = _raft.Configuration.Voters;
            return voters.Count(voter => voter == _raft.Id || _yielded.Contains(voter)) > voters.Count / 2;
        }
    }

    private Quarantined? Agrees(NodeId from, LogIndex upTo)
    {
        _outvoted.Remove(from);
        // What agrees only before the difference says nothing of it.
        if (_dispute is not { } dispute || upTo < dispute.Found.Index)
            return null;
        dispute.Agrees[from] = true;
        return Judge(dispute, isOver: false);
    }

    private Quarantined? Differs(NodeId from, Quarantined found)
    {
        if (condition.IsQuarantined || _outvoted.Contains(from))
            return null;
        if (_dispute is null)
        {
            _dispute = new(found, host.NowMs);
            host.Cluster.Tell(new HistoryDisputed(
                parts.Identity.Keyspace, parts.Identity.Partition, condition.WhyOf(found)));
            var others = _raft.Configuration.Voters.Where(voter => voter != _raft.Id && voter != from);
            foreach (var voter in others)
                host.Send(voter, Digest(wantsAnswer: true));
        }

        _dispute.Agrees[from] = false;
        return Judge(_dispute, isOver: false);
    }

    private Quarantined? Judge(Dispute dispute, bool isOver)
    {
        var voters = _raft.Configuration.Voters;
        var agreeing = voters.Count(voter =>
            voter == _raft.Id || dispute.Agrees.GetValueOrDefault(voter, false));
        var differing = voters.Count(voter => dispute.Agrees.TryGetValue(voter, out var agrees) && !agrees);
        Invariant.Check(agreeing + differing <= voters.Count, "a voter is on both sides of a dispute");
        switch (DisputeJudge.Decide(voters.Count, agreeing, differing, isOver))
        {
            case DisputeVerdict.GoOn:
                _dispute = null;
                _outvoted.UnionWith(dispute.Agrees.Where(one => !one.Value).Select(one => one.Key));
                host.Cluster.Tell(Quarantines!);
                return null;
            case DisputeVerdict.Quarantine:
                _dispute = null;
                return dispute.Found;
            default:
                return null;
        }
    }
}
