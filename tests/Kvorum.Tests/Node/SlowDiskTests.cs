using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>Leadership leaves a node whose log has become slow, and comes back when it is fast again.</summary>
public class SlowDiskTests
{
    [Fact]
    public void A_node_with_a_slow_log_leads_nothing_until_it_is_fast_again()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Run(5000);
        var slow = Enumerable.Range(0, 3).MaxBy(node => Led(cluster, node));
        var led = Led(cluster, slow);
        Assert.True(led > 0);

        cluster.SlowLog(slow, 600);
        RunUnderLoad(cluster, () => Led(cluster, slow) == 0, 10_000);
        Assert.Contains(
            cluster.Status(slow).Alerts,
            alert => alert.Contains("writes to this node's log take", StringComparison.Ordinal));
        RunUnderLoad(cluster, () => Led(cluster, slow) > 0, 6000, wanted: false);
        Assert.True(cluster.Status((slow + 1) % 3).IsReady);

        cluster.SlowLog(slow, 0);
        RunUnderLoad(cluster, () => Led(cluster, slow) == led, 20_000);
        Assert.Empty(cluster.Status(slow).Alerts);
    }

    [Fact]
    public void Where_all_logs_are_slow_leaderships_stay()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Run(5000);
        for (var node = 0; node < 3; node++)
            cluster.SlowLog(node, 600);
        RunUnderLoad(cluster, () => false, 8000, wanted: false);
        var terms = cluster.Status(0).Partitions.Select(partition => partition.Term).ToArray();
        RunUnderLoad(cluster, () => false, 8000, wanted: false);
        Assert.Equal(terms, cluster.Status(0).Partitions.Select(partition => partition.Term));
    }

    private static int Led(TestCluster cluster, int node) =>
        cluster.Status(node).Partitions.Count(partition => partition.Role == "leader");

    // Every partition is written to, all the time: without writes nobody knows how slow a disk is.
    private static void RunUnderLoad(TestCluster cluster, Func<bool> condition, long ms, bool wanted = true)
    {
        for (var end = cluster.Clock.Ms + ms; cluster.Clock.Ms < end;)
        {
            for (var key = 0; key < 16; key++)
                cluster.Submit(key % 3, new PutRequest { Key = TestCluster.Bytes($"k{key}"), Value = default });
            cluster.Run(200);
            if (condition() && wanted)
                return;
            Assert.False(condition() && !wanted, "it happened");
        }

        Assert.False(wanted, $"it did not come true\n{string.Join('\n', cluster.Notes.TakeLast(30))}");
    }
}
