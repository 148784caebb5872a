using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>
/// Leadership leaves a node whose log has become slow, and comes back when it is fast again.
/// </summary>
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
        Assert.True(Becomes(cluster, 10_000, () => Led(cluster, slow) == 0));
        Assert.Contains(
            cluster.Status(slow).HealthIssues,
            issue => issue.Contains("writes to this node's log take", StringComparison.Ordinal));
        Assert.False(Becomes(cluster, 6000, () => Led(cluster, slow) > 0));
        Assert.True(cluster.Status((slow + 1) % 3).IsReady);

        cluster.SlowLog(slow, 0);
        Assert.True(Becomes(cluster, 20_000, () => Led(cluster, slow) == led));
        Assert.Empty(cluster.Status(slow).HealthIssues);
    }

    [Fact]
    public void Where_all_logs_are_slow_leaderships_stay()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Run(5000);
        for (var node = 0; node < 3; node++)
            cluster.SlowLog(node, 600);
        Becomes(cluster, 8000, () => false);
        Assert.All(Enumerable.Range(0, 3), node => Assert.Single(cluster.Status(node).HealthIssues));
        var terms = cluster.Status(0).Partitions.Select(partition => partition.Term).ToArray();
        Becomes(cluster, 8000, () => false);
        Assert.Equal(terms, cluster.Status(0).Partitions.Select(partition => partition.Term));
    }

    private static int Led(TestCluster cluster, int node) =>
        cluster.Status(node).Partitions.Count(partition => partition.Role == "leader");

    // True if it came true within the time.
    private static bool Becomes(TestCluster cluster, long withinMs, Func<bool> condition)
    {
        for (var end = cluster.Clock.Ms + withinMs; cluster.Clock.Ms < end;)
        {
            WriteToAll(cluster);
            cluster.Run(200);
            if (condition())
                return true;
        }

        return false;
    }

    // Without writes nobody knows how slow a disk is.
    private static void WriteToAll(TestCluster cluster)
    {
        for (var key = 0; key < 16; key++)
        {
            cluster.Submit(
                key % 3, new PutRequest { Key = TestCluster.Bytes($"k{key}"), Value = default });
        }
    }
}
