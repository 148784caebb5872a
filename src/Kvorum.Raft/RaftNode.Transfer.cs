using Kvorum.Raft.Membership;
using Kvorum.Raft.Replication;

namespace Kvorum.Raft;

/// <summary>Handing leadership over (thesis 3.10).</summary>
public sealed partial class RaftNode
{
    private NodeId? transferTarget;
    private int transferElapsed;

    /// <summary>
    /// Hands leadership to a voter (thesis 3.10); given up after an election timeout. Proposals are refused
    /// meanwhile. False if that cannot be tried: not leading, not a voter, not heard from, or another
    /// transfer is under way.
    /// </summary>
    public bool TransferLeadership(NodeId target)
    {
        if (Role != Role.Leader || target == Id) return false;
        if (transferTarget is { } present) return present == target;
        var voter = ConfigurationExtensions.Contains(Configuration.Voters, target);
        if (!voter || peers.Find(target) is not { } peer) return false;
        Wake();
        if (!IsActive(peer)) return false;
        transferTarget = target;
        transferElapsed = 0;
        Touch();
        HandOverIfReady(peer);
        return true;
    }

    /// <summary>
    /// The target has the whole log: it may campaign, past all promises to this leader.
    /// </summary>
    private void HandOverIfReady(Progress peer)
    {
        if (transferTarget != peer.Node || peer.Match < log.LastIndex) return;
        EndLease();
        Send(new TimeoutNow { From = Id, To = peer.Node, Term = Term });
    }

    private void TickTransfer()
    {
        if (transferTarget is not { } target) return;
        if (++transferElapsed >= options.ElectionTimeoutMinTicks || peers.Find(target) is not { } peer)
            transferTarget = null;
        else if (transferElapsed % options.HeartbeatTicks == 0)
            HandOverIfReady(peer);
    }
}
