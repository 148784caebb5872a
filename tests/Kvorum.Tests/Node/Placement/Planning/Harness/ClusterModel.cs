using Kvorum.Node;
using Kvorum.Node.Placement;
using Kvorum.Node.Placement.Planning;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Placement.Planning.Harness;

/// <summary>
/// A little cluster that carries out what the planner says, and holds each plan against the planner's
/// promises. Time goes in seconds.
/// </summary>
internal sealed class ClusterModel
{
    public const long BytesPerSecond = 1 << 20;

    public SortedDictionary<NodeId, ModelNode> Nodes { get; } = [];

    public List<PlannedKeyspace> Keyspaces { get; } = [];

    public List<ModelGroup> Groups { get; } = [];

    public PlannerSettings Settings { get; set; } = new() { GivenUpPauseMs = 120_000 };

    public long NowMs { get; set; } = 1_000_000;

    public int ChangeCount { get; private set; }

    public long MovedBytes => Groups.Sum(group => group.MovedBytes);

    public PlannedCluster Planned => new(
        [.. Nodes.Values.Select(node => new PlannedMember(node.Id)
        {
            Weight = node.Weight,
            Zone = node.Zone,
            IsDraining = node.IsDraining || node.IsLost,
            SilentSinceMs = node.IsLost ? long.MinValue / 2 : node.SilentSinceMs,
            IsLost = node.IsLost,
            RoomBytes = node.CapacityBytes - (node.CapacityBytes == long.MaxValue ? 0 : UsedBy(node.Id)),
        })],
        [.. Keyspaces],
        [.. Groups.Select(group => group.Planned)],
        Settings,
        NowMs);

    public long UsedBy(NodeId node) => Groups.Where(group => group.Holding.Contains(node))
        .Sum(group => group.Bytes);

    public ModelNode Add(ModelNode node)
    {
        Nodes.Add(node.Id, node);
        return node;
    }

    public void Add(PlannedKeyspace keyspace, IEnumerable<ReplicaTarget> targets, long bytes = 1 << 20)
    {
        Keyspaces.Add(keyspace);
        foreach (var target in targets)
        {
            var id = keyspace.IsFollowedByAll ? 0 : (uint)Groups.Count(group => !group.Id.IsMetadata) + 1;
            Groups.Add(new ModelGroup(new GroupId(id), keyspace.Id, target, keyspace.Quorum)
            {
                Bytes = bytes,
            });
        }
    }

    /// <summary>Plans, checks the plan and takes it over.</summary>
    public Plan Plan()
    {
        var planned = Planned;
        var plan = Planner.Next(planned);
        var check = new PlanCheck(planned, plan);
        check.Limits();
        foreach (var change in plan.Changes)
        {
            check.Next(change);
            Groups.Single(group => group.Id == change.Group).SetTarget(change, NowMs);
        }

        ChangeCount += plan.Changes.Count;
        return plan;
    }

    /// <summary>One second: the leaders walk, then the planner looks.</summary>
    public Plan Tick()
    {
        NowMs += 1000;
        foreach (var group in Groups)
            group.Walk(node => Nodes.GetValueOrDefault(node), BytesPerSecond, NowMs);
        foreach (var node in Nodes.Values.Where(node => node.CapacityBytes != long.MaxValue))
            Assert.True(UsedBy(node.Id) <= node.CapacityBytes, $"node {node.Id} is more than full");
        return Plan();
    }

    /// <summary>Ticks until nothing moves and nothing is planned.</summary>
    public Plan Settle(int ticksMax = 20_000)
    {
        var quiet = 0;
        for (var tick = 0; tick < ticksMax; tick++)
        {
            var before = string.Join(';', Groups);
            var plan = Tick();
            quiet = plan.Changes.Count == 0 && before == string.Join(';', Groups) ? quiet + 1 : 0;
            // Longer than a node that was given up is left out.
            if (quiet * 1000L > Math.Max(Settings.GivenUpPauseMs, Settings.GraceMs) + 5000)
                return plan;
        }

        throw new InvalidOperationException("no fixed point");
    }

    public bool IsSettled => Groups.All(group =>
        group is { Outgoing.Count: 0, ReadsNew: false, Filling.Count: 0 }
        && group.Voters.ToHashSet().SetEquals(group.Target.Voters)
        && group.Learners.ToHashSet().SetEquals(group.Target.Learners));
}
