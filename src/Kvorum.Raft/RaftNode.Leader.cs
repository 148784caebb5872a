using Kvorum.Raft.Reads;
using Kvorum.Raft.Replication;

namespace Kvorum.Raft;

/// <summary>
/// Leading: the term's first entry, proposals, acknowledgements, commitment, heartbeats (Raft sections 5.3,
/// 5.4.2, 8).
/// </summary>
public sealed partial class RaftNode
{
    private readonly Queue<(ulong Index, int Bytes)> _uncommitted = [];
    private long _uncommittedBytes;
    private ulong _termStart;
    private int _heartbeatElapsed;

    private static readonly Func<Progress, ulong> MatchOf = progress => progress.Match;
    private static readonly Func<Progress, ulong> HeardOf = progress => (ulong)progress.HeardTick;
    private static readonly Func<Progress, ulong> RoundOf = progress => progress.ConfirmedRound;

    /// <summary>
    /// True once an entry of this leader's term is committed: only then it knows the commit index (Raft
    /// section 8).
    /// </summary>
    public bool HasCommittedInTerm => _log.Commit >= _termStart;

    /// <summary>
    /// Proposes a command. Bytes are kept, not copied. Refused as overloaded while too much is uncommitted; a
    /// command that alone exceeds the bound is taken when nothing else waits.
    /// </summary>
    public ProposeResult Propose(ReadOnlyMemory<byte> data)
    {
        if (Role != Role.Leader) return new(ProposeOutcome.NotLeader, default, Term);
        if (_transferTarget is not null) return new(ProposeOutcome.Transferring, default, Term);
        if (_uncommittedBytes > 0 && _uncommittedBytes + data.Length > _options.UncommittedBytesMax)
            return new(ProposeOutcome.Overloaded, default, Term);
        return new(ProposeOutcome.Accepted, LeadAppend(EntryKind.Command, data), Term);
    }

    private void BecomeLeader()
    {
        Invariant.Check(Role == Role.Candidate && _vote == Id && _log.Installing is null);
        Role = Role.Leader;
        Leader = Id;
        _protectTicks = 0;
        _heartbeatElapsed = 0;
        _rounds = new ReadRounds();
        _peers.Clear();
        FollowMembers();
        _activityTick = _now;
        _termStart = _log.LastIndex + 1;
        LeadAppend(EntryKind.Noop, _life);
    }

    private void LeaveLeadership()
    {
        Invariant.Check(_rounds.IsIdle);
        _peers.Clear();
        _uncommitted.Clear();
        _uncommittedBytes = 0;
        _transferTarget = null;
        _mayUseLease = true;
        _replicationDue = false;
    }

    private LogIndex LeadAppend(EntryKind kind, ReadOnlyMemory<byte> data)
    {
        Invariant.Check(Role == Role.Leader);
        Touch();
        var index = _log.LastIndex + 1;
        _uncommitted.Enqueue((index, data.Length));
        _uncommittedBytes += data.Length;
        AppendToLog(new Entry(new(index), Term, kind, data));
        _replicationDue = true;
        return new(index);
    }

    private void TickLeader()
    {
        if (_options.CheckQuorum && !HearsMajority)
        {
            BecomeFollower(Term, null);
            return;
        }
        TickTransfer();
        if (++_heartbeatElapsed < _options.HeartbeatTicks) return;
        _heartbeatElapsed = 0;
        if (MayRest) Rest();
        else StartRound(toAll: true);
    }

    /// <summary>
    /// True if a majority was heard from within the last election timeout (thesis 6.2).
    /// </summary>
    private bool HearsMajority
    {
        get
        {
            if (_peers.Find(Id) is { } self) self.HeardTick = _now;
            var heard = (long)Math.Min(_peers.Reached(HeardOf), (ulong)_now);
            return _now - heard < _options.ElectionTimeoutMaxTicks;
        }
    }

    internal void LeadAppendReply(AppendEntriesReply reply)
    {
        if (_peers.Find(reply.From) is not { } peer) return;
        peer.HeardTick = _now;
        // An index beyond this log answers an earlier life of this node: ignore it.
        if (reply.Index.Value > _log.LastIndex) return;
        if (reply.Rejected)
        {
            // Only a blank replica refuses the first entry. A replica that had data is blank again after an
            // operator discarded it.
            if (reply.Index.Value == 0 && peer.State != ProgressState.Snapshot)
            {
                peer.Forget();
                OfferSnapshot(peer);
            }
            var (candidate, _) = _log.FindMatchCandidate(reply.HintIndex, reply.HintTerm);
            if (peer.Rejected(reply.Index.Value, candidate.Value)) _replicationDue = true;
            return;
        }
        if (!peer.Accepted(reply.Index.Value, _log.FirstSendable))
        {
            _replicationDue |= peer.MaySend(_log.LastIndex);
            return;
        }
        peer.ProgressTick = _now;
        _replicationDue |= peer.MaySend(_log.LastIndex);
        CommitByMajority();
        if (Role == Role.Leader) HandOverIfReady(peer);
    }

    internal void LeadHeartbeatReply(HeartbeatReply reply)
    {
        if (_peers.Find(reply.From) is not { } peer) return;
        peer.HeardTick = _now;
        if (peer.Match < _log.LastIndex
            && _now - peer.ProgressTick >= Limits.ProbeHeartbeats * _options.HeartbeatTicks)
        {
            peer.Revive();
            peer.ProgressTick = _now;
            _replicationDue = true;
        }
        peer.Confirm(Math.Min(reply.ReadRound, _rounds.Newest));
        ConfirmRounds();
    }

    /// <summary>
    /// A message of a second leader in this term, which Raft section 5.2 rules out: quarantine.
    /// </summary>
    internal void RefuseSecondLeader(Message message) => IsSecondLeader(message.From);

    /// <summary>More of this leader's own log is durable.</summary>
    private void OwnLogDurable()
    {
        _peers.Find(Id)?.SelfStable(_log.Stable, _log.LastIndex);
        CommitByMajority();
    }

    /// <summary>
    /// Commits what a majority has, provided that it is of this term (Raft section 5.4.2 and figure 8).
    /// </summary>
    private void CommitByMajority()
    {
        var reached = Math.Min(_peers.Reached(MatchOf), _log.LastIndex);
        if (reached < _termStart || !_log.CommitTo(reached)) return;
        Touch();
        while (_uncommitted.TryPeek(out var oldest) && oldest.Index <= reached)
        {
            _uncommittedBytes -= oldest.Bytes;
            _uncommitted.Dequeue();
        }
        ConfigurationCommitted();
        if (Role == Role.Leader) StartWaitingReads();
    }
}
