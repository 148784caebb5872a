using System.Text;
using Kvorum.Node;
using Kvorum.Node.Export;
using Kvorum.Node.Inspection;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>Keyspaces, and the groups of their partitions, are made while nodes run, and kept.</summary>
public class KeyspacesTests
{
    private const string Orders = "orders";

    [Fact]
    public void A_second_keyspace_is_made_on_a_running_cluster_and_outlives_a_restart()
    {
        using var cluster = WithOrders(3);
        var maps = Enumerable.Range(0, 3).Select(node => cluster[node].Map).ToArray();
        Assert.All(maps, static map => Assert.Equal(2UL, map.Epoch));
        Assert.All(
            maps, static map => Assert.Equal([4, 8], map.Keyspaces.Select(one => one.Partitions.Count)));
        for (var n = 0; n < 20; n++)
        {
            Put(cluster, n % 3, KeyspaceName.Default, $"key-{n}", $"default-{n}");
            Put(cluster, n % 3, Orders, $"key-{n}", $"orders-{n}");
        }

        var delete = new DeleteRequest { Keyspace = Orders, Key = TestCluster.Bytes("key-3") };
        Assert.Equal(ReplyStatus.Ok, cluster.Ask(0, delete).Status);
        Check(cluster);
        for (var node = 0; node < 3; node++)
            cluster.Crash(node);
        for (var node = 0; node < 3; node++)
            cluster.Start(node);
        cluster.RunUntilReady();
        Check(cluster);
        Assert.Equal(
            8, cluster.Status(1).Partitions.Count(
                static one => one is { Keyspace: Orders, Leader.Length: > 0 }));
    }

    [Fact]
    public void The_first_definition_of_a_keyspace_stands_and_the_epoch_with_it()
    {
        using var cluster = WithOrders(1);
        cluster[0].CreateKeyspace(Settings(1) with { PartitionCount = 3 });
        cluster.Run(1000);
        Assert.Equal(2UL, cluster[0].Map.Epoch);
        Assert.Equal([4, 8], cluster[0].Map.Keyspaces.Select(static one => one.Partitions.Count));
    }

    [Fact]
    public void An_unknown_keyspace_is_told_apart_from_one_that_is_not_known_yet()
    {
        using var cluster = new TestCluster(1, start: false);
        cluster.Start(0);
        var early = cluster.Submit(0, new GetRequest { Keyspace = Orders, Key = TestCluster.Bytes("k") });
        Assert.Equal(ReplyStatus.Unavailable, early.Reply!.Status);
        Assert.Contains("has not told of the keyspaces", early.Reply.Message, StringComparison.Ordinal);
        Assert.False(cluster.Status(0).IsReady);
        cluster.RunUntilReady();
        var late = cluster.Submit(0, new GetRequest { Keyspace = Orders, Key = TestCluster.Bytes("k") });
        Assert.Equal(ReplyStatus.UnknownKeyspace, late.Reply!.Status);
    }

    /// <summary>A node that was down meanwhile makes its replicas when it hears of the keyspace.</summary>
    [Fact]
    public void A_node_that_comes_back_makes_the_replicas_that_it_missed()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Crash(2);
        cluster.RunUntil(() => Create(cluster, [0, 1]), what: "the keyspace");
        Put(cluster, 0, Orders, "k", "v");
        cluster.Start(2);
        cluster.RunUntil(
            () => cluster.Status(2).Partitions.Count(static one => one.Keyspace == Orders) == 8,
            what: "the replicas on the node that came back");
        cluster.RunUntilReady();
        var stale = new GetRequest
        {
            Keyspace = Orders,
            Key = TestCluster.Bytes("k"),
            Consistency = ReadConsistency.Stale,
        };
        cluster.RunUntil(() => cluster.Ask(2, stale).Value.Span.SequenceEqual("v"u8), what: "its content");
    }

    /// <summary>Whatever of the first start is on disk, the next one goes on from there.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    public void A_power_cut_at_any_moment_of_the_first_start_is_gone_on_from(int kept)
    {
        for (var point = 0; ; point++)
        {
            using var cluster = new TestCluster(
                1, static options => options with { Loops = 2 }, start: false);
            cluster.DiskOf(0).PowerOffAfter = point;
            StartUntilPowerIsGone(cluster);
            var isOver = !cluster.DiskOf(0).IsOff;
            cluster.Crash(0, kept == 0 ? 0 : kept + point);
            cluster.Start(0);
            cluster.RunUntilReady();
            Put(cluster, 0, KeyspaceName.Default, "k", "v");
            Assert.Equal("v", cluster.Get(0, "k"));
            Assert.Null(cluster.FatalOf(0));
            if (!isOver)
                continue;
            Assert.InRange(point, 20, 10_000);
            return;
        }
    }

    [Fact]
    public void A_tree_without_a_birth_record_is_damage_that_is_told()
    {
        using var cluster = new TestCluster(1);
        cluster.RunUntilReady();
        cluster.Run(1000);
        cluster.Crash(0);
        var disk = cluster.DiskOf(0);
        disk.CreateFolder("trees/00009");
        Assert.False(FolderInspector.Inspect(disk).IsSound);
        var refused = Assert.Throws<NodeStartException>(() => cluster.Start(0));
        Assert.Contains(
            "group 9, and its birth record is missing", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Offline_tools_know_both_keyspaces()
    {
        using var cluster = WithOrders(1);
        Put(cluster, 0, KeyspaceName.Default, "a", "first");
        Put(cluster, 0, Orders, "b", "orders");
        cluster.Run(100);
        cluster.Crash(0);
        var disk = cluster.DiskOf(0);
        var report = FolderInspector.Inspect(disk);
        Assert.True(report.IsSound, string.Join('\n', report.Findings));
        Assert.Equal(["a=first"], Exported(disk, KeyspaceName.Default));
        Assert.Equal(["b=orders"], Exported(disk, Orders));
        Assert.Throws<NodeStartException>(() => Exported(disk, "other"));

        Assert.Throws<NodeStartException>(() => ReplicaDiscard.Run(disk, new(Orders, new(8)), null));
        var told = ReplicaDiscard.Run(disk, new(Orders, new(3)), null);
        Assert.Equal("partition 3 of keyspace 'orders'", Assert.Single(told).Group);
        Assert.Contains(
            FolderInspector.Inspect(disk).Findings, static finding => finding.Text.StartsWith(
                "partition 3 of keyspace 'orders' was discarded", StringComparison.Ordinal));
        Assert.Equal(13, ReplicaDiscard.Run(disk, ReplicaChoice.All, null).Count);
    }

    private static TestCluster WithOrders(int nodes)
    {
        var cluster = new TestCluster(
            nodes, static options => options with { Loops = 2, CheckpointLogBytes = 2000 });
        cluster.RunUntilReady();
        Assert.All(Enumerable.Range(0, nodes), node => Assert.Equal(1UL, cluster[node].Map.Epoch));
        var all = Enumerable.Range(0, nodes).ToArray();
        cluster.RunUntil(() => Create(cluster, all), what: "the keyspace");
        cluster.RunUntilReady();
        return cluster;
    }

    // True once all of the nodes know it.
    private static bool Create(TestCluster cluster, int[] nodes)
    {
        foreach (var node in nodes)
            cluster[node].CreateKeyspace(Settings(cluster.Count));
        return nodes.All(node => cluster[node].Map.Keyspaces.Count == 2);
    }

    private static KeyspaceSettings Settings(int replicas) =>
        new(Orders, KeyspaceSettings.Strong, 8, replicas, 4096, 1 << 20, "binary");

    private static void Put(TestCluster cluster, int node, string keyspace, string key, string value)
    {
        var put = new PutRequest
        {
            Keyspace = keyspace,
            Key = TestCluster.Bytes(key),
            Value = TestCluster.Bytes(value),
        };
        Assert.Equal(ReplyStatus.Ok, cluster.Ask(node, put).Status);
    }

    private static void Check(TestCluster cluster)
    {
        for (var n = 0; n < 20; n++)
        {
            Assert.Equal($"default-{n}", Get(cluster, KeyspaceName.Default, $"key-{n}"));
            Assert.Equal(n == 3 ? null : $"orders-{n}", Get(cluster, Orders, $"key-{n}"));
        }

        Assert.Equal(20, Scan(cluster, KeyspaceName.Default).Count);
        var orders = Scan(cluster, Orders);
        Assert.Equal(19, orders.Count);
        Assert.All(orders, static value => Assert.StartsWith("orders-", value, StringComparison.Ordinal));
    }

    private static string? Get(TestCluster cluster, string keyspace, string key)
    {
        var reply = cluster.Ask(1, new GetRequest { Keyspace = keyspace, Key = TestCluster.Bytes(key) });
        Assert.Equal(ReplyStatus.Ok, reply.Status);
        return reply.Found ? Encoding.UTF8.GetString(reply.Value.Span) : null;
    }

    private static List<string> Scan(TestCluster cluster, string keyspace)
    {
        var reply = cluster.Ask(2, new ScanRequest { Keyspace = keyspace, Key = default });
        Assert.Equal(ReplyStatus.Ok, reply.Status);
        return [.. ScanPageCodec.Decode(reply.Value).Entries.Select(
            static entry => Encoding.UTF8.GetString(entry.Value.Span))];
    }

    private static List<string> Exported(CrashFileSystem disk, string keyspace)
    {
        CrashFileSystem target = new();
        using (var into = target.Create("wal"))
            WalExport.Run(disk, into, 15 * 60 * 1000, 16384, keyspace: keyspace);
        using var file = target.Open("wal", forWriting: false);
        var reader = new WalReader(file);
        List<string> found = [];
        while (reader.Next() is { } operation)
        {
            found.Add(Encoding.UTF8.GetString(operation.Key.Span) + "="
                + Encoding.UTF8.GetString(operation.Value.Span));
        }

        return found;
    }

    private static void StartUntilPowerIsGone(TestCluster cluster)
    {
        try
        {
            cluster.Start(0);
            cluster.Run(300);
        }
        catch (Exception e) when (e is IOException or NodeStartException)
        {
            Assert.True(cluster.DiskOf(0).IsOff, e.ToString());
        }
    }
}
