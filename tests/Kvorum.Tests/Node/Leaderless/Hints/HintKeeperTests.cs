using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Node.Leaderless;
using Kvorum.Node.Leaderless.Hints;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Raft;
using Kvorum.Tests.Node.Harness;
using Limits = Kvorum.Node.Limits;

namespace Kvorum.Tests.Node.Leaderless.Hints;

/// <summary>Writes for replicas that are down are kept, and handed over when they are back.</summary>
public class HintKeeperTests
{
    [Fact]
    public void A_node_that_was_away_gets_its_hints_when_it_comes_back()
    {
        using var cluster = QuorumSteps.WithCache(Cache());
        cluster.Crash(2);
        // No comparison of replicas brings it.
        cluster.Network.Passes = static (_, _, kind, _) => kind != PeerFrameKind.Repair;
        for (var n = 0; n < 50; n++)
            Assert.Equal(ReplyStatus.Ok, cluster.PutQuorum(0, $"key-{n}", "new").Status);
        Assert.Equal(50, Keeper(cluster, 0).Count);
        cluster.Start(2);
        cluster.RunUntilReady();
        cluster.RunUntil(() => cluster.Content(2).Length == 50, what: "the hints");
        cluster.RunUntil(() => Keeper(cluster, 0).Count == 0, what: "no hint that is kept");
        Assert.Equal(0, Keeper(cluster, 0).Bytes);
        Assert.Equal(cluster.Content(0), cluster.Content(2));
    }

    [Fact]
    public void Hints_outlive_a_power_cut_and_are_handed_over_once()
    {
        using var cluster = QuorumSteps.WithCache(Cache());
        cluster.Crash(2);
        cluster.Network.Passes = static (_, _, kind, _) => kind != PeerFrameKind.Repair;
        for (var n = 0; n < 20; n++)
            cluster.PutQuorum(0, $"key-{n}", "new");
        cluster.RunUntil(() => Keeper(cluster, 0).Count == 20, what: "20 hints");
        cluster.Run(1000);
        cluster.Crash(0);
        cluster.Start(0);
        cluster.RunUntilReady();
        Assert.Equal(20, Keeper(cluster, 0).Count);
        cluster.Start(2);
        cluster.RunUntilReady();
        cluster.RunUntil(() => cluster.Content(2).Length == 20, what: "the hints");
        cluster.RunUntil(() => Keeper(cluster, 0).Count == 0, what: "no hint that is kept");
        cluster.Run(1000);
        cluster.Crash(0);
        cluster.Start(0);
        cluster.RunUntilReady();
        Assert.Equal(0, Keeper(cluster, 0).Count);
    }

    [Fact]
    public void Where_much_at_a_time_gets_lost_hints_are_handed_over_in_small_parts()
    {
        using var cluster = QuorumSteps.WithCache(Cache());
        cluster.Crash(2);
        cluster.Network.Passes = static (_, _, kind, _) => kind != PeerFrameKind.Repair;
        var value = new string('v', 1000);
        for (var n = 0; n < 60; n++)
            Assert.Equal(ReplyStatus.Ok, cluster.PutQuorum(0, $"key-{n}", value).Status);
        cluster.Network.Passes = static (_, _, kind, bytes) => kind != PeerFrameKind.Repair
            && (kind != PeerFrameKind.QuorumRequest || bytes.Length < 8 << 10);
        cluster.Start(2);
        cluster.RunUntilReady();
        cluster.RunUntil(() => Keeper(cluster, 0).Count == 0, 120_000, "no hint that is kept");
        Assert.Equal(60, cluster.Content(2).Length);
    }

    /// <summary>A node that was just started takes nothing of others whom it has not heard yet.</summary>
    [Fact]
    public void A_first_batch_that_the_node_does_not_take_yet_goes_again_soon()
    {
        using var cluster = QuorumSteps.WithCache(Cache() with { Partitions = 1 });
        var batchesMs = KeepMany(cluster);
        var passes = cluster.Network.Passes;
        cluster.Network.Passes = (from, to, kind, bytes) => passes(from, to, kind, bytes)
            && (kind != PeerFrameKind.QuorumRequest || cluster.Clock.Ms >= batchesMs.FirstOrDefault() + 20);
        cluster.Start(2);
        cluster.RunUntil(() => batchesMs.Count > 0, what: "the first batch");
        cluster.RunUntil(() => Keeper(cluster, 0).Count == 0, 2000, "no hint that is kept");
        cluster.RunUntilReady();
        Assert.Equal(cluster.Content(0), cluster.Content(2));
    }

    /// <summary>
    /// A batch for a node follows the one before as soon as that is on its disk and forgotten here: one at a
    /// time, and all within less than the time between two sweeps.
    /// </summary>
    [Fact]
    public void One_batch_follows_the_other_without_a_sweep_between_them()
    {
        using var cluster = QuorumSteps.WithCache(Cache() with { Partitions = 1 });
        var batchesMs = KeepMany(cluster);
        cluster.Start(2);
        cluster.RunUntil(() => batchesMs.Count > 0, what: "the first batch");
        cluster.Run(Limits.DeadlineSweepMs - 10);
        Assert.True(batchesMs.Count >= 5, $"{batchesMs.Count} batches");
        Assert.Equal(0, Keeper(cluster, 0).Count);
        cluster.RunUntilReady();
        Assert.Equal(cluster.Content(0), cluster.Content(2));
    }

    /// <summary>
    /// What is handed over is not looked for again; a hint that becomes durable behind that place is.
    /// </summary>
    [Fact]
    public void A_hint_that_is_older_than_those_under_way_is_handed_over_too()
    {
        using var cluster = QuorumSteps.WithCache(Cache() with { Partitions = 1 });
        cluster.Run(10_000);
        var early = cluster.PutQuorum(0, "early", "x");
        var batchesMs = KeepMany(cluster);
        cluster.Start(2);
        cluster.Network.Held = PeerFrameKind.QuorumRequest;
        cluster.RunUntilReady();
        cluster.Run(200);
        Assert.Empty(batchesMs);
        var version = new RecordVersion(new(early.Version + 1), new(9));
        var group = cluster.Quorums(0)[0].Identity.Group;
        var command = StoreCommand.Encode(
            "", 0, TestCluster.Bytes("late").Span, new(version, false, 0, TestCluster.Bytes("v")));
        var isKept = false;
        Keeper(cluster, 0).Keep(new(cluster.IdOf(2), group, command), kept => isKept = kept);
        cluster.RunUntil(() => isKept, what: "the hint");
        cluster.Network.Held = null;
        cluster.RunUntil(() => Keeper(cluster, 0).Count == 0, what: "no hint that is kept");
        Assert.Contains(
            cluster.Content(2), static line => line.StartsWith("late=v", StringComparison.Ordinal));
    }

    // Hints for the third node, of more than a megabyte; gives when batches of them come there.
    private static List<long> KeepMany(TestCluster cluster)
    {
        var batchesMs = new List<long>();
        cluster.Crash(2);
        var value = new string('v', 20_000);
        for (var n = 0; n < 60; n++)
            Assert.Equal(ReplyStatus.Ok, cluster.PutQuorum(0, $"key-{n}", value).Status);
        Assert.Equal(60, Keeper(cluster, 0).Count);
        cluster.Network.Passes = (_, to, kind, bytes) =>
        {
            if (kind == PeerFrameKind.QuorumRequest && to == cluster.IdOf(2) && bytes.Length > 20_000)
                batchesMs.Add(cluster.Clock.Ms);
            return kind != PeerFrameKind.Repair;
        };
        return batchesMs;
    }

    [Fact]
    public void In_a_strict_keyspace_a_hint_does_not_count()
    {
        using var cluster = QuorumSteps.WithCache(Cache() with { WriteQuorum = 3 }, nodes: 4);
        var replicas = ReplicasOf(cluster, 4);
        cluster.Crash(replicas[0]);
        cluster.Run(1000);
        Assert.Equal(ReplyStatus.Unavailable, cluster.PutQuorum(replicas[1], "key", "value").Status);
        Assert.Equal(0, Keeper(cluster, replicas[1]).Count);
    }

    [Fact]
    public void In_a_sloppy_keyspace_another_node_stands_for_the_one_that_is_down()
    {
        using var cluster = QuorumSteps.WithCache(
            Cache() with { WriteQuorum = 3, IsSloppy = true, Partitions = 1 }, nodes: 4);
        var replicas = ReplicasOf(cluster, 4);
        var other = Enumerable.Range(0, 4).Single(node => !replicas.Contains(node));
        cluster.Crash(replicas[0]);
        cluster.Network.Passes = static (_, _, kind, _) => kind != PeerFrameKind.Repair;
        cluster.Run(1000);
        Assert.Equal(ReplyStatus.Ok, cluster.PutQuorum(replicas[1], "key", "value").Status);
        Assert.Equal(1, Keeper(cluster, other).Count);
        Assert.Equal(0, Keeper(cluster, replicas[1]).Count);
        cluster.Start(replicas[0]);
        cluster.RunUntilReady();
        cluster.RunUntil(() => cluster.Content(replicas[0]).Length == 1, what: "the hint");
        cluster.RunUntil(() => Keeper(cluster, other).Count == 0, what: "no hint that is kept");
    }

    [Fact]
    public void Both_sides_of_a_split_write_a_sloppy_keyspace_and_agree_afterwards()
    {
        using var cluster = QuorumSteps.WithCache(
            Cache() with { Partitions = 4, IsSloppy = true }, nodes: 5);
        NodeId[] left = [cluster.IdOf(0), cluster.IdOf(1)];
        NodeId[] right = [cluster.IdOf(2), cluster.IdOf(3), cluster.IdOf(4)];
        cluster.Network.Split(left, right);
        for (var n = 0; n < 20; n++)
        {
            Assert.Equal(ReplyStatus.Ok, cluster.PutQuorum(0, $"left-{n}", "value").Status);
            Assert.Equal(ReplyStatus.Ok, cluster.PutQuorum(4, $"right-{n}", "value").Status);
        }

        cluster.Network.Join(left, right);
        cluster.RunUntilReady();
        cluster.RunUntil(
            () => Enumerable.Range(0, 5).Sum(node => cluster.Content(node).Length) == 3 * 40, 60_000,
            "each record on three replicas");
        cluster.RunUntil(
            () => Enumerable.Range(0, 5).All(node => Keeper(cluster, node).Count == 0), 60_000, "no hints");
        Assert.Equal("value", cluster.GetQuorum(2, "left-7"));
        Assert.Equal("value", cluster.GetQuorum(1, "right-7"));
    }

    // With several loops the one that keeps the hints is not the one of the replica.
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Hints_for_a_replica_that_has_moved_go_to_those_that_there_are(int loops)
    {
        using var cluster = QuorumSteps.WithCache(
            Cache() with { WriteQuorum = 3, IsSloppy = true, Partitions = 1 }, nodes: 4, loops: loops);
        var replicas = ReplicasOf(cluster, 4);
        var other = Enumerable.Range(0, 4).Single(node => !replicas.Contains(node));
        cluster.Crash(replicas[0]);
        cluster.Run(1000);
        Assert.Equal(ReplyStatus.Ok, cluster.PutQuorum(replicas[1], "key", "value").Status);
        Assert.Equal(1, Keeper(cluster, other).Count);
        cluster.Demand(
            replicas[1], new ChangeMember($"node-{replicas[0] + 1}", MemberWish.Replace) { Force = true });
        cluster.RunUntil(() => cluster.Quorums(other).Length == 1, 60_000, "a replica on the other node");
        cluster.RunUntil(() => Keeper(cluster, other).Count == 0, 60_000, "no hint that is kept");
        Assert.Equal("value", cluster.GetQuorum(other, "key"));
    }

    private static CreateKeyspace Cache() => new(QuorumSteps.Cache) { Partitions = 2, Replicas = 3 };

    private static int[] ReplicasOf(TestCluster cluster, int nodes) =>
        [.. Enumerable.Range(0, nodes).Where(node => cluster.Quorums(node).Length > 0)];

    private static HintKeeper Keeper(TestCluster cluster, int node) => cluster[node].Loops
        .Single(static loop => loop.Replicas.Any(static replica => replica.Identity.Group.IsLocal))
        .Quorums.Hints;
}
