using Kvorum.Node.State;
using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>
/// What a replica does unasked: expiry of keys, leadership where it belongs, elections when a node is gone.
/// </summary>
internal sealed partial class Replica
{
    private long _timeAdvancedMs;

    /// <summary>Log time as this replica would go on with it, in milliseconds.</summary>
    public ulong LogTimeNow => Math.Max(_machine.LogTimeMs, _clock.Read(loop.NowMs, loop.AgreedWallMs));

    /// <summary>Log time for a write that is proposed now.</summary>
    public ulong TimeOfWrite() => Math.Max(
        _machine.LogTimeMs, _clock.ReadForWrite(loop.NowMs, loop.AgreedWallMs, loop.WallMs));

    /// <summary>Leader: proposes that log time moves on, when a key's end has come.</summary>
    public void AdvanceTimeIfDue()
    {
        if (!IsLeader || _machine is not KeyValueMachine { NextExpiryMs: { } next }
            || loop.NowMs - _timeAdvancedMs < Limits.TimeAdvanceMs)
            return;
        var time = LogTimeNow;
        if (next > time)
            return;
        _timeAdvancedMs = loop.NowMs;
        Propose(CommandCodec.EncodeAdvanceTime(time));
    }

    /// <summary>
    /// Leader: hands over to the replica that should lead, if it is up and has the log; while this node
    /// should lead nothing, to any other. Never to one that should not either. True if it did.
    /// </summary>
    public bool BalanceLeadership()
    {
        if (!IsLeader || _raft.Configuration.IsJoint)
            return false;
        foreach (var better in Preference)
        {
            if (better == _raft.Id && !loop.ShouldNotLead)
                return false;
            if (better != _raft.Id && CouldLead(better) && TransferTo(better))
                return true;
            if (!loop.ShouldNotLead)
                return false;
        }

        return false;
    }

    /// <summary>
    /// Leader: hands over to any replica that is up, this node being about to stop. True if it does not lead
    /// any more, or cannot hand over.
    /// </summary>
    public bool HandOver()
    {
        if (!IsLeader)
            return true;
        foreach (var peer in Preference)
        {
            if (peer != _raft.Id && loop.Cluster.IsUp(peer) && TransferTo(peer))
                return false;
        }

        return _raft.Configuration.Voters.Count == 1;
    }

    private void FollowLogTime() =>
        _clock.Applied(_machine.LogTimeMs, loop.NowMs, loop.AgreedWallMs, IsLeader);

    private bool CouldLead(NodeId peer) =>
        loop.Cluster.IsUpSince(peer, loop.NowMs - Limits.BalanceUpMs)
        && !loop.Cluster.IsSlow(peer, loop.NowMs);

    /// <summary>
    /// A peer came up: a group without leader need not wait for its election timeout, and one at rest must
    /// tell the peer what it missed.
    /// </summary>
    public void PeerUp(NodeId peer)
    {
        if (IsLeader)
        {
            _raft.PeerReachable(peer);
            loop.Touch(this);
        }

        // With lease reads, what was promised to a leader holds although it is not known any more.
        if (_raft.Leader is null && _raft.Role == Role.Follower && !loop.Options.LeaseReads)
            LeaderGone();
    }

    /// <summary>A peer is lost.</summary>
    public void PeerDown(NodeId peer, PeerLoss loss)
    {
        EndSnapshotsWith(peer);
        _raft.PeerUnreachable(peer);
        if (_raft.Leader == peer && loss == PeerLoss.ProcessGone && !loop.Options.LeaseReads)
            LeaderGone();
        else if (_raft.Leader == peer || IsLeader)
            _raft.Wake();
        loop.Touch(this);
    }

    // The survivors stand up one after the other, in order of preference, so that votes do not split.
    private void LeaderGone()
    {
        var rank = 0;
        foreach (var node in Preference)
        {
            if (node == _raft.Id && !loop.ShouldNotLead)
                break;
            if (loop.Cluster.IsUp(node))
                rank++;
        }

        _raft.LeaderGone(1 + (rank * Limits.EarlyElectionStepMs / loop.Options.TickMs));
        loop.Touch(this);
    }

    // A new leader knows nothing of what the transport said before.
    private void TellWhoIsDown()
    {
        foreach (var peer in Preference)
        {
            if (!loop.Cluster.IsUp(peer))
                _raft.PeerUnreachable(peer);
        }

        loop.Touch(this);
    }

    private bool TransferTo(NodeId target)
    {
        if (_raft.ProgressOf(target) is not { NeedsSnapshot: false } progress
            || _raft.LastIndex.Value - progress.Match.Value > Limits.TransferLagEntries)
            return false;
        var started = _raft.TransferLeadership(target);
        loop.Touch(this);
        return started;
    }

    /// <summary>The replica as people see it.</summary>
    public PartitionStatus Status()
    {
        var lag = new SortedDictionary<string, ulong>(StringComparer.Ordinal);
        if (IsLeader)
        {
            foreach (var peer in Preference)
            {
                if (peer != _raft.Id && _raft.ProgressOf(peer) is { } progress)
                {
                    lag[loop.Cluster.NameOf(peer)] =
                        _raft.LastIndex.Value - Math.Min(progress.Match.Value, _raft.LastIndex.Value);
                }
            }
        }

        return new()
        {
            Keyspace = Keyspace,
            Partition = Partition,
            Group = Group,
            Role = RoleName,
            Term = _raft.Term.Value,
            Leader = _raft.Leader is { } leader ? loop.Cluster.NameOf(leader) : "",
            Commit = _raft.CommitIndex.Value,
            Applied = _tree.AppliedIndex,
            LastIndex = _raft.LastIndex.Value,
            Keys = _machine.KeyCount,
            Bytes = _tree.Bytes,
            FollowerLag = lag,
        };
    }
}
