using System.Text;
using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Node.Leaderless.Repair;
using Kvorum.Node.Placement;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Leaderless;

/// <summary>Replicas of quorum keyspaces move between nodes while they are written.</summary>
public class QuorumMovesTests
{
    private const string Cache = "cache";
    private const int Partitions = 4;
    private const int Keys = 100;

    [Fact]
    public void Of_four_nodes_one_is_emptied_and_nothing_is_lost()
    {
        using var cluster = WithCache(4, replicas: 3);
        PutAll(cluster, 0, "old");
        cluster.Demand(0, new ChangeMember("node-4", MemberWish.Decommission));
        var round = 0;
        cluster.RunUntil(
            () =>
            {
                PutAll(cluster, round++ % 3, "new");
                return cluster.Quorums(3).Length == 0;
            },
            120_000, "no replica on the node that leaves");
        CheckAll(cluster, 1, "new");
        Assert.All(Enumerable.Range(0, 3), node => Assert.Equal(Partitions, cluster.Quorums(node).Length));
        Assert.All(
            Enumerable.Range(0, 3).SelectMany(node => cluster.Quorums(node)),
            static replica => Assert.True(replica.IsFilled));
    }

    [Fact]
    public void More_replicas_are_filled_before_they_answer()
    {
        using var cluster = WithCache(3, replicas: 1);
        PutAll(cluster, 0, "old");
        cluster.Demand(0, new AlterKeyspace(Cache, 3));
        cluster.RunUntil(
            () => Enumerable.Range(0, 3).All(node => cluster.Quorums(node).Length == Partitions
                && cluster.Quorums(node).All(static replica => replica.IsFilled))
                && IsSettled(cluster),
            120_000, "three whole replicas of each partition");
        CheckAll(cluster, 2, "old");
        cluster.Crash(0);
        cluster.Run(3000);
        CheckAll(cluster, 1, "old");
    }

    [Fact]
    public void A_replica_that_goes_and_comes_again_is_filled_again()
    {
        using var cluster = WithCache(3, replicas: 3);
        PutAll(cluster, 0, "old");
        cluster.Demand(0, new AlterKeyspace(Cache, 1));
        cluster.RunUntil(
            () => IsSettled(cluster)
                && Enumerable.Range(0, 3).Sum(node => cluster.Quorums(node).Length) == Partitions,
            120_000, "one replica of each partition");
        PutAll(cluster, 0, "new");
        cluster.Demand(0, new AlterKeyspace(Cache, 3));
        cluster.RunUntil(
            () => IsSettled(cluster) && Enumerable.Range(0, 3).All(node =>
                cluster.Quorums(node).Count(static replica => replica.IsFilled) == Partitions),
            120_000, "three whole replicas of each partition");
        for (var node = 0; node < 3; node++)
        {
            cluster.Crash(node);
            cluster.Run(3000);
            CheckAll(cluster, (node + 1) % 3, "new");
            cluster.Start(node);
            cluster.RunUntilReady();
        }
    }

    [Fact]
    public void A_request_is_known_to_replicas_that_came_later()
    {
        using var cluster = WithCache(4, replicas: 1);
        var first = Enumerable.Range(0, Keys)
            .Select(n => cluster.Ask(n % 3, Repeatable(n)).Version).ToArray();
        PutAll(cluster, 0, "new");
        var leaves = Enumerable.Range(2, 2).First(node => cluster.Quorums(node).Length > 0);
        cluster.Demand(0, new ChangeMember($"node-{leaves + 1}", MemberWish.Decommission));
        cluster.RunUntil(
            () => cluster.Quorums(leaves).Length == 0, 120_000, "no replica on the node that leaves");
        for (var n = 0; n < Keys; n++)
        {
            var again = cluster.Ask(n % 2, Repeatable(n));
            Assert.True(again.Replayed, again.Message);
            Assert.Equal(first[n], again.Version);
        }

        CheckAll(cluster, 1, "new");
    }

    private static PutRequest Repeatable(int n) => new()
    {
        Keyspace = Cache,
        Key = TestCluster.Bytes($"key-{n}"),
        Value = TestCluster.Bytes($"first-{n}"),
        ClientId = "client",
        RequestId = (ulong)(n + 1),
    };

    /// <summary>
    /// Until then the new replica takes no writes, and the partition none that must be on it:
    /// <c>./sim --seed 945000662 --swarm</c>.
    /// </summary>
    [Fact]
    public void A_new_replica_that_gets_no_first_answer_soon_asks_again()
    {
        using var cluster = WithCache(3, replicas: 1, partitions: 1);
        cluster.Run(100);
        PutAll(cluster, 0, "old");
        var holder = Enumerable.Range(0, 3).Single(node => cluster.Quorums(node).Length > 0);
        var lost = 0;
        cluster.Network.Passes = (from, _, kind, _) =>
            kind != PeerFrameKind.Repair || from != cluster.IdOf(holder) || ++lost > 1;
        cluster.Demand(0, new AlterKeyspace(Cache, 2));
        cluster.RunUntil(
            () => Enumerable.Range(0, 3).Count(node => cluster.Quorums(node)
                .Any(static replica => replica.IsFilled)) == 2,
            15_000, "a whole new replica");
        Assert.True(lost > 1);
    }

    /// <summary>
    /// One is filled at a time, which may take long, or stand still: the others refused all writes until
    /// then: <c>./sim --seed 957000980 --quorums</c>.
    /// </summary>
    [Fact]
    public void New_replicas_take_writes_while_another_is_filled()
    {
        using var cluster = WithCache(3, replicas: 1, partitions: 16);
        PutAll(cluster, 0, "old");
        cluster.Demand(0, new ChangeLimits { MovesMax = 100, BatchSize = 100 });
        // What refuses tells of the gate, too.
        cluster.Network.Passes = static (_, _, kind, bytes) => kind != PeerFrameKind.Repair
            || RepairCodec.Read(bytes) is RepairMessage.Open or RepairMessage.Opened;
        cluster.Demand(0, new AlterKeyspace(Cache, 2));
        cluster.RunUntil(
            () => Enumerable.Range(0, 3).Sum(node => cluster.Quorums(node).Length) == 2 * 16,
            15_000, "the new replicas");
        cluster.RunUntil(
            () => Enumerable.Range(0, 3).All(node => cluster.Quorums(node)
                .All(static replica => replica.KnowsGate)),
            15_000, "replicas that take writes");
        PutAll(cluster, 0, "new");
        Assert.Equal(
            16, Enumerable.Range(0, 3).Sum(node => cluster.Quorums(node).Count(
                static replica => !replica.IsFilled)));
    }

    /// <summary>
    /// They hear of the partition when its replicas have begun to change, took themselves for new ones, and
    /// waited for each other to be filled: <c>./sim --seed 953000130 --swarm</c>.
    /// </summary>
    [Fact]
    public void Two_first_replicas_of_three_that_come_late_count_at_once()
    {
        // A late node gets a snapshot of the metadata, and sees no step of its history.
        using var cluster = new TestCluster(
            5, static options => options with { CheckpointLogBytes = 200, TrailingLogBytes = 0 });
        cluster.RunUntilReady();
        // A late leader would tell the others nothing.
        int[] nodes =
        [
            .. Enumerable.Range(0, 5).OrderBy(node => cluster.Leaders()
                .All(replica => !replica.Group.IsMetadata || replica.Raft.Id != cluster.IdOf(node))),
        ];
        var (leader, drained) = (nodes[0], nodes[1]);
        NodeId[] late = [cluster.IdOf(nodes[3]), cluster.IdOf(nodes[4])];
        cluster.Network.Passes = (_, to, kind, _) => !late.Contains(to)
            || kind is not (PeerFrameKind.Raft or PeerFrameKind.SnapshotChunk);
        cluster.Demand(leader, new CreateKeyspace(Cache) { Mode = "quorum", Partitions = 8, Replicas = 3 });
        cluster.Demand(leader, new ChangeMember($"node-{drained + 1}", MemberWish.Drain));
        PlacedGroup[] Placed() => [.. cluster[leader].Placement.Groups
            .Select(group => cluster[leader].Placement.Placed(group)!)];
        // Partitions of strong keyspaces change in other ways.
        cluster.RunUntil(
            () => Placed().Any(placed => placed.Switch is { Present: var present }
                && late.All(present.Contains)),
            60_000, "a change of replicas of which two are late");
        cluster.Network.Passes = static (_, _, _, _) => true;
        cluster.RunUntil(
            () => cluster.Quorums(drained).Length == 0 && IsSettled(cluster)
                && nodes.Sum(node => cluster.Quorums(node).Length) == 8 * 3
                && nodes.All(node => cluster.Quorums(node).All(static replica => replica.IsFilled)),
            120_000, "whole replicas");
    }

    /// <summary>
    /// A new replica was filled before the hint came, and the old one, which got it alone, went: an
    /// acknowledged write was lost. Found by <c>./sim --seed 944000146 --quorums</c>.
    /// </summary>
    [Fact]
    public void While_replicas_change_a_hint_is_handed_to_the_new_ones_too()
    {
        using var cluster = WithCache(4, replicas: 1, partitions: 1, isSloppy: true);
        var holder = Enumerable.Range(0, 4).Single(node => cluster.Quorums(node).Length > 0);
        var coordinator = holder == 3 ? 2 : 3;
        cluster.Network.Passes = (_, to, kind, _) => kind != PeerFrameKind.QuorumReport
            && (kind != PeerFrameKind.QuorumRequest || to != cluster.IdOf(holder));
        cluster.Network.Split([cluster.IdOf(coordinator)], [cluster.IdOf(holder)]);
        Assert.Equal(ReplyStatus.Ok, cluster.PutQuorum(coordinator, "key", "value").Status);
        cluster.Network.Join([cluster.IdOf(coordinator)], [cluster.IdOf(holder)]);
        cluster.RunUntilReady();
        cluster.Demand(holder == 0 ? 1 : 0, new AlterKeyspace(Cache, 2));
        int[] others = [.. Enumerable.Range(0, 4).Where(node => node != holder)];
        cluster.RunUntil(
            () => others.Any(node => cluster.Quorums(node).Any(static replica => replica.IsFilled)),
            60_000, "a new replica");
        var added = others.Single(node => cluster.Quorums(node).Length > 0);
        Assert.Empty(cluster.Content(added));
        Assert.False(IsSettled(cluster));
        cluster.Network.Passes = static (_, _, kind, _) => kind != PeerFrameKind.QuorumReport;
        cluster.RunUntil(() => cluster.Content(holder).Length > 0, 60_000, "the hint");
        cluster.Run(100);
        Assert.False(IsSettled(cluster));
        Assert.Equal(cluster.Content(holder), cluster.Content(added));
    }

    /// <summary>
    /// A coordinator with an old placement stores a write on a replica that knows no newer one either; the
    /// others refuse it, and when it tries again it reaches nobody. Told that nothing was written, a client
    /// would repeat it under another version: <c>./sim --seed 940000234 --quorums</c>.
    /// </summary>
    [Fact]
    public void A_write_that_one_replica_has_stored_is_never_said_not_to_be_written()
    {
        using var cluster = WithCache(5, replicas: 3, partitions: 1);
        var leader = cluster.Leaders().Single(static replica => replica.Group.IsMetadata).Raft.Id;
        int[] holders = [.. Enumerable.Range(0, 5).Where(node => cluster.Quorums(node).Length > 0)];
        var stale = holders.First(node => cluster.IdOf(node) != leader);
        var coordinator = Enumerable.Range(0, 5).Except(holders).First(node => cluster.IdOf(node) != leader);
        int[] rest = [.. Enumerable.Range(0, 5).Where(node => node != coordinator)];
        var group = cluster.Quorums(stale)[0].Identity.Group;
        Epoch EpochAt(int node) => cluster[node].Placement.Placed(group)!.Epoch;
        NodeId[] late = [cluster.IdOf(stale), cluster.IdOf(coordinator)];
        cluster.Network.Passes = (_, to, kind, _) => kind != PeerFrameKind.Raft || !late.Contains(to);
        cluster.Demand(
            holders.First(node => node != stale),
            new ChangeMember($"node-{holders.Last(node => node != stale) + 1}", MemberWish.Drain));
        cluster.RunUntil(
            () => holders.Where(node => node != stale).All(node =>
                EpochAt(node) > EpochAt(coordinator)),
            60_000, "another placement");
        cluster.Run(200);
        var put = cluster.Submit(coordinator, new PutRequest
        {
            Keyspace = Cache,
            Key = TestCluster.Bytes("key"),
            Value = TestCluster.Bytes("value"),
        });
        cluster.RunUntil(() => cluster.Content(stale).Length > 0, what: "the write on one replica");
        Assert.Null(put.Reply);
        cluster.Network.Split([cluster.IdOf(coordinator)], [.. rest.Select(cluster.IdOf)]);
        cluster.RunUntil(() => put.Reply is not null, what: "an answer");
        Assert.True(put.Reply!.Status == ReplyStatus.OutcomeUnknown, put.Reply.Message);
        Assert.NotEqual(0ul, put.Reply.Version);
    }

    [Fact]
    public void A_member_that_is_lost_holds_up_no_change()
    {
        using var cluster = WithCache(4, replicas: 3, readQuorum: 1);
        PutAll(cluster, 0, "old");
        var lost = Enumerable.Range(1, 3).First(node => cluster.Quorums(node).Length > 0);
        cluster.Crash(lost);
        cluster.Demand(0, new ChangeMember($"node-{lost + 1}", MemberWish.Replace));
        int[] rest = [.. Enumerable.Range(0, 4).Where(node => node != lost)];
        cluster.RunUntil(
            () => IsSettled(cluster) && rest.Sum(node => cluster.Quorums(node)
                .Count(static replica => replica.IsFilled)) == 3 * Partitions,
            180_000, "three whole replicas of each partition without the lost one");
        CheckAll(cluster, rest[^1], "old");
    }

    private static bool IsMember(TestCluster cluster, int node) =>
        cluster.Administer(0, new ShowCluster()).Cluster!.Members.Any(
            member => member.Name == $"node-{node + 1}" && member.Status != "removed");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Of_two_replicas_either_may_be_lost(int place)
    {
        using var cluster = WithCache(4, replicas: 2);
        PutAll(cluster, 0, "old");
        var placement = cluster[0].Placement;
        var lost = Enumerable.Range(1, 3).First(node => placement.Groups.Any(group =>
            !group.IsMetadata && placement.Of(group) is { Count: 2 } nodes
            && nodes[place] == cluster.IdOf(node)));
        cluster.Crash(lost);
        cluster.Run(2000);
        cluster.Demand(0, new ChangeMember($"node-{lost + 1}", MemberWish.Replace));
        cluster.RunUntil(() => !IsMember(cluster, lost), 120_000, "the lost member's removal");
        int[] rest = [.. Enumerable.Range(0, 4).Where(node => node != lost)];
        Assert.Equal(2 * Partitions, rest.Sum(node => cluster.Quorums(node).Length));
        CheckAll(cluster, rest[^1], "old");
        Assert.All(
            cluster.Administer(0, new ShowPartitions(Cache)).Partitions!,
            static partition => Assert.Equal((2, 0), (partition.Voters.Count, partition.Learners.Count)));
    }

    [Fact]
    public void Where_all_replicas_are_lost_it_is_told_and_a_drop_ends_it()
    {
        using var cluster = WithCache(4, replicas: 1);
        var lost = Enumerable.Range(1, 3).First(node => cluster.Quorums(node).Length > 0);
        cluster.Crash(lost);
        cluster.Run(2000);
        var replace = new ChangeMember($"node-{lost + 1}", MemberWish.Replace);
        var dry = cluster.Administer(0, replace with { DryRun = true });
        var why = "of keyspace 'cache': its records are lost with all members that had a replica of it: "
            + $"node-{lost + 1}. Drop its keyspace, and make it anew";
        Assert.Contains(dry.Reasons, reason => reason.Contains(why, StringComparison.Ordinal));
        cluster.Demand(0, replace);
        cluster.RunUntil(
            () => cluster.Administer(0, new ShowCluster()).Cluster!.Obstacles.Any(
                obstacle => obstacle.Text.Contains(why, StringComparison.Ordinal)),
            60_000, "the reason");
        Assert.True(IsMember(cluster, lost));
        cluster.Demand(0, new DropKeyspace(Cache));
        cluster.RunUntil(() => !IsMember(cluster, lost), 120_000, "the lost member's removal");
    }

    [Fact]
    public void No_leader_is_given_to_a_partition_that_has_none_and_no_quorum_that_cannot_be()
    {
        using var cluster = WithCache(3, replicas: 3, readQuorum: 3);
        var leader = cluster.Administer(0, new TransferLeadership(Cache, 0));
        Assert.Equal(ReplyStatus.ConditionFailed, leader.Status);
        Assert.Contains("its partitions have no leaders", leader.Message, StringComparison.Ordinal);
        var fewer = cluster.Administer(0, new AlterKeyspace(Cache, 2));
        Assert.Equal(ReplyStatus.ConditionFailed, fewer.Status);
        Assert.Contains(
            "replicas is 2, and the read quorum of keyspace 'cache' is 3", fewer.Message,
            StringComparison.Ordinal);
    }

    private static bool IsSettled(TestCluster cluster) => cluster[0].Placement.Groups.All(
        group => cluster[0].Placement.Placed(group)!.Switch is null);

    private static TestCluster WithCache(
        int nodes, int replicas, int? readQuorum = null, int partitions = Partitions,
        bool isSloppy = false)
    {
        var cluster = new TestCluster(nodes);
        cluster.RunUntilReady();
        cluster.Demand(0, new CreateKeyspace(Cache)
        {
            Mode = "quorum",
            Partitions = partitions,
            Replicas = replicas,
            ReadQuorum = readQuorum,
            IsSloppy = isSloppy,
        });
        cluster.RunUntil(
            () => Enumerable.Range(0, nodes).Sum(node => cluster.Quorums(node).Length)
                == partitions * replicas,
            what: "the replicas");
        return cluster;
    }

    private static void PutAll(TestCluster cluster, int node, string value)
    {
        for (var n = 0; n < Keys; n++)
        {
            var put = new PutRequest
            {
                Keyspace = Cache,
                Key = TestCluster.Bytes($"key-{n}"),
                Value = TestCluster.Bytes($"{value}-{n}"),
            };
            var reply = cluster.Ask(node, put);
            Assert.True(reply.Status == ReplyStatus.Ok, reply.Message);
        }
    }

    private static void CheckAll(TestCluster cluster, int node, string value)
    {
        for (var n = 0; n < Keys; n++)
        {
            var reply = cluster.Ask(
                node, new GetRequest { Keyspace = Cache, Key = TestCluster.Bytes($"key-{n}") });
            Assert.True(reply.Status == ReplyStatus.Ok, reply.Message);
            Assert.Equal($"{value}-{n}", Encoding.UTF8.GetString(reply.Value.Span));
        }
    }
}
