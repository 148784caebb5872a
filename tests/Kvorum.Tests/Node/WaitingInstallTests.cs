using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Storage.Files;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>
/// A snapshot that was received waits for room on the disk: its replica votes meanwhile, and what it has
/// voted survives a power cut, while nobody counts on the snapshot itself.
/// </summary>
public class WaitingInstallTests
{
    private const string Key = "key-{one}-0";

    private bool _isFull = true;

    [Fact]
    public void Whoever_is_left_is_elected_though_the_install_waits()
    {
        using var cluster = Waiting(out var leader, out var waiting, out var left);
        var before = Led(cluster, left).Term;
        cluster.Crash(leader);
        cluster.RunUntil(() => Leads(cluster, left), 20_000, "a leader by the vote of who waits");
        Assert.True(Led(cluster, left).Term > before);
        // And it stays: who waits hears its heartbeats, and says so.
        var term = Led(cluster, left).Term;
        cluster.Run(10_000);
        Assert.Equal(("leader", term), (Led(cluster, left).Role, Led(cluster, left).Term));
        Assert.NotEqual("leader", Led(cluster, waiting).Role);
        // It acknowledges nothing that it has not.
        Assert.NotEqual(ReplyStatus.Ok, Put(cluster, left, 2000).Status);

        _isFull = false;
        cluster.RunUntil(() => AreEqual(cluster, waiting, left), 20_000, "who waited has caught up");
        Assert.Equal(ReplyStatus.Ok, Put(cluster, left, 5000).Status);
        Assert.All([waiting, left], node => Assert.Null(cluster.FatalOf(node)));
    }

    // Seed 0 loses all that was not synced, 1 keeps it, others mix.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_power_cut_of_who_waits_takes_no_vote_back(int seed)
    {
        using var cluster = Waiting(out var leader, out var waiting, out var left);
        cluster.Crash(leader);
        cluster.RunUntil(() => Leads(cluster, left), 20_000, "a leader by the vote of who waits");
        var term = Led(cluster, left).Term;
        var (from, to) = (cluster.IdOf(left), cluster.IdOf(waiting));
        cluster.Crash(waiting, seed);
        // Nobody tells it.
        cluster.Network.Cut(from, to);
        cluster.Network.Cut(to, from);
        cluster.DiskOf(waiting).Fault = Full;
        cluster.Start(waiting);
        cluster.Run(20);
        Assert.Equal(term, Led(cluster, waiting).Term);

        _isFull = false;
        cluster.Network.Heal();
        cluster.RunUntil(() => AreEqual(cluster, waiting, left), 30_000, "both equal");
        Assert.Equal(ReplyStatus.Ok, Put(cluster, left, 5000).Status);
        cluster.Start(leader);
        cluster.RunUntil(() => AreEqual(cluster, waiting, leader), 30_000, "all three equal");
        for (var n = 0; n < 40; n++)
            Assert.NotNull(cluster.Get(waiting, $"key-{{one}}-{n}"));
    }

    // Three nodes; one has received a snapshot of the partition, and its disk has no room for a manifest.
    private TestCluster Waiting(out int leader, out int waiting, out int left)
    {
        var cluster = new TestCluster(3, options => options with
        {
            CheckpointLogBytes = 1_000_000,
            TrailingLogBytes = 0,
            MemTableBytes = 64 << 20,
        });
        cluster.RunUntilReady();
        // Leadership goes to where it belongs.
        cluster.Run(5000);
        var first = leader = cluster.LeaderOf(Key);
        int[] others = [.. Enumerable.Range(0, 3).Where(node => node != first)];
        (waiting, left) = (others[0], others[1]);
        cluster.Run(3000);
        // It has a manifest, or what comes would not even be received.
        Fill(cluster, leader);
        cluster.Crash(waiting);
        Fill(cluster, leader);
        cluster.DiskOf(waiting).Fault = Full;
        cluster.Start(waiting);
        var group = Led(cluster, leader).Group;
        var replica = cluster[waiting].Loops.SelectMany(loop => loop.RaftReplicas)
            .First(one => one.Group == group);
        cluster.RunUntil(() => replica.IsInstalling, 20_000, "an install");
        cluster.Run(1000);
        Assert.True(replica.IsInstalling);
        return cluster;
    }

    private static void Fill(TestCluster cluster, int node)
    {
        for (var n = 0; n < 40; n++)
            Assert.Equal(ReplyStatus.Ok, Put(cluster, node, 5000, n).Status);
        cluster.Run(3000);
    }

    // Of the installs only: the manifest that is to name what came.
    private DiskFullException? Full(string operation, string path) =>
        _isFull && operation == "create" && path.EndsWith("manifest.new", StringComparison.Ordinal)
            ? new DiskFullException($"{path}: No space left on device") : null;

    // All keys are in one partition.
    private static Reply Put(TestCluster cluster, int node, int timeoutMs, int n = 0) => cluster.Ask(
        node,
        new PutRequest
        {
            Key = TestCluster.Bytes($"key-{{one}}-{n}"),
            Value = TestCluster.Bytes(new string((char)('a' + (n % 26)), 100_000)),
        },
        timeoutMs);

    private static PartitionStatus Led(TestCluster cluster, int node)
    {
        var slot = KeySlot.Of(TestCluster.Bytes(Key).Span);
        var map = cluster[node].Map;
        var partition = KeySlot.PartitionOf(slot, map.Keyspaces[0].Partitions.Count);
        return cluster.Status(node).Partitions.First(
            one => one.Partition.Value == partition && one.Keyspace == map.Keyspaces[0].Name);
    }

    private static bool Leads(TestCluster cluster, int node) => Led(cluster, node).Role == "leader";

    private static bool AreEqual(TestCluster cluster, int one, int other) =>
        Led(cluster, one).Applied == Led(cluster, other).Applied;
}
