using System.Text;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
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

    private static bool IsSettled(TestCluster cluster) => cluster[0].Placement.Groups.All(
        group => cluster[0].Placement.Placed(group)!.Switch is null);

    private static TestCluster WithCache(int nodes, int replicas, int? readQuorum = null)
    {
        var cluster = new TestCluster(nodes);
        cluster.RunUntilReady();
        cluster.Demand(0, new CreateKeyspace(Cache)
        {
            Mode = "quorum",
            Partitions = Partitions,
            Replicas = replicas,
            ReadQuorum = readQuorum,
        });
        cluster.RunUntil(
            () => Enumerable.Range(0, nodes).Sum(node => cluster.Quorums(node).Length)
                == Partitions * replicas,
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
