using Kvorum.Node.Administration;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Leaderless.Hints;

/// <summary>A member that leaves takes no hint with it that it has not handed over.</summary>
public class LeavingWithHintsTests
{
    [Fact]
    public void It_is_removed_only_once_its_hints_are_handed_over()
    {
        using var cluster = QuorumSteps.WithCache(
            new CreateKeyspace(QuorumSteps.Cache) { Partitions = 1, Replicas = 3 }, nodes: 5);
        cluster.Demand(0, new ChangeLimits { GraceMs = 3_600_000 });
        var holders = Enumerable.Range(0, 5).Where(node => cluster.Quorums(node).Length == 1).ToArray();
        var leaver = Enumerable.Range(0, 5).Except(holders).Last();
        var away = holders[^1];
        cluster.Crash(away);
        cluster.Run(3000);
        for (var n = 0; n < 5; n++)
            cluster.PutQuorum(leaver, $"key-{n}", "v");
        cluster.RunUntil(() => cluster.Status(leaver).Quorum!.Hints == 5, what: "five hints");
        var other = holders[0];
        cluster.Demand(other, new ChangeMember($"node-{leaver + 1}", MemberWish.Decommission));
        cluster.RunUntil(
            () => Obstacles(cluster, other).Contains(
                $"node-{leaver + 1} keeps 5 hints", StringComparison.Ordinal), 120_000, "the reason");
        cluster.Run(5000);
        Assert.Contains($"node-{leaver + 1}", cluster.Names(other));
        cluster.Start(away);
        cluster.RunUntil(() => !cluster.Names(other).Contains($"node-{leaver + 1}"), 120_000, "the removal");
        Assert.Equal(0, cluster.Status(leaver).Quorum!.Hints);
        Assert.Equal("v", cluster.GetQuorum(away, "key-0"));
    }

    private static string Obstacles(TestCluster cluster, int node) => string.Join(
        '\n', cluster.Administer(node, new ShowCluster()).Cluster!.Obstacles.Select(static one => one.Text));
}
