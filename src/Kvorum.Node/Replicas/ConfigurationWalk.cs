using Kvorum.Node.Placement;
using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>What the leader of a group does next on its way to its target.</summary>
internal abstract record WalkStep
{
    private WalkStep()
    {
    }

    /// <summary>The group is where its target wants it.</summary>
    public sealed record Arrived : WalkStep;

    /// <summary>Nothing can be done yet.</summary>
    /// <param name="For">The nodes whose replicas are waited for; none: a change that is under way.</param>
    public sealed record Wait(IReadOnlyList<NodeId> For) : WalkStep;

    /// <summary>A change of the configuration is to be proposed.</summary>
    /// <param name="Members">The change.</param>
    public sealed record Change(ConfigurationChange Members) : WalkStep;
}

/// <summary>
/// The way of a group from its configuration to its target: missing replicas first come as learners; when all
/// that are to vote have caught up, one joint change lets them vote and the old ones go. So no replica leaves
/// before another stands in for it, and the number of voters goes from odd to odd. A pure decider that
/// remembers nothing: the next leader goes on from what is.
/// </summary>
internal static class ConfigurationWalk
{
    /// <summary>The next step.</summary>
    /// <param name="now">The configuration in force.</param>
    /// <param name="target">Where the replicas should be.</param>
    /// <param name="hasCaughtUp">True if a learner has what a voter needs.</param>
    /// <param name="answers">True if a node answers.</param>
    public static WalkStep Next(
        Configuration now, ReplicaTarget target, Func<NodeId, bool> hasCaughtUp, Func<NodeId, bool> answers)
    {
        if (now.IsJoint)
            return new WalkStep.Wait([]);
        NodeId[] wanted = [.. target.Voters, .. target.Learners];
        NodeId[] present = [.. now.Voters, .. now.Learners];
        MemberChange[] learners =
        [
            .. wanted.Except(present).Order().Select(
                static node => new MemberChange(MemberChangeKind.AddLearner, node)),
            .. now.Learners.Except(wanted).Select(
                static node => new MemberChange(MemberChangeKind.Remove, node)),
        ];
        if (learners.Length > 0)
            return Change(learners);
        NodeId[] coming = [.. target.Voters.Except(now.Voters).Order()];
        NodeId[] leaving = [.. now.Voters.Except(target.Voters)];
        if (coming.Length + leaving.Length == 0)
            return new WalkStep.Arrived();
        NodeId[] behind = [.. coming.Where(node => !hasCaughtUp(node))];
        if (behind.Length > 0)
            return new WalkStep.Wait(behind);
        // A group that could lose a majority by the change is safer as it is.
        var up = target.Voters.Count(answers);
        if (up <= target.Voters.Count / 2 || up < Math.Min(now.Voters.Count(answers), target.Voters.Count))
            return new WalkStep.Wait([.. target.Voters.Where(node => !answers(node)).Order()]);
        return Change(
        [
            .. coming.Select(static node => new MemberChange(MemberChangeKind.AddVoter, node)),
            .. leaving.Select(node => new MemberChange(
                target.Learners.Contains(node) ? MemberChangeKind.AddLearner : MemberChangeKind.Remove,
                node)),
        ]);
    }

    private static WalkStep.Change Change(MemberChange[] changes) => new(new ConfigurationChange(changes));
}
