using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Node.Leaderless.Repair;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Leaderless.Repair;

/// <summary>Deleted records stay deleted, and their tombstones go when no replica lacks them.</summary>
public class HorizonRoundsTests
{
    [Fact]
    public void Tombstones_and_records_that_have_ended_are_collected_on_all_replicas()
    {
        using var cluster = QuorumSteps.WithCache(Cache());
        for (var n = 0; n < 30; n++)
            cluster.PutQuorum(n % 3, $"key-{n}", "value", n < 10 ? 1000 : 0);
        for (var n = 10; n < 20; n++)
            cluster.DeleteQuorum(0, $"key-{n}");
        cluster.RunUntil(
            () => Enumerable.Range(0, 3).All(node => cluster.Content(node).Length == 10), 60_000,
            "ten records on each node");
        Assert.Equal(cluster.Content(0), cluster.Content(1));
        Assert.Equal(cluster.Content(0), cluster.Content(2));
        Assert.Null(cluster.GetQuorum(1, "key-11"));
        Assert.Null(cluster.GetQuorum(1, "key-3"));
        Assert.Equal("value", cluster.GetQuorum(1, "key-25"));
    }

    [Fact]
    public void A_node_that_is_away_keeps_all_tombstones_and_gets_them_when_it_is_back()
    {
        using var cluster = QuorumSteps.WithCache(Cache());
        for (var n = 0; n < 10; n++)
            cluster.PutQuorum(0, $"key-{n}", "value");
        cluster.Run(1000);
        cluster.Crash(2);
        for (var n = 0; n < 10; n++)
            cluster.DeleteQuorum(0, $"key-{n}");
        cluster.Run(60_000);
        Assert.Equal(10, cluster.Content(0).Length);
        Assert.All(
            cluster.Content(0), static line => Assert.Contains("deleted", line, StringComparison.Ordinal));
        Assert.Contains(
            "node-3 does not answer; bring it back, or remove it",
            string.Join('\n', cluster[0].Loops.SelectMany(static loop => loop.HealthIssues)),
            StringComparison.Ordinal);
        cluster.Start(2);
        cluster.RunUntilReady();
        cluster.RunUntil(
            () => Enumerable.Range(0, 3).All(node => cluster.Content(node).Length == 0), 60_000,
            "nothing left");
        for (var node = 0; node < 3; node++)
            Assert.Null(cluster.GetQuorum(node, "key-3"));
        cluster.RunUntil(
            () => !cluster[0].Loops.SelectMany(static loop => loop.HealthIssues).Any(), what: "no complaint");
    }

    [Fact]
    public void A_replica_that_was_given_up_and_comes_back_is_emptied_before_it_is_filled()
    {
        using var cluster = QuorumSteps.WithCache(Cache(), nodes: 4);
        for (var n = 0; n < 20; n++)
            cluster.PutQuorum(0, $"key-{n}", "value");
        cluster.Run(1000);
        var gone = Enumerable.Range(1, 3).First(node => cluster.Quorums(node).Length == 2);
        var disk = cluster.DiskOf(gone);
        cluster.Crash(gone);
        for (var n = 0; n < 20; n++)
            cluster.DeleteQuorum(0, $"key-{n}");
        cluster.Demand(0, new ChangeMember($"node-{gone + 1}", MemberWish.Drain));
        cluster.RunUntil(
            () => Enumerable.Range(0, 4).Where(node => node != gone)
                .All(node => cluster.Quorums(node).Count(static replica => replica.IsFilled) == 2),
            120_000, "whole replicas on the others");
        cluster.UseDisk(gone, disk);
        cluster.Start(gone);
        cluster.RunUntilReady();
        cluster.Demand(0, new ChangeMember($"node-{gone + 1}", MemberWish.Undrain));
        cluster.RunUntil(
            () => Enumerable.Range(0, 4).All(node => cluster.Content(node).Length == 0), 120_000,
            "nothing left");
        for (var n = 0; n < 20; n++)
            Assert.Null(cluster.GetQuorum(gone, $"key-{n}"));
        Assert.All(Enumerable.Range(0, 4), node => Assert.Empty(cluster.Content(node)));
    }

    [Fact]
    public void A_replica_behind_the_horizon_is_emptied_and_filled()
    {
        using var cluster = QuorumSteps.WithCache(Cache());
        for (var n = 0; n < 20; n++)
            cluster.PutQuorum(0, $"key-{n}", "value");
        cluster.Run(1000);
        var replica = cluster.Quorums(2)[0];
        var later = HybridTimestamp.At(replica.Marks.CompleteBelow.UnixMs + 1);
        var told = new RepairMessage.Told(
            replica.Identity.Group, replica.Confirmed, new(later, later, later), IsWhole: true);
        var frame = new ByteWriter();
        RepairCodec.Write(frame, told);
        cluster.Network.Late(cluster.IdOf(0), cluster.IdOf(2), PeerFrameKind.Repair, frame.Written);
        cluster.RunUntil(() => replica.IsGivenUp, what: "a replica that is given up");
        cluster.RunUntil(
            () => cluster.Quorums(2) is [var made, _] && made != replica && made.IsFilled, 60_000,
            "another replica, filled");
        Assert.Equal(cluster.Content(0), cluster.Content(2));
    }

    [Fact]
    public void Marks_outlive_a_power_cut_and_never_go_back()
    {
        using var cluster = QuorumSteps.WithCache(Cache());
        cluster.PutQuorum(0, "key", "value");
        cluster.DeleteQuorum(0, "key");
        cluster.RunUntil(
            () => cluster.Quorums(0).Any(static replica => replica.Marks.Horizon > HybridTimestamp.Zero),
            60_000, "a horizon");
        cluster.Run(1000);
        var before = cluster.Quorums(0).Select(static replica => replica.Marks).ToArray();
        cluster.Crash(0);
        cluster.Start(0);
        cluster.RunUntilReady();
        var after = cluster.Quorums(0).Select(static replica => replica.Marks).ToArray();
        for (var i = 0; i < before.Length; i++)
        {
            Assert.True(after[i].Gate >= before[i].Gate);
            Assert.True(after[i].CompleteBelow >= before[i].CompleteBelow);
            Assert.True(after[i].Horizon >= before[i].Horizon);
        }
    }

    [Fact]
    public void A_write_that_is_repeated_too_late_is_not_made()
    {
        using var cluster = QuorumSteps.WithCache(Cache());
        var put = new PutRequest
        {
            Keyspace = QuorumSteps.Cache,
            Key = TestCluster.Bytes("key"),
            Value = TestCluster.Bytes("value"),
            ClientId = "client",
            RequestId = 1,
        };
        var first = cluster.Ask(0, put);
        Assert.Equal(ReplyStatus.Ok, first.Status);
        var soon = cluster.Ask(1, put);
        Assert.Equal((ReplyStatus.Ok, true, first.Version), (soon.Status, soon.Replayed, soon.Version));
        cluster.Run(20_000);
        var late = cluster.Ask(1, put);
        Assert.Equal(ReplyStatus.OutcomeUnknown, late.Status);
        Assert.Contains("too long ago to repeat it", late.Message, StringComparison.Ordinal);
    }

    private static CreateKeyspace Cache() => new(QuorumSteps.Cache) { Partitions = 2, Replicas = 3 };
}
