namespace Kvorum.Raft;

/// <summary>How terms and roles change (Raft section 5.1).</summary>
public sealed partial class RaftNode
{
    private int _electionElapsed;
    private int _electionTimeout;

    /// <summary>
    /// True if this node may stand for election. One that is leaving the voters still may until that is
    /// committed: the others may need just its vote, and it will not vote for them if only its own log has
    /// the change (thesis 4.2.2).
    /// </summary>
    private bool IsPromotable =>
        !IsFenced && !IsQuarantined && !IsRemoved && _log.Installing is null
        && _configurations.HasVoterSince(_log.Commit, Id);

    /// <summary>Compares the terms of sender and receiver; false if the message is handled.</summary>
    private bool AdmitTerm(Message message)
    {
        if (message.Term == Term) return true;
        if (message.Term > Term) return AdmitHigher(message);
        AnswerLower(message);
        return false;
    }

    private bool AdmitHigher(Message message)
    {
        switch (message)
        {
            case RequestVote { Transfer: false } request when ProtectsLeader:
                RefuseWhileProtecting(request);
                return false;
            case RequestVote { PreVote: true } or RequestVoteReply { PreVote: true, Granted: true }:
                // A pre-vote asks about a term that has not begun, or answers this node's request.
                return true;
            case AppendEntries or Heartbeat or InstallSnapshot or TimeoutNow:
                BecomeFollower(message.Term, message.From);
                return true;
            default:
                BecomeFollower(message.Term, null);
                return true;
        }
    }

    /// <summary>
    /// The sender's term is over. A leader or candidate learns the present term from the answer. A learner,
    /// or a node that may not campaign, has no other way to tell it, and a leader that does not learn it
    /// cannot send this node the log.
    /// </summary>
    private void AnswerLower(Message message)
    {
        switch (message)
        {
            case RequestVote { PreVote: true }:
                RefusePreVote(message.From);
                break;
            case RequestVote or Heartbeat:
                // Only the term: the refusal of a late request would count in the next election.
                Send(new HeartbeatReply { From = Id, To = message.From, Term = Term, ReadRound = 0 });
                break;
            case AppendEntries append:
                SendRefusal(append.From, append.PreviousIndex, default, default);
                break;
            case InstallSnapshot install:
                SendRefusal(install.From, install.Snapshot.Index, default, default);
                break;
        }
    }

    private void BecomeFollower(Term term, NodeId? leader)
    {
        Invariant.Check(term >= Term);
        var wasLeader = Role == Role.Leader;
        // Reads that wait must be asked of the next leader.
        if (wasLeader || term > Term || leader != Leader) AbandonReads();
        if (term > Term) EnterTerm(term);
        if (wasLeader) LeaveLeadership();
        Role = Role.Follower;
        Leader = leader;
        IsQuiescent = false;
        RestartElectionTimer();
    }

    private void EnterTerm(Term term)
    {
        Invariant.Check(term > Term);
        Term = term;
        _vote = null;
        Leader = null;
        _leaderMatch = _leaderCommit = 0;
        // Votes and acknowledgements of older terms have no effect, and the entries they name may never
        // become durable.
        _afterPersist.Clear();
    }

    private void RestartElectionTimer()
    {
        _electionElapsed = 0;
        _electionTimeout = _random.Next(_options.ElectionTimeoutMinTicks, _options.ElectionTimeoutMaxTicks);
    }

    private void TickElection()
    {
        _electionElapsed++;
        if (_protectTicks > 0) _protectTicks--;
        RetryForwardedReads();
        if (_electionElapsed < _electionTimeout) return;
        if (IsPromotable) StartCampaign();
        else ForgetLeader();
    }

    /// <summary>
    /// A node that may not campaign forgets a silent leader. A learner or a fenced node also sends pre-votes,
    /// as a voter would by campaigning: the group may be at rest, and its leader answers with a heartbeat.
    /// </summary>
    private void ForgetLeader()
    {
        AbandonReads();
        Leader = null;
        RestartElectionTimer();
        var asks = !IsRemoved && (IsFenced || Configuration.Learners.Contains(Id));
        if (asks) RequestVotes(preVote: true, transfer: false);
    }

    /// <summary>A message of the present term's leader. False if another node led this term before.</summary>
    private bool HeardFromLeader(NodeId leader)
    {
        Invariant.Check(Role == Role.Follower);
        if (IsSecondLeader(leader)) return false;
        Leader = leader;
        if (_electionTimeout < _options.ElectionTimeoutMinTicks) RestartElectionTimer();
        _electionElapsed = 0;
        Promise();
        return true;
    }
}
