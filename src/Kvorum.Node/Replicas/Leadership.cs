using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Where a group's leadership belongs, and elections when a node is gone. It remembers nothing: it looks at
/// the core, the preference list and the peers that are up. Owned by the node loop.
/// </summary>
internal sealed class Leadership(IReplicaHost host, IReplica owner, ReplicaParts parts)
{
    private readonly RaftNode _raft = parts.Raft;

    private IReadOnlyList<NodeId> Preference => parts.PreferenceIn(host.Cluster);

    /// <summary>
    /// Leader: hands over to the replica that should lead, if it is up and has the log; while this node
    /// should lead nothing, to any other. Never to one that should not either. True if it did.
    /// </summary>
    public bool Balance()
    {
        if (_raft.Role != Role.Leader || _raft.Configuration.IsJoint)
            return false;
        // What it knows of the placement may be old: the others would hand the group back, again and again.
        if (!host.ShouldNotLead && host.Cluster.Leaders.Of(GroupId.Metadata) is null)
            return false;
        foreach (var better in Preference)
        {
            if (better == _raft.Id && !host.ShouldNotLead)
                return false;
            if (better != _raft.Id && CouldLead(better) && TransferTo(better))
                return true;
            if (!host.ShouldNotLead)
                return false;
        }

        return false;
    }

    /// <summary>
    /// Hands over to any replica that is up, this node being about to stop. True if it does not lead any
    /// more, or cannot hand over.
    /// </summary>
    public bool HandOver()
    {
        if (_raft.Role != Role.Leader)
            return true;
        foreach (var peer in Preference.Concat(parts.Members).Distinct())
        {
            if (peer != _raft.Id && host.Cluster.Health.IsUp(peer) && TransferTo(peer))
                return false;
        }

        return _raft.Configuration.Voters.Count == 1;
    }

    /// <summary>
    /// A peer came up: a group without leader need not wait for its election timeout, and one at rest must
    /// tell the peer what it missed.
    /// </summary>
    public void PeerUp(NodeId peer)
    {
        if (_raft.Role == Role.Leader)
        {
            _raft.PeerReachable(peer);
            host.Touch(owner);
        }

        // With lease reads, what was promised to a leader holds although it is not known any more.
        if (_raft.Leader is null && _raft.Role == Role.Follower && !host.Options.LeaseReads)
            LeaderGone();
    }

    /// <summary>
    /// A peer is silent for too long: as a leader it is treated like one that is gone, by a pre-vote, which
    /// the voters that hear it refuse. Never with lease reads, which rest on the voters' patience.
    /// </summary>
    public void PeerSuspected(NodeId peer)
    {
        _raft.PeerUnreachable(peer);
        if (_raft.Leader == peer || (_raft.Leader is null && _raft.Role == Role.Follower))
        {
            if (host.Options.LeaseReads)
                _raft.Wake();
            else
                LeaderGone();
        }

        host.Touch(owner);
    }

    /// <summary>A peer is lost.</summary>
    public void PeerDown(NodeId peer, PeerLoss loss)
    {
        _raft.PeerUnreachable(peer);
        if (_raft.Leader == peer && loss == PeerLoss.ProcessGone && !host.Options.LeaseReads)
            LeaderGone();
        else if (_raft.Leader == peer || _raft.Role == Role.Leader)
            _raft.Wake();
        host.Touch(owner);
    }

    /// <summary>
    /// The leader is gone. The survivors campaign one after the other, in order of preference, so that votes
    /// do not split.
    /// </summary>
    public void LeaderGone()
    {
        var rank = 0;
        foreach (var node in Preference)
        {
            if (node == _raft.Id && !host.ShouldNotLead)
                break;
            if (host.Cluster.Health.IsUp(node))
                rank++;
        }

        _raft.LeaderGone(1 + (rank * Limits.EarlyElectionStepMs / host.Options.TickMs));
        host.Touch(owner);
    }

    /// <summary>A new leader is told which peers are down: the transport said so before it led.</summary>
    public void TellWhoIsDown()
    {
        foreach (var peer in parts.Members)
        {
            if (!host.Cluster.Health.IsUp(peer))
                _raft.PeerUnreachable(peer);
        }

        host.Touch(owner);
    }

    private bool CouldLead(NodeId peer) =>
        host.Cluster.Health.IsUpSince(peer, host.NowMs - Limits.BalanceUpMs)
        && !host.Cluster.Health.IsSlow(peer, host.NowMs);

    private bool TransferTo(NodeId target)
    {
        if (_raft.ProgressOf(target) is not { NeedsSnapshot: false } progress
            || _raft.LastIndex.Value - progress.Match.Value > Limits.TransferLagEntries)
            return false;
        var started = _raft.TransferLeadership(target);
        host.Touch(owner);
        return started;
    }
}
