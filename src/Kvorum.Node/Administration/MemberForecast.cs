using Kvorum.Node.Placement.Planning;
using Kvorum.Node.State;
using Kvorum.Raft;

namespace Kvorum.Node.Administration;

/// <summary>What would come of another status of a member.</summary>
internal static class MemberForecast
{
    // In the past of any clock.
    private const long LongAgoMs = long.MinValue / 2;

    /// <summary>The forecast.</summary>
    public static ForecastAnswer Of(PlannedCluster cluster, NodeId member, MemberStatus status) =>
        status switch
        {
            MemberStatus.Active => Moved(
                cluster, With(cluster, member, static one => one with { IsDraining = false })),
            MemberStatus.Lost => Forecast.Remove(
                With(cluster, member, static one => one with
                {
                    SilentSinceMs = LongAgoMs,
                    IsLost = true,
                }), member),
            _ => Forecast.Remove(cluster, member),
        };

    private static PlannedCluster With(
        PlannedCluster cluster, NodeId member, Func<PlannedMember, PlannedMember> change) => cluster with
        {
            Members = [.. cluster.Members.Select(one => one.Id == member ? change(one) : one)],
        };

    private static ForecastAnswer Moved(PlannedCluster before, PlannedCluster after)
    {
        var held = before.Groups.ToDictionary(static group => group.Id, static group => Nodes(group));
        var moved = Forecast.Settle(after).Settled.Groups
            .Sum(group => group.Bytes * Nodes(group).Except(held[group.Id]).Count());
        return new(true, [], moved);
    }

    private static IEnumerable<NodeId> Nodes(PlannedGroup group) =>
        group.Target.Voters.Concat(group.Target.Learners);
}
