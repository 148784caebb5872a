using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Storage.Lsm;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Leaderless;

/// <summary>What operators are told of keys and keyspaces, by any node.</summary>
public class ExplainTests
{
    private const string Cache = QuorumSteps.Cache;
    private static readonly byte[] Key = "k"u8.ToArray();

    [Fact]
    public void Any_node_tells_who_holds_a_key_and_with_which_version()
    {
        using var cluster = WithCache(replicas: 3);
        var version = cluster.PutQuorum(0, "k", "v").Version;
        for (var node = 0; node < 3; node++)
        {
            var key = HoldersOf(cluster, node);
            Assert.Equal(("quorum", ""), (key.Mode, key.Leader));
            Assert.Equal("3 of 3 replicas answered and have the same", key.Summary);
            Assert.Equal(
                ["node-1", "node-2", "node-3"], key.Replicas.Select(static one => one.Name).Order());
            Assert.All(key.Replicas, replica =>
            {
                Assert.Equal(
                    ("up", "stays", "replica", "value", true),
                    (replica.State, replica.Place, replica.Role, replica.Has, replica.Newest));
                Assert.Empty(replica.Reason);
                Assert.StartsWith($"{version}@", replica.Version, StringComparison.Ordinal);
                Assert.Equal(1, replica.ValueBytes);
            });
        }
    }

    [Fact]
    public void A_deleted_key_is_told_as_such_and_one_that_never_was_is_nothing()
    {
        using var cluster = WithCache(replicas: 3);
        Assert.All(HoldersOf(cluster, 1).Replicas, static one => Assert.Equal("nothing", one.Has));
        cluster.PutQuorum(0, "k", "v");
        cluster.DeleteQuorum(1, "k");
        cluster.Run(100);
        Assert.All(
            HoldersOf(cluster, 2).Replicas,
            static one => Assert.Equal(("deleted", true, null), (one.Has, one.Newest, one.ValueBytes)));
    }

    [Fact]
    public void A_replica_that_lacks_the_key_is_told_as_behind()
    {
        using var cluster = WithCache(replicas: 3);
        cluster.PutQuorum(0, "k", "v");
        cluster.Quorums(2)[0].Forget(default, [Key]);
        cluster.Run(50);
        var key = HoldersOf(cluster, 0);
        var behind = key.Replicas.Single(static one => one.Newest == false);
        Assert.Equal(("node-3", "nothing", ""), (behind.Name, behind.Has, behind.Version));
        Assert.StartsWith(
            "3 of 3 replicas answered, 2 of them with the newest version", key.Summary,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_version_that_too_few_have_is_no_acknowledged_one_for_certain()
    {
        using var cluster = WithCache(replicas: 3);
        cluster.PutQuorum(0, "k", "v");
        cluster.Quorums(2)[0].Forget(default, [Key]);
        cluster.Quorums(1)[0].Forget(default, [Key]);
        cluster.Run(50);
        Assert.Contains("it may be lost with their disks", HoldersOf(cluster, 0).Summary,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_replica_that_is_away_or_damaged_is_told_with_the_reason()
    {
        using var cluster = WithCache(replicas: 3);
        cluster.PutQuorum(0, "k", "v");
        cluster.Crash(2);
        cluster.Run(3000);
        var away = HoldersOf(cluster, 0).Replicas.Single(static one => one.Name == "node-3");
        Assert.Equal(("down", "unknown", null), (away.State, away.Has, away.Newest));
        Assert.NotEmpty(away.Reason);

        using var lone = WithCache(replicas: 1);
        lone.RunUntil(
            () => Enumerable.Range(0, 3).All(node => lone[node].Map.Keyspaces.Count == 2),
            what: "the keyspace");
        lone.PutQuorum(0, "k", "v");
        var holder = Enumerable.Range(0, 3).Single(node => lone.Quorums(node).Length == 1);
        lone.Quorums(holder)[0].Damaged(new TreeDamagedException("table 7: a wrong checksum"));
        var key = HoldersOf(lone, (holder + 1) % 3);
        Assert.Equal("0 of 1 replicas answered: nothing is known of the key", key.Summary);
        var damaged = key.Replicas.Single();
        Assert.Equal(("damaged", "unknown"), (damaged.Role, damaged.Has));
        Assert.Contains("a wrong checksum", damaged.Reason, StringComparison.Ordinal);
        var status = lone.Status(holder).Partitions.Single(static one => one.Keyspace == Cache);
        Assert.Equal("damaged", status.Role);
    }

    [Fact]
    public void A_strong_key_is_told_with_its_leader_and_what_each_replica_has_applied()
    {
        using var cluster = WithCache(replicas: 3);
        var version = cluster.Put(0, "k", "v").Version;
        cluster.Run(500);
        var key = cluster.Administer(1, new ExplainKey(KeyspaceName.Default, Key)).Holders!;
        Assert.Equal(("strong", $"node-{1 + cluster.LeaderOf("k")}"), (key.Mode, key.Leader));
        Assert.Single(key.Replicas, one => one.Role == "leader" && one.Name == key.Leader);
        Assert.All(key.Replicas, replica =>
        {
            Assert.Equal(("value", $"{version}"), (replica.Has, replica.Version));
            Assert.True(replica.Applied > 0);
        });
    }

    [Fact]
    public void What_cannot_be_explained_says_why()
    {
        using var cluster = WithCache(replicas: 3);
        (AdminRequest, ReplyStatus, string)[] wrong =
        [
            (new ExplainKey("a", Key), ReplyStatus.UnknownKeyspace, "no keyspace 'a'"),
            (new ExplainKey(Cache, []), ReplyStatus.InvalidArgument, "the key has 0 bytes"),
            (new ExplainKeyspace("a"), ReplyStatus.UnknownKeyspace, "no keyspace 'a'"),
        ];
        foreach (var (request, status, words) in wrong)
        {
            var reply = cluster.Administer(0, request);
            Assert.Equal(status, reply.Status);
            Assert.Contains(words, reply.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_keyspace_is_explained_as_it_is_and_where_it_is_otherwise_now()
    {
        using var cluster = WithCache(replicas: 3);
        var promise = cluster.Administer(2, new ExplainKeyspace(Cache)).Promise!;
        Assert.Equal((3, 2, 2, true), (
            promise.Replicas, promise.WriteQuorum, promise.ReadQuorum, promise.ReadsSeeWrites));
        Assert.Equal((2000L, 5000L), (promise.SyncIntervalMs, promise.TombstoneMinMs));
        Assert.Empty(promise.Now);
        cluster.Demand(0, new CreateKeyspace("wide")
        {
            Mode = "quorum",
            Partitions = 2,
            Replicas = 5,
            WriteQuorum = 3,
            IsSloppy = true,
        });
        cluster.RunUntil(() => cluster[1].Map.Keyspaces.Count == 3, what: "the keyspace");
        var wide = cluster.Administer(1, new ExplainKeyspace("wide")).Promise!;
        Assert.Equal((5, 3, true), (wide.Replicas, wide.WriteQuorum, wide.Sloppy));
        Assert.False(wide.ReadsSeeWrites);
        Assert.StartsWith(
            "2 of 2 partitions have fewer than 5 replicas, the least 3: there W = 3 and R = 2",
            Assert.Single(wide.Now), StringComparison.Ordinal);
        var report = cluster.Administer(0, new ShowCluster()).Cluster!.Keyspaces.Single(
            static one => one.Name == "wide");
        Assert.Equal((3, 3, true), (report.WriteQuorum, report.ReadQuorum, report.Sloppy));
    }

    [Fact]
    public void Status_tells_of_repair_and_hints()
    {
        using var cluster = WithCache(replicas: 3);
        cluster.Crash(2);
        cluster.Run(3000);
        for (var n = 0; n < 10; n++)
            cluster.PutQuorum(0, $"key-{n}", "v");
        cluster.RunUntil(() => cluster.Status(0).Quorum!.Hints == 10, what: "ten hints");
        Assert.True(cluster.Status(0).Quorum!.HintBytes > 0);
        cluster.Start(2);
        cluster.RunUntilReady();
        cluster.RunUntil(() => cluster.Status(0).Quorum!.Hints == 0, 30_000, "no hints");
        cluster.RunUntil(
            () => Enumerable.Range(0, 3).Any(node => Replica(cluster, node).ComparedMs is not null), 30_000,
            "a comparison");
        Assert.Equal("", Replica(cluster, 0).HeldBy);
    }

    private static QuorumReplicaStatus Replica(TestCluster cluster, int node) =>
        cluster.Status(node).Partitions.Single(static one => one.Keyspace == Cache).Quorum!;

    private static KeyExplanation HoldersOf(TestCluster cluster, int node)
    {
        var reply = cluster.Administer(node, new ExplainKey(Cache, Key));
        Assert.True(reply.Status == ReplyStatus.Ok, reply.Message);
        return reply.Holders!;
    }

    private static TestCluster WithCache(int replicas) =>
        QuorumSteps.WithCache(new CreateKeyspace(Cache) { Partitions = 1, Replicas = replicas });
}
