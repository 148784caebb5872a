using Kvorum.Raft;

namespace Kvorum.Node.Placement.Planning;

/// <summary>How far a group is on its way to its target, for people.</summary>
internal static class GroupProgress
{
    /// <summary>True if the replicas are where they should be, by what the leader told.</summary>
    public static bool HasArrived(PlannedGroup group) => group.Actual is { IsJoint: false } actual
        && AreSame(group.Target.Voters, actual.Voters)
        // Every member learns what the metadata group decides; no move comes of it.
        && (group.Id.IsMetadata
            || (actual.Filling.Count == 0 && AreSame(group.Target.Learners, actual.Learners)));

    /// <summary>The nodes that get a whole replica, or a vote.</summary>
    public static IEnumerable<NodeId> Adds(PlannedGroup group)
    {
        var actual = group.Actual!;
        return group.Target.Voters.Except(actual.Voters)
            .Concat(group.Target.Learners.Except(actual.Voters).Except(actual.Learners));
    }

    /// <summary>The nodes whose replica goes; of the metadata group, their vote.</summary>
    public static IEnumerable<NodeId> Removes(PlannedGroup group)
    {
        var actual = group.Actual!;
        var there = group.Id.IsMetadata
            ? actual.Voters : actual.Voters.Concat(actual.Learners).Concat(actual.Filling);
        return there.Except(group.Target.Voters).Except(group.Target.Learners);
    }

    private static bool AreSame(IReadOnlyList<NodeId> left, IReadOnlyList<NodeId> right) =>
        left.Count == right.Count && left.All(right.Contains);
}
