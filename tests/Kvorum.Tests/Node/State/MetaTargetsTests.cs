using Kvorum.Node;
using Kvorum.Node.Placement.Planning;
using Kvorum.Node.State;
using Kvorum.Tests.Node.State.Harness;

namespace Kvorum.Tests.Node.State;

/// <summary>
/// How targets, replication factors and limits change, and what is left of a dropped keyspace.
/// </summary>
public sealed class MetaTargetsTests : IDisposable
{
    private readonly MetaBench _bench = new();

    public MetaTargetsTests()
    {
        for (var id = 1; id <= 4; id++)
            _bench.Join(id, $"n{id}");
        _bench.Create("k", 2, MetaBench.Target(1, 2, 3));
    }

    private MetaMachine Machine => _bench.Machine;

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void A_change_replaces_the_target_that_it_was_made_for_and_no_other()
    {
        Assert.Equal("1 since 5: 1 2 3 / ", MetaBench.Told(Machine, new(1)));
        Assert.True(_bench.Place(1, 1, new([MetaBench.Node(1)], [MetaBench.Node(4)]), timeMs: 9));
        Assert.Equal("2 since 9: 1 / 4", MetaBench.Told(Machine, new(1)));
        Assert.Equal("1 since 5: 1 2 3 / ", MetaBench.Told(Machine, new(2)));
        // Planned from what was before.
        foreach (var old in new ulong[] { 0, 1, 3 })
            Assert.False(_bench.Place(1, old, MetaBench.Target(2)));
        Assert.Equal("2 since 9: 1 / 4", MetaBench.Told(Machine, new(1)));
        Assert.Equal(new(2), Machine.Placement.Epoch);
        _bench.CheckReloaded();
    }

    /// <summary>One command changes what it can, and all of that begins with one epoch.</summary>
    [Fact]
    public void The_changes_of_a_plan_stand_alone()
    {
        TargetChange[] plan =
        [
            Change(1, 7, 4), Change(2, 1, 4), Change(99, 0, 4), Change(0, 0, 1),
        ];
        Assert.True(_bench.Apply(MetaRecords.EncodeTargets(plan, 6)));
        Assert.Equal("1 since 5: 1 2 3 / ", MetaBench.Told(Machine, new(1)));
        Assert.Equal("2 since 6: 4 / ", MetaBench.Told(Machine, new(2)));
        Assert.Equal("2 since 6: 1 / ", MetaBench.Told(Machine, new(0)));
        Assert.Null(Machine.Placement.Placed(new(99)));
        // The metadata group has a target now.
        Assert.False(_bench.Apply(MetaRecords.EncodeTargets([Change(0, 0, 2)], 7)));
        Assert.Equal(new(2), Machine.Placement.Epoch);
        _bench.CheckReloaded();
    }

    [Fact]
    public void Replicas_are_for_members()
    {
        Assert.False(_bench.Place(1, 1, MetaBench.Target(1, 2, 9)));
        Assert.False(_bench.Place(1, 1, new([MetaBench.Node(1)], [MetaBench.Node(9)])));
        Assert.False(_bench.Place(1, 1, MetaBench.Target()));
        _bench.Become(4, MemberStatus.Removed);
        Assert.False(_bench.Place(1, 1, MetaBench.Target(1, 2, 4)));
        // The place of a lost one is held until another stands in for it.
        _bench.Become(3, MemberStatus.Lost);
        Assert.True(_bench.Place(1, 1, MetaBench.Target(2, 1, 3)));
    }

    [Fact]
    public void The_last_moves_that_were_given_up_are_kept()
    {
        var epoch = 1UL;
        for (var n = 1; n <= 10; n++)
        {
            Assert.True(_bench.Place(1, epoch, MetaBench.Target(1, 2, 3), 3 + n, timeMs: (ulong)n * 10));
            epoch = Machine.Placement.Epoch.Value;
        }

        Assert.Equal(
            "11 since 100: 1 2 3 / "
                + string.Concat(Enumerable.Range(3, 8).Select(static n => $", gave up {3 + n} at {n * 10}")),
            MetaBench.Told(Machine, new(1)));
        // They stay with the targets that follow.
        Assert.True(_bench.Place(1, epoch, MetaBench.Target(2), timeMs: 200));
        Assert.Equal(8, Machine.Placement.Placed(new(1))!.GivenUp.Count);
        _bench.CheckReloaded();
    }

    [Fact]
    public void The_replication_factor_changes_and_moves_nothing_by_itself()
    {
        Assert.True(_bench.Apply(MetaRecords.EncodeReplicas(new(1), 3, 5)));
        Assert.Equal(3, Machine.Keyspaces[new(1)].Settings.ReplicationFactor);
        Assert.Equal("1 since 5: 1 2 3 / ", MetaBench.Told(Machine, new(1)));
        Assert.False(_bench.Apply(MetaRecords.EncodeReplicas(new(1), 3, 5)));
        Assert.False(_bench.Apply(MetaRecords.EncodeReplicas(new(1), 0, 5)));
        Assert.False(_bench.Apply(MetaRecords.EncodeReplicas(new(9), 1, 5)));
        _bench.CheckReloaded();
    }

    [Fact]
    public void A_dropped_keyspace_is_gone_and_its_numbers_with_it()
    {
        _bench.Create("last", 3, MetaBench.Target(1));
        Assert.True(_bench.Apply(MetaRecords.EncodeDrop(new(2), 5)));
        Assert.True(Machine.IsCheckpointDue);
        Assert.Null(Machine.KeyspaceNamed("last"));
        Assert.Equal([new GroupId(1), new GroupId(2)], Machine.Placement.Groups);
        Assert.Equal(new(3), Machine.Placement.Epoch);
        Assert.False(_bench.Apply(MetaRecords.EncodeDrop(new(2), 5)));
        Assert.False(_bench.Apply(MetaRecords.EncodeReplicas(new(2), 3, 5)));
        // No plan brings its groups back.
        Assert.False(_bench.Place(3, 2, MetaBench.Target(1)));
        Assert.False(_bench.Place(3, 0, MetaBench.Target(1)));
        _bench.CheckReloaded();
        // Also after a start, which does not know it any more, the numbers go on.
        Assert.Equal(new(3), Machine.NextKeyspace);
        Assert.True(_bench.Create("last", 1, MetaBench.Target(1)));
        Assert.Equal((new(3), new(6)), (
            Machine.KeyspaceNamed("last")!.Id, Machine.KeyspaceNamed("last")!.FirstGroup));
        _bench.CheckReloaded();
    }

    [Fact]
    public void The_limits_of_moves_are_kept()
    {
        var limits = Odd();
        Assert.Equal(new(), Machine.MoveLimits);
        Assert.True(_bench.Apply(MetaRecords.EncodeLimits(limits, 5)));
        Assert.Equal(limits, Machine.MoveLimits);
        Assert.False(_bench.Apply(MetaRecords.EncodeLimits(limits, 6)));
        _bench.CheckReloaded();
    }

    /// <summary>Each value is another one, so that none is taken for its neighbour.</summary>
    internal static PlannerSettings Odd() => new()
    {
        BatchSize = 1,
        BatchTimeoutMs = 2,
        MovesMax = 3,
        RetryAttempts = 4,
        GivenUpPauseMs = 5,
        GraceMs = 6,
        IsPaused = true,
        MarginPercent = 8,
        ReplicaBytes = 9,
    };

    private static TargetChange Change(uint group, ulong replaces, int node) => new(
        new(group), new(replaces), MetaBench.Target(node), ChangeReason.Balance, null, null);
}
