using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;
using Kvorum.Tests.Node.Scans;

namespace Kvorum.Tests.Node.Leaderless;

/// <summary>Scans of a quorum keyspace: R replicas of each partition, the newest of each key.</summary>
public class QuorumScanTests
{
    private const string Cache = "cache";

    [Fact]
    public void With_a_node_away_the_newest_versions_are_told_and_what_is_deleted_is_not()
    {
        using var cluster = WithCache(3);
        for (var n = 0; n < 12; n++)
            Write(cluster, n, "old");
        cluster.Crash(2);
        // The third replica misses these, and answers the scan in place of one that has them.
        for (var n = 0; n < 12; n += 3)
            Write(cluster, n, "new");
        for (var n = 1; n < 12; n += 3)
            cluster.Ask(0, new DeleteRequest { Keyspace = Cache, Key = Key(n) });
        cluster.Start(2);
        cluster.RunUntilReady();
        cluster.Crash(0);
        cluster.Run(500);
        foreach (var node in (int[])[1, 2])
        {
            var page = ScanPageCodec.Decode(Scan(cluster, node).Value);
            Assert.Equal(
                "0:new 2:old 3:new 5:old 6:new 8:old 9:new 11:old",
                string.Join(' ', page.Entries.Select(static entry =>
                    $"{int.Parse(entry.Key.Text()[4..], null)}:{entry.Value.Text()}")));
        }
    }

    [Fact]
    public void With_too_few_replicas_it_says_so_at_once_and_a_stale_scan_is_answered()
    {
        using var cluster = WithCache(3);
        for (var n = 0; n < 5; n++)
            Write(cluster, n, "v");
        cluster.Run(100);
        cluster.Crash(1);
        cluster.Crash(2);
        cluster.Run(3000);
        var reply = Scan(cluster, 0);
        Assert.Equal(ReplyStatus.Unavailable, reply.Status);
        Assert.Contains("2 of 3 replicas of partition 0 of 'cache' must answer a scan; these cannot: ",
            reply.Message, StringComparison.Ordinal);
        Assert.Contains("node-2", reply.Message, StringComparison.Ordinal);
        var stale = Scan(cluster, 0, ReadConsistency.Stale);
        Assert.True(stale.Stale);
        Assert.Equal(5, ScanPageCodec.Decode(stale.Value).Entries.Count);
    }

    [Fact]
    public void A_silent_replica_is_spoken_around()
    {
        using var cluster = WithCache(3);
        for (var n = 0; n < 5; n++)
            Write(cluster, n, "v");
        cluster.Run(500);
        // The node stays connected and says nothing.
        cluster.Network.Passes = (_, to, _, _) => to != cluster.IdOf(1);
        var began = cluster.Clock.Ms;
        var reply = Scan(cluster, 0);
        Assert.Equal(ReplyStatus.Ok, reply.Status);
        Assert.Equal(5, ScanPageCodec.Decode(reply.Value).Entries.Count);
        Assert.InRange(cluster.Clock.Ms - began, 0, 600);
    }

    private static TestCluster WithCache(int nodes)
    {
        var cluster = new TestCluster(nodes);
        cluster.RunUntilReady();
        cluster.Demand(0, new CreateKeyspace(Cache) { Mode = "quorum", Partitions = 2, Replicas = 3 });
        cluster.RunUntil(
            () => Enumerable.Range(0, nodes).All(node =>
                cluster.Status(node).Partitions.Count(static one => one.Keyspace == Cache) == 2),
            what: "the replicas");
        return cluster;
    }

    private static ReadOnlyMemory<byte> Key(int n) => TestCluster.Bytes($"key-{n:00}");

    private static void Write(TestCluster cluster, int n, string value) => Assert.Equal(
        ReplyStatus.Ok,
        cluster.Ask(0, new PutRequest
        {
            Keyspace = Cache,
            Key = Key(n),
            Value = TestCluster.Bytes(value),
        }).Status);

    private static Reply Scan(
        TestCluster cluster, int node, ReadConsistency consistency = ReadConsistency.Linearizable) =>
        cluster.Ask(node, new ScanRequest { Keyspace = Cache, Key = default, Consistency = consistency });
}
