using Kvorum.Raft.Membership;

namespace Kvorum.Raft;

// Why a read by lease is linearizable: the whole argument (thesis 6.4.1), beside the code it rests on.
//
// Claim: while the leader L of term T holds its lease, no later term has a leader. So all that is committed
// was committed by L or before it, and L's commit index is a read index once an entry of T is committed.
//
//  1. Promise. A voter that hears from L gives no vote to others and does not campaign for the least election
//     timeout, counted in its own ticks from the moment it heard (_protectTicks, ProtectsLeader; its election
//     timer runs at least as long). It answers a round only in term T: had it voted in a later term before,
//     it would answer with that term, which ends L.
//  2. Lease. L sent a round at its tick s, and a majority answered: each of them promised at s or later. An
//     election needs a vote of one of them, and that is not given before the promise ends. L counts from s,
//     one tick less at either end, because both sides count whole ticks, and less by the drift of clocks that
//     RaftOptions.LeaseDriftPercent allows.
//  3. Changing configurations. L counted the answers by the configuration C in force at L; the candidate
//     counts votes by its own, D. Neighbours (D is C, the change before C or after it) share a voter in any
//     two majorities: that is what joint states are for. An older D is no danger: the change after D is
//     committed before L appends the next, so a candidate without it finds no majority of D. A newer D was
//     appended by L after s and reached the candidate from L: the candidate itself has promised since.
//  4. Sole voter. One vote decides, and it is the node's own, so no other node can lead and no promise is
//     needed (RulesAlone). But only once that configuration is known to be committed: until then the leader
//     before may still hold a lease. Example: voters {1,2}; 1 leads and removes itself; 2 has the change that
//     leaves {2}, its answer to 1 is lost; if 2 campaigned at once, 1 would serve reads by lease that miss
//     what 2 commits. The node that commits that change leads by it, or retires in the same step.
//  5. Restart. A promise is kept in memory, the term on disk. An answer that promises leaves after its term
//     is durable, and a node that starts with a term promises as if it had just heard from a leader.
//  6. Transfer. TimeoutNow frees its receiver, and the votes it asks for, from all promises. So the lease
//     ends before the first one leaves, and does not come back in this term: the message may arrive late,
//     also when the transfer was given up. A leader that retires or is fenced sends it too, and steps down in
//     the same step.
//  7. Rest. Ticks stop in a group at rest, so they measure nothing: L forgets its rounds when it rests. A
//     promise only gets longer.
//  8. The host delivers all ticks that are due before it asks for a read by lease, and where such reads are
//     used it calls LeaderGone only if it is certain that the leader's process has ended.

/// <summary>
/// Leases and the promises they rest on (thesis 6.2 and 6.4.1). The argument is at the top of this file.
/// </summary>
public sealed partial class RaftNode
{
    /// <summary>
    /// Ticks for which the leader last heard from is still protected from other candidates.
    /// </summary>
    private int _protectTicks;

    /// <summary>
    /// False from the moment this leader tells another node to campaign: that node may win at any time.
    /// </summary>
    private bool _mayUseLease = true;

    /// <summary>
    /// True while the leader counts as alive: no other node gets a vote.
    /// </summary>
    private bool ProtectsLeader => _options.CheckQuorum && (Role == Role.Leader || _protectTicks > 0);

    /// <summary>
    /// True if no other node can lead: this one is the only voter, and that configuration is committed.
    /// </summary>
    private bool RulesAlone =>
        Configuration.IsSoleVoter(Id) && _configurations.CurrentIndex <= _log.Commit;

    /// <summary>True while no other leader can have been elected.</summary>
    private bool HoldsLease
    {
        get
        {
            if (!HasCommittedInTerm || !_mayUseLease) return false;
            if (RulesAlone) return true;
            if (!_options.CheckQuorum || _rounds.ConfirmedTick is not { } sent) return false;
            var promised = _options.ElectionTimeoutMinTicks - 1;
            var lease = (promised * (100 - _options.LeaseDriftPercent) / 100) - 1;
            return _now - sent < lease;
        }
    }

    /// <summary>A leader was heard from, or may have been just before this node stopped.</summary>
    private void Promise() => _protectTicks = _options.CheckQuorum ? _options.ElectionTimeoutMinTicks : 0;

    /// <summary>Another node may campaign past all promises: no lease for the rest of this term.</summary>
    private void EndLease() => _mayUseLease = false;
}
