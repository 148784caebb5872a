using FsCheck;
using FsCheck.Fluent;
using Kvorum.Node;
using Kvorum.Node.Placement;
using Kvorum.Node.Placement.Planning;
using Kvorum.Raft;
using Kvorum.Tests.Node.Placement.Planning.Harness;

namespace Kvorum.Tests.Node.Placement.Planning;

/// <summary>
/// The promises of <see cref="Planner"/>. A model carries out what it plans; <see cref="PlanCheck"/> holds
/// each plan against limits, safety and the potential.
/// </summary>
public class PlannerTests
{
    private static readonly KeyspaceId Data = new(1);

    private static ReplicaTarget Shape(IReadOnlyList<NodeId> nodes)
    {
        var voters = nodes.Count - ((nodes.Count + 1) % 2);
        return new ReplicaTarget([.. nodes.Take(voters)], [.. nodes.Skip(voters)]);
    }

    /// <summary>Nodes, and groups whose replicas lie anywhere.</summary>
    private static ClusterModel Anyhow(
        Random random, int size, int zones, int groups, bool hasWeights, QuorumNumbers? quorum)
    {
        var model = new ClusterModel();
        for (var i = 1; i <= size; i++)
            Join(model, random, zones, hasWeights);
        NodeId[] ids = [.. model.Nodes.Keys];
        model.Add(new PlannedKeyspace(KeyspaceId.System, 5, IsFollowedByAll: true), [Meta(ids, random)]);
        var factor = random.Next(1, 6);
        var targets = Enumerable.Range(0, groups).Select(_ =>
        {
            random.Shuffle(ids);
            NodeId[] nodes = [.. ids.Take(random.Next(1, Math.Min(size, 5) + 1))];
            return quorum is null ? Shape(nodes) : new ReplicaTarget(nodes, []);
        });
        model.Add(new PlannedKeyspace(Data, factor) { Quorum = quorum }, targets.ToArray());
        return model;
    }

    private static ReplicaTarget Meta(NodeId[] ids, Random random)
    {
        random.Shuffle(ids);
        var voters = Math.Min(5, ids.Length - ((ids.Length + 1) % 2));
        return new ReplicaTarget([.. ids.Take(voters)], [.. ids.Skip(voters)]);
    }

    private static ModelNode Join(ClusterModel model, Random random, int zones, bool hasWeights) =>
        model.Add(new ModelNode(new NodeId((UInt128)(model.Nodes.Count + 1)))
        {
            Zone = $"z{random.Next(zones)}",
            Weight = hasWeights ? random.Next(1, 5) * 50 : RingMember.Ordinary,
        });

    /// <summary>What must be true once nothing is planned any more.</summary>
    private static void IsGood(ClusterModel model, Plan last)
    {
        Assert.Empty(last.Obstacles);
        Assert.Equal(0, last.WaitingCount);
        Assert.True(model.IsSettled);
        ModelNode[] active = [.. model.Nodes.Values.Where(node => !node.IsDraining)];
        var sizes = active.CountBy(node => node.Zone).Select(zone => zone.Value).ToArray();
        foreach (var group in model.Groups)
        {
            var keyspace = model.Keyspaces.Single(keyspace => keyspace.Id == group.Keyspace);
            var due = Math.Min(keyspace.ReplicationFactor, active.Length);
            var voters = keyspace.Quorum is null ? due - ((due + 1) % 2) : due;
            Assert.Equal(voters, group.Voters.Count);
            var learners = (keyspace.IsFollowedByAll ? model.Nodes.Count : due) - voters;
            Assert.Equal(learners, group.Learners.Count);
            NodeId[] replicas = keyspace.IsFollowedByAll ? [.. group.Voters] : [.. group.Holding];
            Assert.All(replicas, node => Assert.False(model.Nodes[node].IsDraining));
            var limits = new ZoneLimits(sizes, replicas.Length);
            var counts = replicas.CountBy(node => model.Nodes[node].Zone).Select(at => at.Value).ToArray();
            var most = Enumerable.Range(0, limits.Count).Max(limits.Most);
            Assert.InRange(counts.Max(), 1, most);
            Assert.True(counts.Length == Math.Min(sizes.Length, replicas.Length), $"{group}: zones");
        }

        IsBalanced(model, active);
        Assert.Equal(
            model.Nodes.Values.Where(node => node.IsDraining).Select(node => node.Id), last.Drained);
    }

    private static void IsBalanced(ClusterModel model, ModelNode[] active)
    {
        ModelGroup[] groups = [.. model.Groups.Where(group => group.Keyspace == Data)];
        var factor = model.Keyspaces.Single(keyspace => keyspace.Id == Data).ReplicationFactor;
        RingMember[] members = [.. active.Select(node => new RingMember(node.Id, node.Weight, node.Zone))];
        var replicas = groups.SelectMany(group => group.Holding).CountBy(node => node).ToDictionary();
        var bounds = Ring.ReplicasMax(members, groups.Length, factor);
        for (var i = 0; i < members.Length; i++)
            Assert.InRange(replicas.GetValueOrDefault(members[i].Id), 0, bounds[i] + 1);
        // Of an even number of replicas one does not vote, so it cannot lead.
        if (Math.Min(factor, active.Length) % 2 == 0)
            return;
        var leaders = groups.CountBy(group => group.Target.Voters[0]).ToDictionary();
        var leadersMax = Ring.LeadersMax(members, groups.Length, factor);
        for (var i = 0; i < members.Length; i++)
            Assert.InRange(leaders.GetValueOrDefault(members[i].Id), 0, leadersMax[i] + 1);
    }

    private static void Check(int cases, Action<int, int, int, int> test) => Prop.ForAll(
        Arb.From(
            from seed in Gen.Choose(0, int.MaxValue - 1)
            from size in Gen.Choose(1, 12)
            from zones in Gen.Choose(1, 4)
            from groups in Gen.Choose(1, 24)
            select (seed, size, zones, groups)),
        c => test(c.seed, c.size, c.zones, c.groups)).Check(Config.QuickThrowOnFailure.WithMaxTest(cases));

    /// <summary>Something happens to the cluster, or nothing.</summary>
    private static void Event(ClusterModel model, Random random)
    {
        ModelNode[] nodes = [.. model.Nodes.Values];
        var node = nodes[random.Next(nodes.Length)];
        switch (random.Next(60))
        {
            case 0 or 1:
                node.SilentSinceMs ??= model.NowMs;
                break;
            case 2 or 3 or 4:
                node.SilentSinceMs = null;
                break;
            case 5 when nodes.Length < 14:
                Join(model, random, 3, hasWeights: true);
                break;
            case 6 when nodes.Count(other => !other.IsDraining) > 1:
                node.IsDraining = true;
                break;
            case 7:
                node.IsFailing = !node.IsFailing;
                break;
            case 8:
                node.IsStuck = !node.IsStuck;
                break;
            case 9:
                model.Keyspaces[1] = model.Keyspaces[1] with { ReplicationFactor = random.Next(1, 6) };
                break;
            case 10:
                var (moves, batch) = (random.Next(1, 8), random.Next(1, 20));
                model.Settings = model.Settings with { MovesMax = moves, BatchSize = batch };
                break;
        }
    }

    // A strong keyspace, and quorum keyspaces.
    private static QuorumNumbers? Mode(int seed) => (seed % 6) switch
    {
        3 => new(Write: 0, Read: 0, IsSloppy: false),
        4 => new(Write: 1, Read: 0, IsSloppy: false),
        5 => new(Write: 0, Read: 1, IsSloppy: false),
        _ => null,
    };

    [Fact]
    public void What_happens_on_the_way_breaks_no_promise() => Check(60, (seed, size, zones, groups) =>
    {
        var random = new Random(seed);
        var model = Anyhow(random, size, zones, groups, hasWeights: true, Mode(seed));
        for (var tick = 0; tick < 400; tick++)
        {
            Event(model, random);
            model.Tick();
        }

        foreach (var node in model.Nodes.Values)
            (node.SilentSinceMs, node.IsFailing, node.IsStuck) = (null, false, false);
        IsGood(model, model.Settle());
    });

    [Fact]
    public void From_anywhere_the_cluster_comes_to_a_fixed_point_with_all_promises_kept() =>
        Check(150, (seed, size, zones, groups) =>
        {
            var random = new Random(seed);
            var model = Anyhow(random, size, zones, groups, hasWeights: seed % 2 == 0, Mode(seed / 2));
            foreach (var node in model.Nodes.Values.Where(_ => random.Next(5) == 0).Skip(1).ToArray())
                node.IsDraining = model.Nodes.Values.Count(other => !other.IsDraining) > 1;
            IsGood(model, model.Settle());
        });

    /// <summary>A cluster that is at rest.</summary>
    private static ClusterModel AtRest(int size, int groups, int factor = 3, int zones = 1)
    {
        var model = new ClusterModel();
        for (var i = 1; i <= size; i++)
            model.Add(new ModelNode(new NodeId((UInt128)i)) { Zone = $"z{i % zones}" });
        var keyspace = new PlannedKeyspace(Data, factor);
        GroupId[] ids = [.. Enumerable.Range(1, groups).Select(i => new GroupId((uint)i))];
        model.Add(keyspace, Forecast.FirstPlacement(model.Planned, keyspace, ids, virtualNodes: 64));
        return model;
    }

    private static long Added(ClusterModel model, Dictionary<GroupId, NodeId[]> before) =>
        model.Groups.Sum(group => group.Bytes * group.Holding.Except(before[group.Id]).Count());

    [Fact]
    public void The_first_placement_leaves_the_planner_nothing_to_do()
    {
        (int, int, int)[] cases = [(1, 8, 1), (2, 8, 1), (3, 64, 1), (5, 64, 2), (12, 100, 3)];
        foreach (var (size, groups, zones) in cases)
        {
            var model = AtRest(size, groups, zones: zones);
            var plan = model.Plan();
            Assert.Empty(plan.Changes);
            IsGood(model, plan);
        }
    }

    [Fact]
    public void Joins_and_drains_move_little_more_than_they_must()
    {
        foreach (var (size, groups, zones) in new[] { (3, 32, 1), (5, 40, 1), (6, 48, 3), (9, 60, 3) })
        {
            var model = AtRest(size, groups, zones: zones);
            Moves(model, () => Join(model, new Random(size), zones, hasWeights: false));
            Moves(model, () => model.Nodes.Values.First().IsDraining = true);
            Moves(model, () => model.Keyspaces[0] = model.Keyspaces[0] with { ReplicationFactor = 5 });
            Moves(model, () => model.Keyspaces[0] = model.Keyspaces[0] with { ReplicationFactor = 3 });
        }

        void Moves(ClusterModel model, Action change)
        {
            var before = model.Groups.ToDictionary(group => group.Id, group => group.Holding.ToArray());
            var moved = model.MovedBytes;
            change();
            IsGood(model, model.Settle());
            Assert.InRange(model.MovedBytes - moved, Added(model, before), 1.1 * Added(model, before));
        }
    }

    [Fact]
    public void A_node_that_is_silent_for_less_than_the_grace_time_changes_nothing()
    {
        var model = AtRest(5, 32);
        Assert.Empty(model.Plan().Changes);
        for (var tick = 0; tick < 600; tick++)
        {
            var node = model.Nodes[new NodeId((UInt128)((tick / 60) % 5 + 1))];
            node.SilentSinceMs = tick % 60 == 59 ? null : node.SilentSinceMs ?? model.NowMs;
            Assert.Empty(model.Tick().Changes);
        }
    }

    [Fact]
    public void A_node_that_is_silent_for_the_grace_time_is_replaced_groups_that_lost_most_first()
    {
        var model = AtRest(7, 1);
        model.Groups.Clear();
        model.Settings = model.Settings with { MovesMax = 1, IsPaused = true };
        model.Add(
            new PlannedKeyspace(new KeyspaceId(2), 5),
            [Shape(Ids(1, 2, 3, 4, 5)), Shape(Ids(1, 2, 3, 6, 7))]);
        foreach (var node in Ids(3, 6))
            model.Nodes[node].SilentSinceMs = model.NowMs;
        model.NowMs += 59_999;
        Assert.Empty(model.Plan().Changes);
        model.NowMs++;
        // Group 1 lost a voter, group 2 lost two.
        var change = Assert.Single(model.Plan().Changes);
        Assert.Equal((new GroupId(2), ChangeReason.Repair), (change.Group, change.Reason));
        Assert.True(change.Adds == new NodeId(4) || change.Adds == new NodeId(5));
    }

    private static NodeId[] Ids(params int[] numbers) =>
        [.. numbers.Select(number => new NodeId((UInt128)number))];

    [Fact]
    public void Each_setting_binds()
    {
        int Starts(PlannerSettings settings)
        {
            var model = AtRest(3, 30);
            model.Add(new ModelNode(new NodeId(4)) { Zone = "z0" });
            model.Settings = settings;
            return model.Plan().Changes.Count(change => change.Adds is not null);
        }

        Assert.Equal(5, Starts(new PlannerSettings()));
        Assert.Equal(2, Starts(new PlannerSettings { MovesMax = 2 }));
        Assert.Equal(3, Starts(new PlannerSettings { BatchSize = 3 }));
        Assert.Equal(0, Starts(new PlannerSettings { IsPaused = true }));
        Assert.InRange(Starts(new PlannerSettings { MovesMax = 1000 }), 20, 23);
        // A node with nothing is beyond any margin.
        Assert.Equal(1, Starts(new PlannerSettings { MovesMax = 1000, MarginPercent = 1_000_000 }));
    }

    [Theory]
    [InlineData(true, ": 5 is silent")]
    [InlineData(false, ": the disk of 5 has room for ")]
    public void A_move_that_is_stuck_tells_why(bool isSilent, string expected)
    {
        var model = AtRest(4, 16);
        var node = new ModelNode(new NodeId(5)) { Zone = "z0", IsStuck = true };
        model.Add(node);
        Assert.Contains(model.Plan().Changes, static change => change.Adds is not null);
        (node.SilentSinceMs, node.CapacityBytes) = (isSilent ? model.NowMs : null, 0);
        Plan plan;
        do
            plan = model.Tick();
        while (plan.Obstacles.All(static one => one.Kind != ObstacleKind.Stuck) && model.NowMs < 1_200_000);
        Assert.All(
            plan.Obstacles.Where(static one => one.Kind == ObstacleKind.Stuck),
            one => Assert.Contains(expected, one.Text, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_move_that_does_not_succeed_blocks_no_other_and_is_given_up(bool isStuck)
    {
        var model = AtRest(4, 16);
        model.Settings = model.Settings with { MovesMax = 1 };
        model.Add(new ModelNode(new NodeId(5)) { Zone = "z0", IsStuck = isStuck, IsFailing = !isStuck });
        var first = Assert.Single(model.Plan().Changes, change => change.Adds is not null);
        Plan plan;
        do
            plan = model.Tick();
        while (plan.Changes.All(change => change.Adds is null) && model.NowMs < 1_200_000);
        if (isStuck)
        {
            // After one batch timeout another move begins, and the first one has a reason.
            Assert.Equal(1_000_000 + model.Settings.BatchTimeoutMs, model.NowMs);
            var obstacle = Assert.Single(plan.Obstacles);
            Assert.Equal((first.Group, ObstacleKind.Stuck), (obstacle.Group, obstacle.Kind));
            Assert.Contains("no progress for 30 s, attempt 2 of 3", obstacle.Text, StringComparison.Ordinal);
        }

        while (model.Groups.All(group => group.GivenUp.Count == 0) && model.NowMs < 1_200_000)
            model.Tick();
        var lost = model.Groups.Single(group => group.GivenUp.Count > 0);
        Assert.Equal((first.Group, new NodeId(5)), (lost.Id, lost.GivenUp[0].Node));
        Assert.DoesNotContain(new NodeId(5), lost.Wanted);
        if (isStuck)
            Assert.Equal(1_000_000 + (3 * model.Settings.BatchTimeoutMs), model.NowMs);
        foreach (var node in model.Nodes.Values)
            (node.IsStuck, node.IsFailing) = (false, false);
        IsGood(model, model.Settle());
    }

    [Fact]
    public void A_full_disk_is_a_reason_and_moves_nothing_to_and_fro()
    {
        var model = AtRest(4, 32);
        var full = model.Nodes[new NodeId(4)];
        full.CapacityBytes = model.UsedBy(full.Id) + (2 << 20);
        model.Nodes[new NodeId(1)].IsDraining = true;
        var last = model.Settle();
        Assert.Equal(full.CapacityBytes, model.UsedBy(full.Id));
        Assert.NotEmpty(last.Obstacles);
        Assert.All(last.Obstacles, obstacle => Assert.Equal(
            (ChangeReason.Drain, ObstacleKind.NoRoom), (obstacle.Wanted, obstacle.Kind)));
        Assert.Empty(last.Drained);
        var changes = model.ChangeCount;
        for (var tick = 0; tick < 100; tick++)
            Assert.Empty(model.Tick().Changes);
        Assert.Equal(changes, model.ChangeCount);
        full.CapacityBytes = long.MaxValue;
        IsGood(model, model.Settle());
    }

    [Fact]
    public void A_second_replacement_of_a_group_waits_for_the_first()
    {
        var model = AtRest(6, 1, factor: 5);
        var group = model.Groups[0];
        var spare = model.Nodes.Keys.Single(node => !group.Holding.Contains(node));
        foreach (var node in group.Holding.Take(2).ToArray())
            model.Nodes[node].IsDraining = true;
        model.Add(new ModelNode(new NodeId(7)) { Zone = "z0", IsStuck = true });
        model.Nodes[spare].IsStuck = true;
        Assert.NotNull(Assert.Single(model.Plan().Changes).Adds);
        for (var tick = 0; tick < 29; tick++)
            Assert.Empty(model.Tick().Changes);
        (model.Nodes[spare].IsStuck, model.Nodes[new NodeId(7)].IsStuck) = (false, false);
        model.Settle();
        Assert.Equal(2, model.MovedBytes / group.Bytes);
        Assert.Equal(5, group.Voters.Count(node => !model.Nodes[node].IsDraining));
    }

    [Fact]
    public void A_draining_node_gets_nothing_of_a_new_keyspace()
    {
        var model = AtRest(5, 8);
        model.Nodes[new NodeId(2)].IsDraining = true;
        GroupId[] ids = [new(101), new(102), new(103)];
        var targets = Forecast.FirstPlacement(
            model.Planned, new PlannedKeyspace(new KeyspaceId(2), 3), ids, virtualNodes: 64);
        Assert.Equal(3, targets.Count);
        Assert.All(targets, target => Assert.Equal(3, target.Voters.Distinct().Count()));
        Assert.All(targets, target => Assert.DoesNotContain(new NodeId(2), target.Voters));
    }

    [Fact]
    public void A_group_of_which_no_leader_has_told_stays_as_it_is_and_is_reported()
    {
        var model = AtRest(4, 3);
        var planned = model.Planned;
        planned = planned with
        {
            Groups = [.. planned.Groups.Select(
                group => group with { Actual = null, TargetSinceMs = model.NowMs })],
            Members = [.. planned.Members.Select((node, i) => node with { IsDraining = i == 0 })],
        };
        Assert.Empty(Planner.Next(planned).Changes);
        Assert.Empty(Planner.Next(planned).Obstacles);
        var late = Planner.Next(planned with { NowMs = model.NowMs + model.Settings.BatchTimeoutMs });
        Assert.Empty(late.Changes);
        Assert.All(late.Obstacles, obstacle => Assert.Equal(ObstacleKind.NoReport, obstacle.Kind));
        Assert.Equal(3, late.Obstacles.Count);
    }

    [Fact]
    public void Paused_drains_and_factors_go_on_and_nothing_is_balanced()
    {
        var model = AtRest(5, 16);
        model.Settings = model.Settings with { IsPaused = true };
        model.Add(new ModelNode(new NodeId(6)) { Zone = "z9" });
        Assert.Empty(model.Tick().Changes);
        model.Nodes[new NodeId(1)].IsDraining = true;
        Assert.Equal([new NodeId(1)], model.Settle().Drained);
        model.Keyspaces[0] = model.Keyspaces[0] with { ReplicationFactor = 5 };
        model.Settle();
        Assert.All(model.Groups, group => Assert.Equal(5, group.Voters.Count));
    }

    [Fact]
    public void Loads_that_change_a_little_move_nothing()
    {
        var model = AtRest(6, 60);
        foreach (var group in model.Groups)
            group.Bytes = 100 << 20;
        model.Settle();
        var random = new Random(3);
        for (var tick = 0; tick < 200; tick++)
        {
            foreach (var group in model.Groups)
                group.Bytes = random.Next(99, 102) << 20;
            Assert.Empty(model.Tick().Changes);
        }
    }

    [Fact]
    public void Groups_of_different_sizes_are_balanced_by_bytes()
    {
        var model = AtRest(5, 60, factor: 1);
        foreach (var (i, group) in model.Groups.Index())
            group.Bytes = (1 + (i % 7 * i)) << 20;
        model.Settle();
        long[] used = [.. model.Nodes.Keys.Select(node => model.UsedBy(node)
            + (model.Groups.Count(group => group.Holding.Contains(node)) * model.Settings.ReplicaBytes))];
        Assert.InRange(used.Max(), 0, 1.1 * used.Average());
    }

    [Fact]
    public void A_plan_for_a_large_cluster_takes_less_than_a_second()
    {
        var model = new ClusterModel();
        for (var i = 1; i <= 1000; i++)
            model.Add(new ModelNode(new NodeId((UInt128)i)) { Zone = $"z{i % 2}", Weight = 50 + (i % 3) });
        GroupId[] ids = [.. Enumerable.Range(1, 16384).Select(i => new GroupId((uint)i))];
        RingMember[] members =
            [.. model.Nodes.Values.Select(node => new RingMember(node.Id, node.Weight, node.Zone))];
        model.Add(new PlannedKeyspace(Data, 3), Ring.Place(members, ids.Length, 3, 32).Select(Shape));
        model.Settings = model.Settings with { MovesMax = 100 };
        // At rest but for balance, with a drain, and with a node that is gone.
        Quick(model.Planned);
        model.Nodes[new NodeId(17)].IsDraining = true;
        model.Nodes[new NodeId(18)].SilentSinceMs = 0;
        Assert.Equal(100, Quick(model.Planned).Changes.Count);

        static Plan Quick(PlannedCluster cluster)
        {
            Planner.Next(cluster);
            var start = System.Diagnostics.Stopwatch.StartNew();
            var plan = Planner.Next(cluster);
            Assert.InRange(start.ElapsedMilliseconds, 0, 1000);
            return plan;
        }
    }
}
