namespace Kvorum.Raft.Membership;

/// <summary>
/// How a change turns one configuration into the next (thesis 4.3). Changes of the voters go through a joint
/// configuration; changes of learners alone take one step. All replicas run the same rules on the same log.
/// </summary>
internal static class MembershipRules
{
    /// <summary>The configuration after the change; null if the change does not apply to it.</summary>
    public static Configuration? Apply(Configuration current, ConfigurationChange change)
    {
        if (current.IsJoint) return change.Changes.Count == 0 ? Leave(current) : null;
        return change.Changes.Count == 0 ? null : Enter(current, change);
    }

    private static Configuration? Enter(Configuration current, ConfigurationChange change)
    {
        var voters = new SortedSet<NodeId>(current.Voters);
        var learners = new SortedSet<NodeId>(current.Learners);
        var demoted = new SortedSet<NodeId>();
        var seen = new HashSet<NodeId>();
        foreach (var (kind, node) in change.Changes)
        {
            if (!seen.Add(node) || !Change(kind, node, voters, learners, demoted)) return null;
        }
        var members = voters.Count + learners.Count + demoted.Count;
        if (voters.Count == 0 || members > Limits.MembersMax) return null;
        return new Configuration
        {
            Voters = [.. voters],
            Outgoing = voters.SetEquals(current.Voters) ? [] : current.Voters,
            Learners = [.. learners],
            LearnersNext = [.. demoted],
        };
    }

    /// <summary>One member's step; false if it changes nothing or its kind is unknown.</summary>
    private static bool Change(
        MemberChangeKind kind, NodeId node,
        SortedSet<NodeId> voters, SortedSet<NodeId> learners, SortedSet<NodeId> demoted)
    {
        switch (kind)
        {
            case MemberChangeKind.AddVoter:
                learners.Remove(node);
                return voters.Add(node);
            case MemberChangeKind.AddLearner:
                // A voter keeps its vote in the outgoing half until the joint state is left.
                return voters.Remove(node) ? demoted.Add(node) : learners.Add(node);
            case MemberChangeKind.Remove:
                return voters.Remove(node) | learners.Remove(node);
            default:
                return false;
        }
    }

    private static Configuration Leave(Configuration joint) => new()
    {
        Voters = joint.Voters,
        Learners = [.. joint.Learners.Concat(joint.LearnersNext).Distinct().Order()],
    };
}
