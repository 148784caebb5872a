using Kvorum.Node.Administration;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>What happens in a cluster is told in one order, by all nodes and over restarts.</summary>
public class ClusterEventsTests
{
    [Fact]
    public void Joins_moves_and_leaves_are_told_in_order_by_every_node()
    {
        using var cluster = new TestCluster(3, others: 1);
        cluster.RunUntilReady();
        cluster.Start(3);
        cluster.RunUntil(() => Has(cluster, ClusterEventKind.RebalanceEnded), 60_000, "the end of the moves");
        cluster.Crash(3);
        cluster.RunUntil(() => Has(cluster, ClusterEventKind.HealthChanged), 20_000, "a member is down");
        cluster.Start(3);
        cluster.RunUntil(() => Has(cluster, ClusterEventKind.NodeRejoined), 20_000, "it is back");
        var leaving = cluster.IdOf(0);
        cluster.RunUntil(
            () =>
            {
                for (var node = 0; node < 4; node++)
                    cluster[node].ChangeMember(leaving, MemberStatus.Leaving);
                return Has(cluster, ClusterEventKind.NodeLeft);
            },
            120_000, "the member has left");
        cluster.Run(5000);
        var events = EventsOf(cluster, 1);
        Assert.Equal(
            Enumerable.Range(1, events.Count).Select(static at => (ulong)at),
            events.Select(static one => one.Position));
        Assert.Equal(
            ["node-1", "node-2", "node-3", "node-4"],
            events.Where(static one => one.Kind == ClusterEventKind.NodeJoined)
                .Select(static one => one.Member).Order());
        var moved = events.First(
            static one => one is { Kind: ClusterEventKind.PartitionChanged, Why: "drain" });
        Assert.Contains("node-1", moved.Before);
        Assert.DoesNotContain("node-1", moved.After);
        Assert.Equal(
            [("node-1", "leaving"), ("node-1", "removed")],
            events.Where(static one => one.Kind is ClusterEventKind.NodeChanged or ClusterEventKind.NodeLeft)
                .Select(static one => (one.Member, one.Why)));
        Assert.Equal(Text(events), Text(EventsOf(cluster, 3)));
        Assert.Contains("stop it", cluster.Status(0).NotReadyReason, StringComparison.Ordinal);
        cluster.Crash(0);
        // Resumed from a position, and after a restart of all.
        Assert.Equal(Text([.. events.Skip(3)]), Text(EventsOf(cluster, 2, after: 3)));
        for (var node = 1; node < 4; node++)
            cluster.Crash(node);
        for (var node = 1; node < 4; node++)
            cluster.Start(node);
        cluster.RunUntilReady();
        Assert.Equal(Text(events), Text([.. EventsOf(cluster, 2).Take(events.Count)]));
    }

    private static bool Has(TestCluster cluster, ClusterEventKind kind) =>
        EventsOf(cluster, 1).Any(one => one.Kind == kind);

    private static IReadOnlyList<ClusterEvent> EventsOf(TestCluster cluster, int node, ulong after = 0)
    {
        AdminReply? reply = null;
        cluster[node].Administer(new ShowEvents(after), TimeSpan.FromSeconds(1), found => reply = found);
        return reply!.Events!;
    }

    private static string Text(IReadOnlyList<ClusterEvent> events) =>
        string.Join('\n', events.Select(static one => $"{one.Position} {one.Kind} {one.Member} {one.Why}"));
}
