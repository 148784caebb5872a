using Kvorum.Raft.Membership;
using Kvorum.Raft.Replication;

namespace Kvorum.Raft;

/// <summary>Handing leadership over (thesis 3.10).</summary>
public sealed partial class RaftNode
{
    private NodeId? _transferTarget;
    private int _transferElapsed;

    /// <summary>
    /// Hands leadership to a voter (thesis 3.10); given up after an election timeout. Proposals are refused
    /// meanwhile. False if that cannot be tried: not leading, not a voter, not heard from, or another
    /// transfer is under way.
    /// </summary>
    public bool TransferLeadership(NodeId target)
    {
        if (Role != Role.Leader || target == Id) return false;
        if (_transferTarget is { } present) return present == target;
        var voter = ConfigurationExtensions.Contains(Configuration.Voters, target);
        if (!voter || _peers.Find(target) is not { } peer) return false;
        Wake();
        if (!IsActive(peer)) return false;
        _transferTarget = target;
        _transferElapsed = 0;
        Touch();
        HandOverIfReady(peer);
        return true;
    }

    /// <summary>
    /// Tells the target to campaign once it has the whole log, in spite of all promises to this leader.
    /// </summary>
    private void HandOverIfReady(Progress peer)
    {
        if (_transferTarget != peer.Node || peer.Match < _log.LastIndex) return;
        EndLease();
        Send(new TimeoutNow { From = Id, To = peer.Node, Term = Term });
    }

    private void TickTransfer()
    {
        if (_transferTarget is not { } target) return;
        if (++_transferElapsed >= _options.ElectionTimeoutMinTicks || _peers.Find(target) is not { } peer)
            _transferTarget = null;
        else if (_transferElapsed % _options.HeartbeatTicks == 0)
            HandOverIfReady(peer);
    }
}
