using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Node.Leaderless;
using Kvorum.Protocol;
using Kvorum.Storage.Lsm;
using Kvorum.Tests.Node.Harness;
using Limits = Kvorum.Node.Limits;

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
    public void A_write_that_another_node_keeps_for_a_replica_is_told_with_that_node()
    {
        using var cluster = QuorumSteps.WithCache(
            new(Cache) { Partitions = 1, Replicas = 3, WriteQuorum = 3, IsSloppy = true }, nodes: 4);
        int[] replicas = [.. Enumerable.Range(0, 4).Where(node => cluster.Quorums(node).Length > 0)];
        var other = Enumerable.Range(0, 4).Single(node => !replicas.Contains(node));
        Assert.Empty(HoldersOf(cluster, replicas[1]).StandIns);
        cluster.Crash(replicas[0]);
        cluster.Run(3000);
        cluster.PutQuorum(replicas[1], "other", "v");
        Assert.Empty(HoldersOf(cluster, replicas[1]).StandIns);
        cluster.PutQuorum(replicas[1], "k", "old");
        var version = cluster.PutQuorum(replicas[1], "k", "v").Version;
        foreach (var node in (int[])[replicas[1], other])
        {
            var key = HoldersOf(cluster, node);
            var standIn = Assert.Single(key.StandIns);
            Assert.Equal(
                ($"node-{other + 1}", "stand-in", "value", true, 1,
                    $"it keeps the write for node-{replicas[0] + 1}"),
                (standIn.Name, standIn.Role, standIn.Has, standIn.Newest, standIn.ValueBytes,
                    standIn.Reason));
            Assert.StartsWith($"{version}@", standIn.Version, StringComparison.Ordinal);
            Assert.Equal(3, key.Replicas.Count);
            Assert.Equal(
                "2 of 3 replicas answered and have the same; hints of it are on "
                + $"node-{other + 1}, with the newest version, until they are handed over", key.Summary);
        }

        // What the others have lost, it still has.
        foreach (var node in replicas[1..])
            cluster.Quorums(node)[0].Forget(default, [Key]);
        cluster.Run(50);
        var lost = HoldersOf(cluster, other);
        Assert.True(Assert.Single(lost.StandIns).Newest);
        Assert.All(lost.Replicas, static one => Assert.NotEqual(true, one.Newest));
        cluster.Start(replicas[0]);
        cluster.RunUntilReady();
        cluster.RunUntil(
            () => HoldersOf(cluster, other).StandIns.Count == 0, 30_000, "no hint that is kept");
    }

    [Fact]
    public void Replicas_that_come_and_go_are_told_as_such()
    {
        using var cluster = QuorumSteps.WithCache(new(Cache) { Partitions = 1, Replicas = 3 }, nodes: 4);
        int[] replicas = [.. Enumerable.Range(0, 4).Where(node => cluster.Quorums(node).Length > 0)];
        var comes = Enumerable.Range(0, 4).Single(node => !replicas.Contains(node));
        var (goes, stays) = (replicas[^1], replicas[0]);
        cluster.PutQuorum(stays, "k", "v");
        // The new one is not filled, so the change does not end.
        cluster.Network.Passes = static (_, _, kind, _) => kind != PeerFrameKind.Repair;
        cluster.Demand(stays, new ChangeMember($"node-{goes + 1}", MemberWish.Drain));
        cluster.RunUntil(
            () => HoldersOf(cluster, stays).Replicas is { Count: 4 } all
                && all.Any(static one => one.Role == "blank"), 60_000, "the new replica");
        var key = HoldersOf(cluster, stays);
        Assert.All(key.Replicas, one => Assert.Equal(
            one.Name == $"node-{goes + 1}" ? "goes" : one.Name == $"node-{comes + 1}" ? "comes" : "stays",
            one.Place));
        var blank = key.Replicas.Single(static one => one.Place == "comes");
        Assert.Equal("blank", blank.Role);
        cluster.Network.Passes = static (_, _, _, _) => true;
        cluster.RunUntil(
            () => HoldersOf(cluster, stays).Replicas is { Count: 3 } all
                && all.All(static one => one.Place == "stays"), 120_000, "the end of the change");
    }

    [Fact]
    public void A_replica_that_does_not_answer_in_time_holds_up_no_answer()
    {
        using var cluster = WithCache(replicas: 3);
        cluster.PutQuorum(0, "k", "v");
        cluster.Network.Passes = (_, to, kind, _) =>
            kind != PeerFrameKind.Admin || to != cluster.IdOf(2);
        var beganMs = cluster.Clock.Ms;
        var key = HoldersOf(cluster, 0);
        Assert.InRange(
            cluster.Clock.Ms - beganMs, Limits.AdminPatienceMs, Limits.AdminPatienceMs + 200);
        var silent = key.Replicas.Single(static one => one.Name == "node-3");
        Assert.Equal(
            ("up", "unknown", "it has not answered in time"), (silent.State, silent.Has, silent.Reason));
        Assert.Equal("2 of 3 replicas answered and have the same", key.Summary);
    }

    [Fact]
    public void A_replica_that_is_lost_while_it_is_asked_is_told_as_such()
    {
        using var cluster = WithCache(replicas: 3);
        cluster.PutQuorum(0, "k", "v");
        cluster.Network.Passes = (_, to, kind, _) =>
            kind != PeerFrameKind.Admin || to != cluster.IdOf(2);
        AdminReply? reply = null;
        cluster[0].Administer(
            new ExplainKey(Cache, Key), TimeSpan.FromSeconds(60), found => reply = found);
        cluster.Run(100);
        Assert.Null(reply);
        cluster.Crash(2);
        cluster.RunUntil(() => reply is not null, 1000, "an answer");
        Assert.Equal(
            "it was lost before it answered",
            reply!.Holders!.Replicas.Single(static one => one.Name == "node-3").Reason);
    }

    [Fact]
    public void Tombstones_that_are_held_back_are_counted_and_the_node_that_holds_them_is_named()
    {
        using var cluster = WithCache(replicas: 3);
        for (var n = 0; n < 4; n++)
            cluster.PutQuorum(0, $"key-{n}", "v");
        cluster.Run(500);
        cluster.Crash(2);
        cluster.Run(3000);
        for (var n = 0; n < 3; n++)
            cluster.DeleteQuorum(0, $"key-{n}");
        cluster.PutQuorum(0, "later", "v", ttlMs: 3_600_000);
        cluster.RunUntil(
            () => Replica(cluster, 0) is { Tombstones: 3 } held
                && held.HeldBy.Contains("node-3", StringComparison.Ordinal), 300_000, "three tombstones");
        // Each key is there twice: with its record, and in the order of ends.
        const int each = (2 * (1 + sizeof(ulong) + 5)) + StoredRecord.HeadBytes;
        Assert.Equal(3 * each, Replica(cluster, 0).TombstoneBytes);
        cluster.Start(2);
        cluster.RunUntilReady();
        cluster.RunUntil(
            () => Replica(cluster, 0) is { Tombstones: null, HeldBy: "" }, 300_000, "no held tombstones");
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
