using Kvorum.Raft;

namespace Kvorum.Node.Placement.Planning;

/// <summary>What would come of a change.</summary>
/// <param name="IsPossible">True if it can be done and no promise is lost by it.</param>
/// <param name="Reasons">Why not, in words for an operator.</param>
/// <param name="MovedBytes">What would be copied between nodes.</param>
internal sealed record ForecastAnswer(bool IsPossible, IReadOnlyList<string> Reasons, long MovedBytes);

/// <summary>
/// Answers "what if" with the planner itself: it plans for a changed cluster, takes every plan as carried out
/// at once, and looks at what is left. No limits of moves and no retries: what stands in the way then stands
/// in the way for good.
/// </summary>
internal static class Forecast
{
    // Each round mends all groups by a step; a replication factor can grow by as many as it has.
    private const int RoundsMax = 1000;

    /// <summary>Could this node be removed?</summary>
    public static ForecastAnswer Remove(PlannedCluster cluster, NodeId node)
    {
        if (cluster.Members.All(member => member.Id != node))
            return new ForecastAnswer(false, [$"node {node} is no member"], 0);
        var without = cluster with
        {
            Members = [.. cluster.Members.Select(
                member => member.Id == node ? member with { IsDraining = true } : member)],
        };
        return Compare(cluster, without);
    }

    /// <summary>Could this keyspace have this replication factor?</summary>
    public static ForecastAnswer Factor(PlannedCluster cluster, KeyspaceId keyspace, int replicationFactor) =>
        Compare(cluster, cluster with
        {
            Keyspaces = [.. cluster.Keyspaces.Select(each => each.Id == keyspace
                ? each with { ReplicationFactor = replicationFactor }
                : each)],
        });

    /// <summary>
    /// The first targets of a new keyspace's groups: the ring's, among the members that answer and do not
    /// drain, and balanced as the planner would balance them, so that it has nothing to move afterwards.
    /// </summary>
    public static IReadOnlyList<ReplicaTarget> FirstPlacement(
        PlannedCluster cluster, PlannedKeyspace keyspace, IReadOnlyList<GroupId> groups, int virtualNodes)
    {
        PlannedMember[] members = [.. cluster.Members.Where(
            static member => member is { IsDraining: false, SilentSinceMs: null })];
        var lists = Ring.Place(
            [.. members.Select(static member => new RingMember(member.Id, member.Weight, member.Zone))],
            groups.Count, keyspace.ReplicationFactor, virtualNodes);
        var (settled, _) = Settle(cluster with
        {
            Members = members,
            Keyspaces = [keyspace],
            Groups = [.. groups.Zip(lists, (group, list) => Placed(group, keyspace, list))],
        });
        var targets = settled.Groups.ToDictionary(static group => group.Id, static group => group.Target);
        return [.. groups.Select(group => targets[group])];
    }

    /// <summary>The cluster after all plans, each taken as carried out at once, and the last plan.</summary>
    public static (PlannedCluster Settled, Plan Last) Settle(PlannedCluster cluster)
    {
        var settings = cluster.Settings with { BatchSize = int.MaxValue, MovesMax = int.MaxValue };
        cluster = WithoutMoves(cluster with { Settings = settings });
        for (var round = 0; round < RoundsMax; round++)
        {
            var plan = Planner.Next(cluster);
            if (plan.Changes.Count == 0)
                return (cluster, plan);
            cluster = CarriedOut(cluster, plan);
        }

        throw new InvalidOperationException("the planner does not come to an end: a broken potential");
    }

    private static PlannedGroup Placed(GroupId id, PlannedKeyspace keyspace, IReadOnlyList<NodeId> list)
    {
        var voters = keyspace.VotersOf(list.Count);
        var target = new ReplicaTarget([.. list.Take(voters)], [.. list.Skip(voters)]);
        return Arrived(new PlannedGroup(id, keyspace.Id, target, null));
    }

    // Moves under way are taken as done; they cost the room that they need.
    private static PlannedCluster WithoutMoves(PlannedCluster cluster)
    {
        var room = RoomOf(cluster);
        foreach (var group in cluster.Groups)
        {
            if (group.Actual is not { } actual)
                continue;
            foreach (var node in Nodes(group.Target).Except(actual.Voters).Except(actual.Learners)
                .Where(room.ContainsKey))
                room[node] -= group.Bytes;
        }

        return With(cluster, [.. cluster.Groups.Select(Arrived)], room);
    }

    private static PlannedGroup Arrived(PlannedGroup group) => group with
    {
        Actual = new GroupReplicas(group.Target.Voters, group.Target.Learners, []),
    };

    private static PlannedCluster CarriedOut(PlannedCluster cluster, Plan plan)
    {
        var changes = plan.Changes.ToDictionary(static change => change.Group);
        var room = RoomOf(cluster);
        var groups = new PlannedGroup[cluster.Groups.Count];
        for (var i = 0; i < groups.Length; i++)
        {
            var group = cluster.Groups[i];
            groups[i] = group;
            if (!changes.TryGetValue(group.Id, out var change))
                continue;
            groups[i] = Arrived(group with { Target = change.Target });
            var (before, after) = (Nodes(group.Target), Nodes(change.Target));
            foreach (var node in before.Except(after).Where(room.ContainsKey))
                room[node] = Math.Min(room[node], long.MaxValue - group.Bytes) + group.Bytes;
            foreach (var node in after.Except(before))
                room[node] -= group.Bytes;
        }

        return With(cluster, groups, room);
    }

    private static PlannedCluster With(
        PlannedCluster cluster, PlannedGroup[] groups, Dictionary<NodeId, long> room) => cluster with
        {
            Groups = groups,
            Members = [.. cluster.Members.Select(member => member with { RoomBytes = room[member.Id] })],
        };

    private static Dictionary<NodeId, long> RoomOf(PlannedCluster cluster) =>
        cluster.Members.ToDictionary(static member => member.Id, static member => member.RoomBytes);

    private static IEnumerable<NodeId> Nodes(ReplicaTarget target) => target.Voters.Concat(target.Learners);

    private static ForecastAnswer Compare(PlannedCluster before, PlannedCluster after)
    {
        // Balance would only add moves that the question is not about.
        after = after with { Settings = after.Settings with { IsPaused = true } };
        var (settled, last) = Settle(after);
        List<string> reasons = [.. TooFewNodes(before, after), .. FewerZones(before, settled)];
        reasons.AddRange(last.Obstacles.CountBy(static obstacle => obstacle.Kind).Select(count =>
            $"{last.Obstacles.First(obstacle => obstacle.Kind == count.Key).Text}"
            + (count.Value > 1 ? $" (and {count.Value - 1} more groups)" : "")));
        var held = before.Groups.ToDictionary(static group => group.Id, static group => Nodes(group.Target));
        var moved = settled.Groups.Sum(group =>
            group.Bytes * Nodes(group.Target).Except(held[group.Id]).Count());
        return new ForecastAnswer(reasons.Count == 0, reasons, moved);
    }

    private static IEnumerable<string> TooFewNodes(PlannedCluster before, PlannedCluster after)
    {
        var (had, has) = (Active(before), Active(after));
        foreach (var keyspace in after.Keyspaces.OrderBy(static keyspace => keyspace.Id))
        {
            var factor = keyspace.ReplicationFactor;
            var wasFactor = before.Keyspaces.First(each => each.Id == keyspace.Id).ReplicationFactor;
            // A factor that was out of reach before is no reason.
            if (has < factor && !keyspace.IsFollowedByAll && (has < had || factor != wasFactor))
            {
                yield return $"too few nodes: keyspace {keyspace.Id} keeps {factor} replicas, "
                    + $"{has} nodes remain";
            }
        }
    }

    private static int Active(PlannedCluster cluster) =>
        cluster.Members.Count(static member => !member.IsDraining);

    private static IEnumerable<string> FewerZones(PlannedCluster before, PlannedCluster after)
    {
        var zones = before.Members.ToDictionary(static member => member.Id, static member => member.Zone);
        var had = before.Groups.ToDictionary(static group => group.Id, group => ZonesOf(group, zones));
        var fewer = after.Groups.Where(group => ZonesOf(group, zones) < had[group.Id]).ToArray();
        if (fewer.Length > 0)
        {
            yield return $"too few zones: {fewer.Length} groups would be in fewer than now, the first is "
                + $"group {fewer[0].Id}";
        }
    }

    private static int ZonesOf(PlannedGroup group, Dictionary<NodeId, string> zones) =>
        Nodes(group.Target).Where(zones.ContainsKey).Select(node => zones[node]).Distinct().Count();
}
