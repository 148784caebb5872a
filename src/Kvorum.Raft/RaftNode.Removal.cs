using Kvorum.Raft.Membership;

namespace Kvorum.Raft;

// A removed replica that still runs. It never gets the entry that removed it, so it keeps the configuration
// before, and asks for votes for ever: each request would wake a group at rest, and raise its term where no
// pre-vote is used (thesis 4.2.3).
//
// A member answers with the index of a committed configuration without the asker, and does nothing else: it
// neither wakes nor takes over the asker's term. It does so only if the asker's log is behind its own, so it
// refuses nothing that it would grant: a candidate may be a member by an entry that this node lacks (thesis
// 4.2.2), but then its log is not behind.
//
// The asker stops asking until it has a later configuration, and nothing is lost by that. Either its log
// lacks what is committed at that index: then it cannot win an election. Or it has it, without knowing that
// it is committed, and is no member by it: then the members need no votes of others any more. So an answer of
// any age and from any term is safe, and it is handled before the terms are compared.

/// <summary>How a removed replica learns of its removal. The argument is at the top of this file.</summary>
public sealed partial class RaftNode
{
    /// <summary>
    /// The index at which a configuration without this node is committed, as a member told; 0 if none did.
    /// </summary>
    private ulong _removedAt;

    /// <summary>
    /// The newest term of a member that told of the removal; a leader of this term or a later one has the
    /// entry that removed this node. What stays of its replica must listen to no earlier one.
    /// </summary>
    public Term RemovedInTerm { get; private set; }

    /// <summary>
    /// True if a member has told that a configuration without this node is committed, and this node has no
    /// later one.
    /// </summary>
    public bool IsRemoved => _removedAt > 0 && _removedAt >= _configurations.CurrentIndex;

    /// <summary>
    /// Asks whether this node was removed. It sends pre-vote requests to its members and to
    /// <paramref name="others"/>, which the host takes for members: those that this node knows may all be
    /// gone. What others grant counts for nothing. No effect on a leader, or in quarantine.
    /// </summary>
    public void AskIfRemoved(IEnumerable<NodeId> others)
    {
        ArgumentNullException.ThrowIfNull(others);
        if (Role == Role.Leader || IsRemoved || IsQuarantined) return;
        foreach (var member in Configuration.Members().Union(others))
        {
            if (member != Id) Send(VoteRequest(member, preVote: true, transfer: false));
        }
    }

    /// <summary>
    /// Answers a request of a removed replica, or takes such an answer; true if the message is handled.
    /// </summary>
    private bool SettlesRemoval(Message message)
    {
        switch (message)
        {
            case RequestVote request when IsFromRemoved(request):
                Send(new RequestVoteReply
                {
                    From = Id,
                    To = request.From,
                    Term = Term,
                    PreVote = request.PreVote,
                    Granted = false,
                    RemovedAt = new(_configurations.CurrentIndex),
                });
                return true;
            case RequestVoteReply { RemovedAt.Value: > 0 } reply:
                _removedAt = Math.Max(_removedAt, reply.RemovedAt.Value);
                if (reply.Term > RemovedInTerm) RemovedInTerm = reply.Term;
                if (IsRemoved && Role is Role.PreCandidate or Role.Candidate) BecomeFollower(Term, null);
                return true;
            default:
                return false;
        }
    }

    private bool IsFromRemoved(RequestVote request) =>
        _configurations.CurrentIndex > 0 && _configurations.CurrentIndex <= _log.Commit
        && !Configuration.HasMember(request.From) && !_log.IsUpToDate(request.LastIndex, request.LastTerm);
}
