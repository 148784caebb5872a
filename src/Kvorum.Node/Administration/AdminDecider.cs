using Kvorum.Node.Placement;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Administration;

/// <summary>
/// What is to be done about a change that an operator asks for, by the committed state: a decider of the
/// leader of the metadata group, which proposes nothing itself.
/// </summary>
/// <param name="isUp">True if a member answers.</param>
/// <param name="leaderOf">The leader of a group; null if it is not known.</param>
/// <param name="place">Where the replicas of a new keyspace should be. Any thread.</param>
internal sealed class AdminDecider(
    Func<NodeId, bool> isUp, Func<GroupId, NodeId?> leaderOf,
    Func<KeyspaceSettings, IReadOnlyList<ReplicaTarget>> place)
{
    private readonly MemberDecider _members = new(isUp);
    private readonly KeyspaceDecider _keyspaces = new(place);
    private readonly TransferDecider _transfers = new(isUp, leaderOf);

    /// <summary>The decision.</summary>
    /// <param name="change">What is asked.</param>
    /// <param name="state">The committed state.</param>
    /// <param name="nowMs">The log time of a command that was proposed now.</param>
    public AdminDecision Decide(AdminChange change, MetaMachine state, ulong nowMs = 0) => change switch
    {
        ChangeMember one => _members.Decide(one, state),
        CreateKeyspace one => _keyspaces.Decide(one, state),
        AlterKeyspace one => KeyspaceDecider.Decide(one, state),
        DropKeyspace one => KeyspaceDecider.Decide(one, state),
        ChangeLimits one => Decide(one, state),
        TransferLeadership one => _transfers.Decide(one, state),
        AccessChange one => AccessDecider.Decide(one, state, nowMs),
        _ => throw new ArgumentOutOfRangeException(nameof(change)),
    };

    private static AdminDecision Decide(ChangeLimits change, MetaMachine state)
    {
        if (MoveLimits.Problem(change) is { } problem)
            return Refusal.Wrong(problem);
        var changed = MoveLimits.Changed(state.MoveLimits, change);
        var words = MoveLimits.InWords(change);
        if (changed == state.MoveLimits)
        {
            return new AdminDecision.Answer(AdminReply.Of(ReplyStatus.Ok, $"{words}; that was so before") with
            {
                Limits = MoveLimits.Of(changed),
            });
        }

        return new AdminDecision.Propose(
            words, timeMs => MetaRecords.EncodeLimits(changed, timeMs), now => now.MoveLimits == changed);
    }
}
