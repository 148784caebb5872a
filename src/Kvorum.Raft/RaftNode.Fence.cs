using Kvorum.Raft.Membership;
using Kvorum.Raft.Replication;

namespace Kvorum.Raft;

/// <summary>
/// A replica whose state machine is lost while its log is whole. Raft's safety rests on term, vote and log,
/// which are intact: the replica votes and acknowledges as usual, but neither leads nor serves reads.
/// </summary>
public sealed partial class RaftNode
{
    /// <summary>True while this replica neither stands for election nor leads.</summary>
    public bool IsFenced { get; private set; }

    /// <summary>
    /// The state machine is lost: leadership is given up, to a voter that is ready for it if there is one.
    /// What is handed out as committed from now on, the host need not apply.
    /// </summary>
    public void Fence()
    {
        IsFenced = true;
        Wake();
        if (Role == Role.Leader) OfferLeadership();
        if (Role != Role.Follower) BecomeFollower(Term, null);
    }

    /// <summary>The state machine is whole again.</summary>
    public void Unfence() => IsFenced = false;

    /// <summary>
    /// The host has replaced the state machine by one that holds everything up to the index: what is
    /// committed after it is handed out again. False, and nothing changed, if the log lacks the entries: the
    /// index is not yet committed and durable here, or compacted, or a snapshot is being
    /// installed.
    /// </summary>
    public bool Reapply(LogIndex applied) => _log.HandOutFrom(applied.Value);

    // The voter with most of the log campaigns at once; this node votes for it like all others.
    private void OfferLeadership()
    {
        var best = default(Progress);
        foreach (var peer in _peers.All)
        {
            var isVoter = peer.Node != Id && Configuration.HasVoter(peer.Node) && IsActive(peer);
            if (isVoter && (best is null || peer.Match > best.Match)) best = peer;
        }
        if (best is not null) Send(new TimeoutNow { From = Id, To = best.Node, Term = Term });
    }
}
