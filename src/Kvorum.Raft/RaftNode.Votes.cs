namespace Kvorum.Raft;

/// <summary>The voter's side of elections (Raft sections 5.2 and 5.4.1, thesis 9.6).</summary>
public sealed partial class RaftNode
{
    /// <summary>The last pre-vote that was refused only because this node protected its leader.</summary>
    private (RequestVote Request, long Until)? _postponedPreVote;

    /// <summary>
    /// Answers a vote or pre-vote request. A learner answers too: the candidate's configuration, which may be
    /// newer than this node's, decides whether the vote counts (thesis 4.2.2).
    /// </summary>
    internal void AnswerVote(RequestVote request)
    {
        Invariant.Check(request.Term >= Term);
        var free = _vote is null && Leader is null && (request.Transfer || !ProtectsLeader);
        var mayVote = _vote == request.From || free || (request.PreVote && request.Term > Term);
        var granted = mayVote && MayVoteFor(request.From)
            && _log.IsUpToDate(request.LastIndex, request.LastTerm);
        if (granted && !request.PreVote)
        {
            _vote = request.From;
            RestartElectionTimer();
        }
        var reply = new RequestVoteReply
        {
            From = Id,
            To = request.From,
            Term = granted ? request.Term : Term,
            PreVote = request.PreVote,
            Granted = granted,
        };
        if (request.PreVote) Send(reply);
        else SendWhenDurable(reply);
    }

    /// <summary>
    /// A leader is protected: a pre-vote is refused; a vote request is dropped, so that its term spreads to
    /// no node. A member that asks the leader itself has only missed heartbeats, and gets one.
    /// </summary>
    private void RefuseWhileProtecting(RequestVote request)
    {
        if (request.PreVote)
        {
            RefusePreVote(request.From);
            if (Role == Role.Follower) _postponedPreVote = (request, _now + _options.ElectionTimeoutMinTicks);
        }
        if (Role != Role.Leader || _peers.Find(request.From) is not { } peer) return;
        SendHeartbeat(peer, 0, quiesce: false);
    }

    /// <summary>
    /// The leader is protected no more. The survivors of a crash notice it one after the other: a candidate
    /// that asked before this node knew gets its answer now, and need not wait until the next node asks.
    /// </summary>
    private void AnswerPostponedPreVote()
    {
        if (_postponedPreVote is not var (request, until)) return;
        _postponedPreVote = null;
        if (request.Term == Term.Next && _now < until) AnswerVote(request);
    }

    private void RefusePreVote(NodeId to) =>
        Send(new RequestVoteReply { From = Id, To = to, Term = Term, PreVote = true, Granted = false });
}
