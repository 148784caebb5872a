namespace Kvorum.Raft;

/// <summary>How terms and roles move (Raft section 5.1).</summary>
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

    /// <summary>Settles the terms of sender and receiver; false if the message is done with.</summary>
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
                // Only a question about a term that has not begun, or the answer to ours.
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
    /// The sender's term is over. A leader or candidate there learns the present term from the answer:
    /// nothing else tells it where this node never campaigns, as a learner, or may not, and a leader that
    /// never learns it could not send this node the log.
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
        // Who waits for a read must ask the next leader.
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
        // Votes and acknowledgements of older terms help nobody, and what they speak of may never become
        // durable.
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
    /// One who may not campaign can only stop to believe in a silent leader. A learner also asks, and one
    /// that is fenced, as a voter would by campaigning: the group may be at rest, and who leads it answers
    /// with a heartbeat.
    /// </summary>
    private void ForgetLeader()
    {
        AbandonReads();
        Leader = null;
        RestartElectionTimer();
        var asks = !IsRemoved && (IsFenced || Configuration.Learners.Contains(Id));
        if (asks) RequestVotes(preVote: true, transfer: false);
    }

    /// <summary>The leader of the present term showed itself. False if it is the second to do so.</summary>
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
