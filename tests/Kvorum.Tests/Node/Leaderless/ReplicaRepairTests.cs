using System.Text;
using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Node.Leaderless;
using Kvorum.Node.Leaderless.Repair;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Leaderless;

/// <summary>Replicas of a quorum keyspace find out what they lack, without any reads of clients.</summary>
public class ReplicaRepairTests
{
    private const string Cache = "cache";
    private const int Partitions = 2;

    [Fact]
    public void A_node_that_was_away_gets_what_it_missed_when_it_comes_back()
    {
        using var cluster = WithCache();
        for (var n = 0; n < 200; n++)
            Put(cluster, 0, $"key-{n}", "old");
        cluster.Crash(2);
        for (var n = 0; n < 200; n += 3)
            Put(cluster, 1, $"key-{n}", "new");
        for (var n = 1; n < 200; n += 50)
            cluster.Ask(0, new DeleteRequest { Keyspace = Cache, Key = TestCluster.Bytes($"key-{n}") });
        cluster.Start(2);
        cluster.RunUntilReady();
        cluster.RunUntil(() => AreEqual(cluster), 30_000, "equal replicas");
        Assert.Equal("new", Encoding.UTF8.GetString(Record(cluster, 2, "key-0")!.Value.Value.Span));
        Assert.True(Record(cluster, 2, "key-1")!.Value.IsDeleted);
    }

    /// <summary>
    /// Both others find what it misses at the same time, and each record travels once all the same; so does
    /// what the side that asks says of its own: 25 bytes for each, and 8 for one that is wanted. Each node in
    /// turn, because the one with the lesser id asks: that with the least is the last, and lacks much among
    /// what it has.
    /// </summary>
    [Fact]
    public void What_a_replica_missed_is_brought_by_one_of_the_others()
    {
        const int Missed = 2000;
        using var cluster = WithCache(static options => options with
        {
            HintBytesMax = 0,
            HintBytesPerNodeMax = 0,
        });
        long had = 0;
        foreach (var away in Enumerable.Range(0, 3).OrderByDescending(cluster.IdOf))
        {
            cluster.Crash(away);
            var others = Enumerable.Range(0, 3).Where(node => node != away).ToArray();
            var (before, compared) = (Given(cluster, others), Compared(cluster, others));
            for (var n = 0; n < Missed; n++)
                Put(cluster, (away + 1) % 3, $"key-{away}-{n}", "value");
            cluster.Start(away);
            cluster.RunUntilReady();
            cluster.RunUntil(() => AreEqual(cluster), 60_000, "equal replicas");
            cluster.Run(5000);
            // The node that came back counts anew.
            Assert.Equal(Missed, Given(cluster, [0, 1, 2]) - before);
            var asks = others.All(node => cluster.IdOf(away) < cluster.IdOf(node));
            const int SumsAndRoots = 16_384;
            Assert.InRange(
                Compared(cluster, [0, 1, 2]) - compared, 1,
                (asks ? 25 * had : (25 * (had + Missed)) + (8 * Missed)) + SumsAndRoots);
            had += Missed;
        }
    }

    [Fact]
    public void An_answer_that_comes_after_the_replica_was_removed_is_dropped()
    {
        using var cluster = WithCache();
        var asks = Enumerable.Range(0, 3).MinBy(cluster.IdOf);
        var away = Enumerable.Range(0, 3).MaxBy(cluster.IdOf);
        byte[]? late = null;
        cluster.Network.Passes = (from, to, kind, bytes) =>
        {
            // The records of one group that the other side wants. Hints are lost, too.
            if (to == cluster.IdOf(asks) && from == cluster.IdOf(away) && kind == PeerFrameKind.Repair
                && RepairCodec.Read(bytes) is RepairMessage.Records { Wanted.Count: > 0 })
            {
                late = bytes;
                return false;
            }

            return kind != PeerFrameKind.QuorumRequest || to != cluster.IdOf(away);
        };
        for (var n = 0; n < 20; n++)
            Put(cluster, asks, $"key-{n}", "value");
        cluster.Crash(away);
        cluster.Start(away);
        cluster.RunUntilReady();
        cluster.RunUntil(() => late is not null, 30_000, "an answer");
        cluster.Demand(asks, new DropKeyspace(Cache));
        cluster.RunUntil(() => cluster.Quorums(asks).Length == 0, 20_000, "no replica");
        cluster.Run(1000);
        cluster.Network.Late(cluster.IdOf(away), cluster.IdOf(asks), PeerFrameKind.Repair, late!);
        cluster.Network.Passes = static (_, _, _, _) => true;
        cluster.Run(1000);
        Assert.Null(cluster.FatalOf(asks));
        Assert.True(cluster.IsRunning(asks));
    }

    [Fact]
    public void An_emptied_replica_is_filled_by_the_others()
    {
        using var cluster = WithCache();
        cluster.Crash(2);
        for (var n = 0; n < 3000; n++)
            Put(cluster, n % 2, $"key-{n}", new string('v', 200));
        cluster.Start(2);
        cluster.RunUntilReady();
        cluster.RunUntil(() => AreEqual(cluster), 60_000, "equal replicas");
        Assert.Equal(3000, cluster.Quorums(2).Sum(static replica => replica.Machine.KeyCount));
    }

    [Fact]
    public void Equal_replicas_say_little()
    {
        using var cluster = WithCache();
        for (var n = 0; n < 500; n++)
            Put(cluster, 0, $"key-{n}", "v");
        cluster.Crash(2);
        cluster.Start(2);
        cluster.RunUntilReady();
        cluster.RunUntil(() => Compared(cluster), 30_000, "a comparison of each pair");
        var before = cluster.Network.Delivered[Kvorum.Node.PeerFrameKind.Repair];
        cluster.Run((5 * 60 * 1000) + 10_000);
        // For each pair of nodes and each partition a question and its answer.
        Assert.Equal(
            3 * 2 * Partitions, cluster.Network.Delivered[Kvorum.Node.PeerFrameKind.Repair] - before);
    }

    /// <summary>It waits for no comparison that is due by time, whichever of two nodes asks there.</summary>
    [Fact]
    public void A_replica_on_a_disk_that_was_full_gets_what_it_missed_once_there_is_room()
    {
        using var cluster = WithCache();
        cluster.RunUntil(() => Compared(cluster), 60_000, "a comparison of each pair");
        for (var node = 0; node < 3; node++)
        {
            var disk = cluster.DiskOf(node);
            disk.BytesMax = disk.BytesInUse + (1 << 19);
            cluster.RunUntil(() => cluster.Status(node).HealthIssues.Any(), 20_000, "a full disk");
            for (var n = 0; n < 20; n++)
                Put(cluster, node, $"key-{n}", $"past-{node}");
            Assert.False(AreEqual(cluster));
            disk.BytesMax = long.MaxValue;
            cluster.RunUntil(() => AreEqual(cluster), 15_000, "equal replicas");
        }
    }

    private static bool Compared(TestCluster cluster) => Enumerable.Range(0, 3).SelectMany(
        node => cluster.Quorums(node)).Count(static replica => replica.ComparedMs is not null)
            >= 2 * Partitions;

    private static bool AreEqual(TestCluster cluster) => Enumerable.Range(0, 3)
        .Select(node => string.Join('\n', cluster.Content(node)))
        .Distinct(StringComparer.Ordinal).Count() == 1;

    private static long Given(TestCluster cluster, int[] nodes) =>
        nodes.SelectMany(node => cluster.Quorums(node)).Sum(static replica => replica.RepairedRecords.Given);

    private static long Compared(TestCluster cluster, int[] nodes) =>
        nodes.SelectMany(node => cluster.Quorums(node)).Sum(static replica => replica.RepairBytes.Compared);

    private static StoredRecord? Record(TestCluster cluster, int node, string key) =>
        cluster.Quorums(node).Select(replica => replica.Machine.Get(TestCluster.Bytes(key).Span))
            .FirstOrDefault(static record => record is not null);

    private static TestCluster WithCache(Func<NodeOptions, NodeOptions>? configure = null)
    {
        var cluster = new TestCluster(3, configure);
        cluster.RunUntilReady();
        cluster.Demand(
            0, new CreateKeyspace(Cache) { Mode = "quorum", Partitions = Partitions, Replicas = 3 });
        cluster.RunUntil(
            () => Enumerable.Range(0, 3).All(node => cluster.Quorums(node).Length == Partitions),
            what: "the replicas");
        return cluster;
    }

    private static void Put(TestCluster cluster, int node, string key, string value)
    {
        var put = new PutRequest
        {
            Keyspace = Cache,
            Key = TestCluster.Bytes(key),
            Value = TestCluster.Bytes(value),
        };
        Assert.Equal(ReplyStatus.Ok, cluster.Ask(node, put).Status);
    }
}
