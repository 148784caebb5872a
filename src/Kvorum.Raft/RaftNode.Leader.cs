using Kvorum.Raft.Reads;
using Kvorum.Raft.Replication;

namespace Kvorum.Raft;

/// <summary>
/// Leading: the term's first entry, proposals, acknowledgements, commitment, heartbeats (Raft sections 5.3,
/// 5.4.2, 8).
/// </summary>
public sealed partial class RaftNode
{
    private readonly Queue<(ulong Index, int Bytes)> uncommitted = [];
    private long uncommittedBytes;
    private ulong termStart;
    private int heartbeatElapsed;

    private static readonly Func<Progress, ulong> matchOf = progress => progress.Match;
    private static readonly Func<Progress, ulong> heardOf = progress => (ulong)progress.HeardTick;
    private static readonly Func<Progress, ulong> roundOf = progress => progress.ConfirmedRound;

    /// <summary>
    /// True once an entry of this leader's term is committed: only then it knows what is (Raft section 8).
    /// </summary>
    private bool HasCommittedInTerm => log.Commit >= termStart;

    /// <summary>
    /// Proposes a command. Bytes are kept, not copied. Refused as overloaded while too much is uncommitted; a
    /// command that alone exceeds the bound is taken when nothing else waits.
    /// </summary>
    public ProposeResult Propose(ReadOnlyMemory<byte> data)
    {
        if (Role != Role.Leader) return new(ProposeOutcome.NotLeader, default, Term);
        if (transferTarget is not null) return new(ProposeOutcome.Transferring, default, Term);
        if (uncommittedBytes > 0 && uncommittedBytes + data.Length > options.UncommittedBytesMax)
            return new(ProposeOutcome.Overloaded, default, Term);
        return new(ProposeOutcome.Accepted, LeadAppend(EntryKind.Command, data), Term);
    }

    private void BecomeLeader()
    {
        Invariant.Check(Role == Role.Candidate && vote == Id && log.Installing is null);
        Role = Role.Leader;
        Leader = Id;
        protectTicks = 0;
        heartbeatElapsed = 0;
        rounds = new ReadRounds();
        peers.Clear();
        FollowMembers();
        activityTick = now;
        termStart = log.LastIndex + 1;
        LeadAppend(EntryKind.Noop, life);
    }

    private void LeaveLeadership()
    {
        Invariant.Check(rounds.IsIdle);
        peers.Clear();
        uncommitted.Clear();
        uncommittedBytes = 0;
        transferTarget = null;
        mayUseLease = true;
        replicationDue = false;
    }

    private LogIndex LeadAppend(EntryKind kind, ReadOnlyMemory<byte> data)
    {
        Invariant.Check(Role == Role.Leader);
        Touch();
        var index = log.LastIndex + 1;
        uncommitted.Enqueue((index, data.Length));
        uncommittedBytes += data.Length;
        AppendToLog(new Entry(new(index), Term, kind, data));
        replicationDue = true;
        return new(index);
    }

    private void TickLeader()
    {
        if (options.CheckQuorum && !HearsMajority)
        {
            BecomeFollower(Term, null);
            return;
        }
        TickTransfer();
        if (++heartbeatElapsed < options.HeartbeatTicks) return;
        heartbeatElapsed = 0;
        if (MayRest) Rest();
        else StartRound(toAll: true);
    }

    /// <summary>
    /// True unless a whole election timeout went by without a word from a majority (thesis 6.2).
    /// </summary>
    private bool HearsMajority
    {
        get
        {
            if (peers.Find(Id) is { } self) self.HeardTick = now;
            return now - (long)Math.Min(peers.Reached(heardOf), (ulong)now) < options.ElectionTimeoutMaxTicks;
        }
    }

    internal void LeadAppendReply(AppendEntriesReply reply)
    {
        if (peers.Find(reply.From) is not { } peer) return;
        peer.HeardTick = now;
        // An index beyond this log is an answer to an earlier life of this node, or no answer at all.
        if (reply.Index.Value > log.LastIndex) return;
        if (reply.Rejected)
        {
            // Only a blank replica refuses the very first entry; one that was filled is blank again when an
            // operator gave up what it had.
            if (reply.Index.Value == 0 && peer.State != ProgressState.Snapshot)
            {
                peer.Forget();
                OfferSnapshot(peer);
            }
            var (candidate, _) = log.FindMatchCandidate(reply.HintIndex, reply.HintTerm);
            if (peer.Rejected(reply.Index.Value, candidate.Value)) replicationDue = true;
            return;
        }
        if (!peer.Accepted(reply.Index.Value, log.FirstSendable))
        {
            replicationDue |= peer.MaySend(log.LastIndex);
            return;
        }
        peer.ProgressTick = now;
        replicationDue |= peer.MaySend(log.LastIndex);
        CommitByMajority();
        if (Role == Role.Leader) HandOverIfReady(peer);
    }

    internal void LeadHeartbeatReply(HeartbeatReply reply)
    {
        if (peers.Find(reply.From) is not { } peer) return;
        peer.HeardTick = now;
        if (peer.Match < log.LastIndex
            && now - peer.ProgressTick >= Limits.ProbeHeartbeats * options.HeartbeatTicks)
        {
            peer.Revive();
            peer.ProgressTick = now;
            replicationDue = true;
        }
        peer.Confirm(Math.Min(reply.ReadRound, rounds.Newest));
        ConfirmRounds();
    }

    /// <summary>Two leaders in one term: the one thing that must never be (Raft section 5.2).</summary>
    internal void RefuseSecondLeader(Message message) => IsSecondLeader(message.From);

    /// <summary>This leader's own log became durable further.</summary>
    private void OwnLogDurable()
    {
        peers.Find(Id)?.SelfStable(log.Stable, log.LastIndex);
        CommitByMajority();
    }

    /// <summary>
    /// Commits what a majority has, provided that it is of this term (Raft section 5.4.2 and figure 8).
    /// </summary>
    private void CommitByMajority()
    {
        var reached = Math.Min(peers.Reached(matchOf), log.LastIndex);
        if (reached < termStart || !log.CommitTo(reached)) return;
        Touch();
        while (uncommitted.TryPeek(out var oldest) && oldest.Index <= reached)
        {
            uncommittedBytes -= oldest.Bytes;
            uncommitted.Dequeue();
        }
        ConfigurationCommitted();
        if (Role == Role.Leader) StartWaitingReads();
    }
}
