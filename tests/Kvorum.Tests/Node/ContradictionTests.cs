using System.Text;
using Kvorum.Node.Inspection;
using Kvorum.Node.Replicas;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>
/// Twenty keys are acknowledged on nodes 1 and 2 while 3 is down. Node 1 comes back with an old copy of its
/// folder, 1 and 3 write other values, and then 2 returns: nothing is lost in silence, and an operator
/// decides which side counts.
/// </summary>
public class ContradictionTests
{
    private const int Keys = 20;

    [Fact]
    public void A_replica_that_contradicts_its_leader_is_quarantined_and_keeps_what_it_has()
    {
        using var cluster = Contradicting();
        var quarantined = QuarantinedOn(cluster, 1);
        Assert.NotEmpty(quarantined);
        var status = cluster.Status(1);
        foreach (var replica in quarantined)
        {
            Assert.Equal("quarantined", status.Partitions.Single(one => one.Group == replica.Group).Role);
            Assert.Contains(status.Alerts, alert => alert.Contains(
                $"{replica.Keyspace}/{replica.Partition}: this node's replica is quarantined",
                StringComparison.Ordinal));
        }

        // It answers no read itself, not even a stale one: another node does.
        for (var n = 0; n < Keys; n++)
        {
            if (!quarantined.Any(replica => replica.Group == GroupOf(n)))
                continue;
            var read = new GetRequest { Key = Key(n), Consistency = ReadConsistency.Stale };
            var reply = cluster.Ask(1, read);
            Assert.Equal(ReplyStatus.Ok, reply.Status);
            Assert.Equal($"other-{n}", Encoding.UTF8.GetString(reply.Value.Span));
        }

        Assert.Null(cluster.FatalOf(1));
        AssertKeepsAll(cluster, 1);
    }

    [Fact]
    public void A_restart_does_not_forget_a_quarantine()
    {
        using var cluster = Contradicting();
        var before = QuarantinedOn(cluster, 1).Select(replica => replica.Group).ToArray();
        cluster.Crash(1);
        cluster.Start(1);
        Assert.Equal(before, QuarantinedOn(cluster, 1).Select(replica => replica.Group));
        cluster.Run(5000);
        Assert.Equal(before, QuarantinedOn(cluster, 1).Select(replica => replica.Group));
        AssertKeepsAll(cluster, 1);

        // Nor does it vote: with one of the others gone there is no majority.
        cluster.Crash(2);
        var reply = cluster.Ask(1, new GetRequest { Key = Key(0) });
        Assert.Equal(ReplyStatus.Unavailable, reply.Status);
        Assert.Contains("is quarantined", reply.Message, StringComparison.Ordinal);
        cluster.Run(5000);
        Assert.NotEqual(ReplyStatus.Ok, cluster.Put(0, "key-0", "x").Status);
    }

    [Fact]
    public void A_quarantined_replica_is_neither_checkpointed_nor_filled_by_a_snapshot()
    {
        using var cluster = Contradicting();
        var quarantined = QuarantinedOn(cluster, 1);
        var indexes = quarantined.Select(replica => replica.Tree.AppliedIndex).ToArray();
        // So much is written elsewhere that only a snapshot could bring it up to date.
        foreach (var node in new[] { 0, 2 })
        {
            foreach (var loop in cluster[node].Loops)
                loop.Post(() => loop.Replicas.ToList().ForEach(replica => replica.Checkpoint()));
        }

        foreach (var loop in cluster[1].Loops)
            loop.Post(() => loop.Replicas.ToList().ForEach(replica => replica.Checkpoint()));
        cluster.Run(3000);
        for (var n = 0; n < 50; n++)
            cluster.Put(0, $"later-{n}", "later");
        cluster.Run(5000);
        Assert.Equal(indexes, quarantined.Select(replica => replica.Tree.AppliedIndex));
        Assert.All(quarantined, replica => Assert.Equal(0UL, replica.Tree.CheckpointIndex));
        AssertKeepsAll(cluster, 1);
    }

    [Fact]
    public void Doctor_shows_both_sides_and_a_discarded_replica_is_filled_by_the_others()
    {
        using var cluster = Contradicting();
        var groups = QuarantinedOn(cluster, 1).Select(replica => replica.Group).ToArray();
        cluster.Crash(1);
        var report = FolderInspector.Inspect(cluster.DiskOf(1));
        Assert.True(report.IsSound);
        Assert.Equal(groups.Length, report.Decisions);
        Assert.Contains(report.Findings, finding =>
            finding.Text.Contains("is quarantined: entry", StringComparison.Ordinal));
        foreach (var group in groups)
        {
            Assert.StartsWith(
                "it was quarantined", ReplicaDiscard.Run(cluster.DiskOf(1), group, null),
                StringComparison.Ordinal);
        }

        Assert.Equal(0, FolderInspector.Inspect(cluster.DiskOf(1)).Decisions);
        cluster.Start(1);
        cluster.RunUntil(
            () => !Replicas(cluster, 1).Any(replica => replica.IsBlank), 20_000, "a filled replica");
        cluster.RunUntil(() => cluster.Status(1).Alerts.Count == 0, 20_000, "no alert");
        for (var n = 0; n < Keys; n++)
        {
            if (!groups.Contains(GroupOf(n)))
                continue;
            var read = new GetRequest { Key = Key(n), Consistency = ReadConsistency.Stale };
            Assert.Equal($"other-{n}", Encoding.UTF8.GetString(cluster.Ask(1, read).Value.Span));
        }

        // It is a replica like any other: it holds after restarts, and a majority may need it.
        cluster.Crash(1);
        cluster.Start(1);
        cluster.Crash(0);
        cluster.RunUntilReady();
        Assert.Equal("other-3", cluster.Get(1, "key-3"));
        Assert.Equal(ReplyStatus.Ok, cluster.Put(1, "key-3", "new").Status);
    }

    // Node 1 has lost what it acknowledged, and leads with 3; node 2 is back.
    private static TestCluster Contradicting()
    {
        var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        for (var n = 0; n < Keys; n++)
            Assert.Equal(ReplyStatus.Ok, cluster.Put(0, $"key-{n}", "first").Status);
        cluster.Run(1000);
        cluster.Crash(2);
        var copy = cluster.DiskOf(0).Copy();
        cluster.RunUntilReady();
        for (var n = 0; n < Keys; n++)
            Assert.Equal(ReplyStatus.Ok, cluster.Put(0, $"key-{n}", $"acknowledged-{n}").Status);
        cluster.Run(1000);
        cluster.Crash(0);
        cluster.Crash(1);
        cluster.UseDisk(0, copy);
        cluster.Start(0);
        cluster.Start(2);
        cluster.RunUntilReady();
        for (var n = 0; n < Keys; n++)
            Assert.Equal(ReplyStatus.Ok, cluster.Put(0, $"key-{n}", $"other-{n}").Status);
        cluster.Start(1);
        cluster.RunUntil(() => QuarantinedOn(cluster, 1).Length > 0, 10_000, "a quarantined replica");
        cluster.Run(5000);
        return cluster;
    }

    private static void AssertKeepsAll(TestCluster cluster, int node)
    {
        var kept = 0;
        for (var n = 0; n < Keys; n++)
        {
            var replica = Replicas(cluster, node).Single(one => one.Group == GroupOf(n));
            var value = ((Kvorum.Node.State.KeyValueMachine)replica.Machine).Get(Key(n).Span);
            var text = Encoding.UTF8.GetString(value!.Value.Value.Span);
            if (replica.IsQuarantined && text == $"acknowledged-{n}")
                kept++;
        }

        Assert.True(kept > 0, "the acknowledged values are gone");
    }

    private static Replica[] QuarantinedOn(TestCluster cluster, int node) =>
        [.. Replicas(cluster, node).Where(replica => replica.IsQuarantined)];

    private static IEnumerable<Replica> Replicas(TestCluster cluster, int node) =>
        cluster[node].Loops.SelectMany(loop => loop.Replicas).OrderBy(replica => replica.Group);

    private static uint GroupOf(int n) => 1 + KeySlot.PartitionOf(KeySlot.Of(Key(n).Span), 4);

    private static ReadOnlyMemory<byte> Key(int n) => TestCluster.Bytes($"key-{n}");
}
