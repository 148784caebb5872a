namespace Kvorum.Node.Placement.Planning;

/// <summary>
/// One step of one group towards what it should be: a new set of replicas that differs by at most one new
/// node, with its roles. A group never passes through an even number of voters: of an even number of replicas
/// one learns, and becomes a voter in the same joint change as the next one.
/// </summary>
internal readonly record struct GroupStep(int[] Voters, int[] Learners, int? Adds)
{
    /// <summary>Nothing to do, or nothing that can be done.</summary>
    public static GroupStep None => new([], [], null);

    /// <summary>True if there is a step.</summary>
    public bool IsSome => Voters.Length > 0;
}

/// <summary>
/// Finds the next step of a group. It knows the nodes' loads of the moment; what is decided is added to them
/// by the caller.
/// </summary>
internal sealed class GroupSteps(PlannerNodes nodes, PlannerSettings settings, long nowMs)
{
    /// <summary>
    /// What a group that stands where its target wants it needs most; null if all is well. Balance and
    /// leadership are not a matter of one group.
    /// </summary>
    public ChangeReason? NeedOf(GroupState group)
    {
        var replicas = group.Replicas;
        var (isKept, isAble) = (true, true);
        foreach (var node in replicas)
        {
            if (nodes.IsGone(node))
                return ChangeReason.Repair;
            isKept &= nodes.Keeps(node);
            isAble &= nodes.Takes(node);
        }

        if (!isKept)
            return ChangeReason.Drain;
        if (replicas.Length != group.Due || group.Voters.Length != group.VotersOf(replicas.Length))
            return ChangeReason.Factor;
        if (group.IsFollowedByAll && !Followers(group.Voters).SequenceEqual(group.Learners.Order()))
            return ChangeReason.Factor;
        return !settings.IsPaused && isAble && CouldSpread(group, replicas)
            ? ChangeReason.Zones
            : null;
    }

    /// <summary>
    /// The step for a need, or none: then <paramref name="inTheWay"/> says why, if something is in the way.
    /// </summary>
    /// <param name="group">The group.</param>
    /// <param name="need">What it needs.</param>
    /// <param name="mayMove">False if no move may begin now; then only steps without one are found.</param>
    /// <param name="inTheWay">What is in the way.</param>
    public GroupStep Next(GroupState group, ChangeReason need, bool mayMove, out ObstacleKind? inTheWay)
    {
        inTheWay = group.WhyNoChange(fills: false);
        if (inTheWay is not null)
            return GroupStep.None;
        var step = need == ChangeReason.Zones
            ? Spread(group, mayMove, out inTheWay)
            : Mend(group, mayMove, ref inTheWay);
        if (!step.IsSome)
            return step;
        inTheWay = group.WhyNoChange(fills: step.Adds is not null);
        if (inTheWay is null && !IsSafe(group, step.Voters))
            inTheWay = ObstacleKind.Unsafe;
        return inTheWay is null ? step : GroupStep.None;
    }

    /// <summary>A group's replicas with one node in another's place, with roles.</summary>
    public GroupStep Replace(GroupState group, int leaving, int newcomer) =>
        WithRoles(group, [.. group.Replicas.Where(node => node != leaving), newcomer], newcomer);

    /// <summary>True if a node may take a replica of a group now.</summary>
    public bool CanTake(GroupState group, int node) => nodes.Takes(node)
        && nodes.RoomOf(node) >= group.Group.Bytes
        && !group.Refuses(node, nowMs, settings.GivenUpPauseMs);

    /// <summary>Members that follow a group in which these vote, by number.</summary>
    private IEnumerable<int> Followers(int[] voters) =>
        Enumerable.Range(0, nodes.MemberCount).Where(node => !voters.Contains(node));

    // Replaces what is on a bad node, fills up and cuts down, one new node at a time.
    private GroupStep Mend(GroupState group, bool mayMove, ref ObstacleKind? inTheWay)
    {
        var replicas = group.Replicas;
        if (group.Due == 0)
            inTheWay = ObstacleKind.NoNode;
        var kept = Trim(group, [.. replicas.Where(nodes.Keeps)]);
        int? newcomer = null;
        if (group.IsFollowedByAll)
            kept = Promote(group, kept);
        else if (kept.Length < group.Due && mayMove)
            newcomer = Pick(group, kept, out inTheWay);
        int[] bad =
        [
            .. replicas.Where(node => !nodes.Keeps(node) && !IsUseless(group, node)).OrderBy(Reliability),
        ];
        var next = newcomer is { } added ? [.. kept, added] : kept;
        // A replica on a bad node stays until another one stands in for it.
        next = [.. next, .. bad.Take(Math.Max(0, group.Due - next.Length))];
        if (group.IsFollowedByAll)
            next = next[..group.VotersOf(next.Length)];
        var step = next.Length == 0 ? GroupStep.None : WithRoles(group, next, newcomer);
        return IsNew(group, step) ? step : GroupStep.None;
    }

    // A replica goes to a zone that has at least two fewer of them.
    private GroupStep Spread(GroupState group, bool mayMove, out ObstacleKind? inTheWay)
    {
        inTheWay = null;
        if (!mayMove)
            return GroupStep.None;
        var replicas = group.Replicas;
        var crowded = group.MostInZone(replicas);
        var leaving = replicas.Where(node => group.CountIn(nodes.ZoneOf(node), replicas) == crowded)
            .MaxBy(nodes.DensityOf);
        int[] rest = [.. replicas.Where(node => node != leaving)];
        if (group.IsFollowedByAll)
        {
            var promoted = Promote(group, rest);
            var isBetter = promoted.Length > rest.Length
                && group.CountIn(nodes.ZoneOf(promoted[^1]), rest) < crowded - 1;
            return isBetter ? WithRoles(group, promoted, null) : GroupStep.None;
        }

        return Pick(group, rest, out inTheWay, leaving, countMax: crowded - 2) is { } newcomer
            ? Replace(group, leaving, newcomer)
            : GroupStep.None;
    }

    private bool CouldSpread(GroupState group, int[] replicas)
    {
        var crowded = group.MostInZone(replicas);
        if (crowded < 2)
            return false;
        for (var zone = 0; zone < nodes.ZoneCount; zone++)
        {
            var count = group.CountIn(zone, replicas);
            if (count <= crowded - 2 && nodes.TakersIn(zone) > count)
                return true;
        }

        return false;
    }

    // The node with the fewest replicas in its zone, then with the least load for its weight.
    private int? Pick(
        GroupState group,
        int[] kept,
        out ObstacleKind? inTheWay,
        int leaving = -1,
        int countMax = int.MaxValue)
    {
        inTheWay = ObstacleKind.NoNode;
        int? best = null;
        var (fewest, least) = (int.MaxValue, double.MaxValue);
        foreach (var node in nodes.Active)
        {
            if (!nodes.Takes(node) || node == leaving || group.Has(node))
                continue;
            var count = group.CountIn(nodes.ZoneOf(node), kept);
            if (count > countMax)
                continue;
            if (!CanTake(group, node))
            {
                var isFull = nodes.RoomOf(node) < group.Group.Bytes || inTheWay == ObstacleKind.NoRoom;
                inTheWay = isFull ? ObstacleKind.NoRoom : ObstacleKind.GivenUp;
                continue;
            }

            var density = nodes.DensityOf(node) + ((double)group.Load / nodes.WeightOf(node));
            if (count < fewest || (count == fewest && density < least))
                (best, fewest, least) = (node, count, density);
        }

        if (best is not null)
            inTheWay = null;
        return best;
    }

    // As many voters as are due, from the members that have caught up as learners.
    private int[] Promote(GroupState group, int[] kept)
    {
        var voters = kept;
        while (voters.Length < group.Due)
        {
            var next = group.ActualLearners.Where(node => nodes.Takes(node) && !group.Voters.Contains(node))
                .Except(voters)
                .OrderBy(node => group.CountIn(nodes.ZoneOf(node), voters)).ThenBy(static node => node)
                .Cast<int?>().FirstOrDefault();
            if (next is not { } found)
                break;
            voters = [.. voters, found];
        }

        return voters;
    }

    // Down to what is due: the silent go first, then those in crowded zones, then those with much load; else
    // the preferred leader stays.
    private int[] Trim(GroupState group, int[] kept)
    {
        while (kept.Length > group.Due)
        {
            var all = kept;
            var surplus = all.OrderBy(nodes.Answers)
                .ThenByDescending(node => group.CountIn(nodes.ZoneOf(node), all))
                .ThenByDescending(nodes.DensityOf)
                .ThenByDescending(node => Array.IndexOf(all, node))
                .First();
            kept = [.. all.Where(node => node != surplus)];
        }

        return kept;
    }

    private GroupStep WithRoles(GroupState group, int[] replicas, int? newcomer)
    {
        int[] byRank = [.. replicas.OrderBy(node => Rank(group, node, newcomer))
            .ThenBy(node => Array.IndexOf(group.Voters, node) is var at && at < 0 ? int.MaxValue : at)];
        // A node that goes soon and does not vote is not made a voter for that time.
        var going = byRank.Count(node => !nodes.Keeps(node) && !group.Voters.Contains(node));
        var voters = byRank[..group.VotersOf(byRank.Length - going)];
        int[] learners = group.IsFollowedByAll
            ? [.. Followers(voters)]
            : [.. byRank[voters.Length..].Order()];
        return new GroupStep(InOrder(group, voters), learners, newcomer);
    }

    // The order of preference stays; a preferred leader that cannot lead well is followed by the voter that
    // leads least for its weight.
    private int[] InOrder(GroupState group, int[] voters)
    {
        int[] ordered = [.. group.Voters.Where(voters.Contains), .. voters.Except(group.Voters)];
        if (nodes.Keeps(ordered[0]) && group.Voters.Length > 0 && ordered[0] == group.Voters[0])
            return ordered;
        var able = ordered.Where(node => nodes.Takes(node) && group.Has(node)).ToArray();
        if (able.Length == 0)
            return ordered;
        var first = able.MinBy(nodes.LedDensityOf);
        return [first, .. ordered.Where(node => node != first)];
    }

    // Voters are chosen in this order. Roles change without need only where that is safer.
    private int Rank(GroupState group, int node, int? newcomer)
    {
        if (node == newcomer)
            return 2;
        if (nodes.Takes(node))
            return group.Voters.Contains(node) ? 0 : 1;
        if (nodes.Keeps(node))
            return group.Voters.Contains(node) ? 3 : 4;
        return 5 + Reliability(node);
    }

    // A replica that never votes nor answers again stands in for nothing.
    private bool IsUseless(GroupState group, int node) => nodes.IsGone(node) && !group.Voters.Contains(node);

    private int Reliability(int node) => nodes.IsGone(node) ? 2 : nodes.Answers(node) ? 0 : 1;

    // With the same replicas as before, roles change only for the number of voters, or to have a learner
    // stand in for a voter on a bad node.
    private bool IsNew(GroupState group, GroupStep step)
    {
        if (!step.IsSome)
            return false;
        if (!GroupState.AreSame(
            [.. step.Voters, .. step.Learners], [.. group.Voters, .. group.Learners]))
            return true;
        return !GroupState.AreSame(step.Voters, group.Voters)
            && (step.Voters.Length != group.Voters.Length
            || (!group.Voters.All(nodes.Keeps) && group.Learners.Any(nodes.Takes)));
    }

    // Not fewer voters that answer than before, as far as there are so many voters, and always a majority if
    // they vote.
    private bool IsSafe(GroupState group, int[] voters)
    {
        var up = voters.Count(nodes.Answers);
        return up >= Math.Min(group.VotersThatAnswer, voters.Length)
            && (group.IsLeaderless || up > voters.Length / 2);
    }
}
