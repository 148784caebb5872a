using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>What a node keeps for probes: the same that its loops would say, at most a tick later.</summary>
public class NodeHealthTests
{
    [Fact]
    public void It_follows_the_node()
    {
        using var cluster = new TestCluster(3);
        Assert.NotEqual("", cluster[0].Health.NotReadyReason);
        cluster.RunUntilReady();
        cluster.Run(500);
        Assert.Equal(("node-1", true), (cluster[0].Health.Name, cluster[0].Health.IsReady));
        cluster.Crash(1);
        cluster.Crash(2);
        cluster.RunUntil(() => !cluster[0].Health.IsReady, 20_000);
        Assert.Contains("1 of 3 nodes up, need 2", cluster[0].Health.NotReadyReason);
        Assert.Equal(cluster.Status(0).NotReadyReason, cluster[0].Health.NotReadyReason);
    }

    [Fact]
    public void A_loop_that_does_nothing_does_not_serve()
    {
        using var cluster = new TestCluster(1);
        cluster.RunUntilReady();
        cluster.Run(500);
        Assert.True(cluster[0].Health.IsReady);
        cluster.Clock.Ms += Kvorum.Node.Limits.LoopStalledMs + 1000; // without a turn
        Assert.Contains("node loop 0 has done nothing for", cluster[0].Health.NotReadyReason);
        cluster.Run(500);
        Assert.True(cluster[0].Health.IsReady);
    }
}
