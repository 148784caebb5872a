using Kvorum.Raft.Membership;

namespace Kvorum.Raft;

/// <summary>
/// Campaigns: first the pre-vote (pre-candidate, thesis 9.6), then the vote (candidate, Raft section 5.2).
/// </summary>
public sealed partial class RaftNode
{
    /// <summary>
    /// True until the Ready that carries this node's own vote is taken; the vote counts once it is durable.
    /// </summary>
    private bool _ownVoteDue;

    private void StartCampaign()
    {
        if (_options.PreVote) BecomePreCandidate();
        else BecomeCandidate(transfer: false);
    }

    /// <summary>The leader hands over: campaign at once, and tell the voters why (thesis 3.10).</summary>
    internal void TakeOver()
    {
        if (IsPromotable) BecomeCandidate(transfer: true);
    }

    private void BecomePreCandidate()
    {
        Invariant.Check(Role != Role.Leader && IsPromotable);
        AbandonReads();
        Role = Role.PreCandidate;
        Leader = null;
        RestartElectionTimer();
        _ballot.Clear();
        _ballot.Record(Id, true);
        RequestVotes(preVote: true, transfer: false);
        CountPreVotes();
    }

    private void BecomeCandidate(bool transfer)
    {
        Invariant.Check(Role != Role.Leader && IsPromotable);
        AbandonReads();
        EnterTerm(Term.Next);
        Role = Role.Candidate;
        _vote = Id;
        _ownVoteDue = true;
        RestartElectionTimer();
        _ballot.Clear();
        RequestVotes(preVote: false, transfer);
    }

    private void RequestVotes(bool preVote, bool transfer)
    {
        foreach (var member in Configuration.Members())
        {
            if (member == Id || !Configuration.HasVoter(member)) continue;
            var request = VoteRequest(member, preVote, transfer);
            if (preVote) Send(request);
            else SendWhenDurable(request);
        }
    }

    private RequestVote VoteRequest(NodeId to, bool preVote, bool transfer) => new()
    {
        From = Id,
        To = to,
        Term = preVote ? Term.Next : Term,
        PreVote = preVote,
        LastIndex = LastIndex,
        LastTerm = _log.LastTerm,
        Transfer = transfer,
    };

    /// <summary>An answer to a pre-vote request.</summary>
    internal void CountPreVote(RequestVoteReply reply)
    {
        if (!reply.PreVote || (reply.Granted && reply.Term != Term.Next)) return;
        _ballot.Record(reply.From, reply.Granted);
        CountPreVotes();
    }

    /// <summary>
    /// This node gave up its pre-vote, and a voter that had refused grants it now: it has noticed that the
    /// leader is gone. Only such a grant starts a campaign: each follows a notice, so they cannot go on.
    /// </summary>
    internal void CountLatePreVote(RequestVoteReply reply)
    {
        if (!reply.PreVote || !reply.Granted || reply.Term != Term.Next || !_ballot.WasRefusedBy(reply.From))
            return;
        if (Leader is not null || _protectTicks > 0 || !IsPromotable) return;
        StartCampaign();
        if (Role == Role.PreCandidate) CountPreVote(reply);
    }

    private void CountPreVotes()
    {
        switch (_ballot.Count(Configuration))
        {
            case Verdict.Won:
                BecomeCandidate(transfer: false);
                break;
            case Verdict.Lost:
                BecomeFollower(Term, null);
                break;
        }
    }

    /// <summary>An answer to a vote request.</summary>
    internal void CountVote(RequestVoteReply reply)
    {
        if (reply.PreVote) return;
        _ballot.Record(reply.From, reply.Granted);
        CountVotes();
    }

    private void OwnVoteDurable()
    {
        _ballot.Record(Id, true);
        CountVotes();
    }

    private void CountVotes()
    {
        switch (_ballot.Count(Configuration))
        {
            case Verdict.Won:
                BecomeLeader();
                break;
            case Verdict.Lost:
                BecomeFollower(Term, null);
                break;
        }
    }

    /// <summary>Another node leads in this term.</summary>
    internal void YieldTo(Message message, Action follow)
    {
        BecomeFollower(message.Term, message.From);
        follow();
    }
}
