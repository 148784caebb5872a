namespace Kvorum.Raft;

/// <summary>
/// Quarantine. In a group that keeps what it promised, a leader's log holds all that is committed anywhere
/// (Raft section 5.4.3), and a term has one leader. A message of the present term that says otherwise proves
/// that some replica lost what it had acknowledged or voted, for example because an old copy of its disk was
/// restored. This replica cannot tell which side is right, so it stops taking part: it keeps all its data,
/// sends nothing, and leaves the decision to an operator.
/// </summary>
public sealed partial class RaftNode
{
    // The newest term in which a leader was heard during the quarantine.
    private Term _listenedTerm;

    // Set when an operator discarded this replica's data: the node whose replica is kept, if one is named.
    private (bool IsSet, NodeId? Kept) _discarded;

    /// <summary>
    /// True while this replica neither votes nor acknowledges, campaigns, leads or reads. It only follows
    /// which node leads: <see cref="Leader"/> is the leader heard last.
    /// </summary>
    public bool IsQuarantined { get; private set; }

    /// <summary>The contradiction that a message showed; null if the host began the quarantine.</summary>
    public Contradiction? Contradiction { get; private set; }

    /// <summary>
    /// The host found a contradiction, or remembers one. Leadership is given up, to a voter that is ready for
    /// it if there is one. Entries that are in this log already are still made durable, and what is committed
    /// is still handed out.
    /// </summary>
    public void Quarantine()
    {
        if (IsQuarantined) return;
        Wake();
        var leader = Leader == Id ? null : Leader;
        IsQuarantined = true;
        _messages.Clear();
        _afterPersist.Clear();
        if (Role == Role.Leader) OfferLeadership();
        if (Role == Role.Follower) AbandonReads();
        else BecomeFollower(Term, null);
        (_listenedTerm, Leader) = (Term, leader);
        _ownVoteDue = false;
    }

    /// <summary>An operator decided for this replica: it takes part again.</summary>
    public void EndQuarantine()
    {
        IsQuarantined = false;
        Contradiction = null;
        Leader = null;
        RestartElectionTimer();
    }

    /// <summary>
    /// An operator discarded this replica's data. Until a snapshot fills it, it votes only for the node whose
    /// replica is kept, if one is named: others may lack entries that this replica had acknowledged.
    /// </summary>
    public void Discarded(NodeId? kept) => _discarded = (true, kept);

    /// <summary>False if this replica was discarded and another node than the candidate is kept.</summary>
    private bool MayVoteFor(NodeId candidate) =>
        !_discarded.IsSet || !IsBlank || _discarded.Kept == candidate;

    private void Listen(Message message)
    {
        if (message is not (AppendEntries or Heartbeat or InstallSnapshot)) return;
        if (message.Term < _listenedTerm) return;
        (_listenedTerm, Leader) = (message.Term, message.From);
    }

    private void Quarantine(LogIndex index, Term local, Term other, NodeId from)
    {
        Quarantine();
        Contradiction = new(index, local, other, from);
    }

    /// <summary>
    /// True, and quarantined, if the leader has an entry of another term where one is committed here. Of what
    /// is compacted here the oldest known term is the upper bound.
    /// </summary>
    private bool Contradicts(NodeId leader, LogIndex index, Term term)
    {
        if (index.Value > _log.Commit) return false;
        if (_log.TermOf(index.Value) is { } known)
        {
            if (known == term) return false;
            Quarantine(index, known, term, leader);
            return true;
        }
        var (oldest, oldestTerm) = _log.Oldest;
        if (term <= oldestTerm) return false;
        Quarantine(new(oldest), oldestTerm, term, leader);
        return true;
    }

    private bool Contradicts(AppendEntries message)
    {
        if (Contradicts(message.From, message.PreviousIndex, message.PreviousTerm)) return true;
        for (var i = 0; i < message.Entries.Count; i++)
        {
            var entry = message.Entries[i];
            if (entry.Index.Value > _log.Commit) return false;
            if (Contradicts(message.From, entry.Index, entry.Term)) return true;
        }
        return false;
    }

    /// <summary>
    /// The leader was told in this term that this log holds everything up to the index of its heartbeat.
    /// </summary>
    private bool Contradicts(Heartbeat message)
    {
        if (message.Commit.Value <= _log.LastIndex) return false;
        Quarantine(message.Commit, default, message.Term, message.From);
        return true;
    }

    /// <summary>Terms never fall along a log: what a snapshot ends with is not older than what is inside.
    /// </summary>
    private bool Contradicts(InstallSnapshot message)
    {
        var snapshot = message.Snapshot;
        if (Contradicts(message.From, snapshot.Index, snapshot.Term)) return true;
        if (_log.TermOf(_log.Commit) is not { } committed || committed <= snapshot.Term) return false;
        if (snapshot.Index.Value < _log.Commit) return false;
        Quarantine(CommitIndex, committed, snapshot.Term, message.From);
        return true;
    }

    /// <summary>
    /// True, and quarantined, if another node showed itself as this term's leader before (Raft section 5.2).
    /// </summary>
    private bool IsSecondLeader(NodeId leader)
    {
        if (Leader is null || Leader == leader) return false;
        Quarantine(CommitIndex, Term, Term, leader);
        return true;
    }
}
