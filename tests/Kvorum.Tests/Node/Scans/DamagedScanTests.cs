using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Scans;

/// <summary>A scan over a partition that no replica can serve says so as a get does: at once.</summary>
public class DamagedScanTests
{
    private const int Keys = 120;
    private const int TimeoutMs = 10_000;

    [Theory]
    [InlineData(1, true)]
    [InlineData(1, false)]
    [InlineData(3, true)]
    [InlineData(3, false)]
    public void The_cause_is_told_at_once(int nodes, bool isFoundBefore)
    {
        using var cluster = new TestCluster(nodes, options => options with
        {
            ReplicationFactor = 1,
            CheckpointLogBytes = 8_000,
            TrailingLogBytes = 0,
            BlockCacheBytes = 0,
        });
        cluster.RunUntilReady();
        for (var n = 0; n < Keys; n++)
            Assert.Equal(ReplyStatus.Ok, cluster.Put(n % nodes, $"key-{n}", new string('v', 900)).Status);
        cluster.Run(3000);
        var owner = cluster.LeaderOf("key-7");
        var group = Damage(cluster, owner);
        cluster.Start(owner);
        // A damaged partition has no leader: the cluster does not become ready.
        cluster.Run(3000);
        if (isFoundBefore)
        {
            for (var n = 0; n < Keys; n++)
                cluster.Ask(owner, new GetRequest { Key = TestCluster.Bytes($"key-{n}") });
        }

        for (var node = 0; node < nodes; node++)
        {
            var began = cluster.Clock.Ms;
            var reply = cluster.Ask(node, new ScanRequest { Key = default }, TimeoutMs);
            Assert.Equal(ReplyStatus.Unavailable, reply.Status);
            Assert.Contains(
                $"partition {group.Value - 1} is damaged", reply.Message, StringComparison.Ordinal);
            Assert.InRange(cluster.Clock.Ms - began, 0, TimeoutMs / 5);
        }

        Assert.Null(cluster.FatalOf(owner));
    }

    private static GroupId Damage(TestCluster cluster, int node)
    {
        var slot = KeySlot.Of(TestCluster.Bytes("key-7").Span);
        var partition = KeySlot.PartitionOf(slot, cluster[node].Map.Keyspaces[0].Partitions.Count);
        var group = new GroupId(1 + partition);
        cluster.Crash(node);
        var disk = cluster.DiskOf(node);
        var tables = disk.Files().Where(file => TableFiles.IsTableOf(group, file.Path)).ToArray();
        Assert.NotEmpty(tables);
        Assert.All(tables, table => Assert.True(disk.Flip(table.Path, 100, 0)));
        return group;
    }
}
