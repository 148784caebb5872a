using System.Text;
using Kvorum.Node;
using Kvorum.Node.Inspection;
using Kvorum.Node.Loops;
using Kvorum.Node.Replicas;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>
/// Twenty keys are acknowledged on nodes 1 and 2 while 3 is down. Then node 1 forgets them, 1 and 3 write
/// other values, and 2 returns: nothing is lost in silence, and an operator decides which side counts.
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
            Assert.Contains(status.HealthIssues, issue => issue.Contains(
                $"{replica.Identity}: this node's replica is quarantined",
                StringComparison.Ordinal));
        }

        // It answers no read itself, not even a stale one: another node does.
        for (var n = 0; n < Keys; n++)
        {
            var read = new GetRequest { Key = Key(n), Consistency = ReadConsistency.Stale };
            var reply = cluster.Ask(1, read);
            Assert.Equal(ReplyStatus.Ok, reply.Status);
            Assert.Equal($"other-{n}", Encoding.UTF8.GetString(reply.Value.Span));
        }

        Assert.Null(cluster.FatalOf(1));
        AssertKeepsAll(cluster, 1);
    }

    [Fact]
    public void An_old_copy_of_a_folder_is_never_passed_over_in_silence()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        PutAll(cluster, _ => "first");
        cluster.Run(1000);
        cluster.Crash(2);
        var copy = cluster.DiskOf(0).Copy();
        cluster.RunUntilReady();
        PutAll(cluster, n => $"acknowledged-{n}");
        cluster.Run(1000);
        cluster.Crash(0);
        cluster.Crash(1);
        cluster.UseDisk(0, copy);
        cluster.Start(0);
        cluster.Start(2);
        cluster.RunUntilReady();
        PutAll(cluster, n => $"other-{n}");
        cluster.Start(1);
        cluster.Run(30_000);
        // Leaders of two folders led one term in some partitions: terms do not tell there, hashes do.
        var groups = Enumerable.Range(0, Keys).Select(GroupOf).ToHashSet();
        Assert.Superset(groups, QuarantinedOn(cluster, 1).Select(replica => replica.Group).ToHashSet());
        Assert.NotEmpty(cluster.Status(1).HealthIssues);
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
        foreach (var loop in new[] { 0, 2, 1 }.SelectMany(node => cluster[node].Loops))
            loop.Post(new LoopEvent.Deferred(() => CheckpointAll(loop)));
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
                "it was quarantined", ReplicaDiscard.Run(cluster.DiskOf(1), ChoiceOf(group), null)[0].Was,
                StringComparison.Ordinal);
        }

        Assert.Equal(0, FolderInspector.Inspect(cluster.DiskOf(1)).Decisions);
        cluster.Start(1);
        cluster.RunUntil(
            () => !Replicas(cluster, 1).Any(replica => replica.IsBlank), 20_000, "a filled replica");
        cluster.RunUntil(() => cluster.Status(1).HealthIssues.Count == 0, 20_000, "no alert");
        for (var n = 0; n < Keys; n++)
        {
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

    [Fact]
    public void The_smaller_side_is_kept_if_the_others_are_discarded_for_it()
    {
        using var cluster = Contradicting();
        var groups = QuarantinedOn(cluster, 1).Select(replica => replica.Group).ToArray();
        foreach (var node in new[] { 0, 2 })
        {
            cluster.Crash(node);
            foreach (var group in groups)
                ReplicaDiscard.Run(cluster.DiskOf(node), ChoiceOf(group), cluster.IdOf(1));
            cluster.Start(node);
            Assert.Equal(
                groups, Replicas(cluster, node).Where(one => one.IsBlank).Select(one => one.Group));
        }

        cluster.RunUntil(() => QuarantinedOn(cluster, 1).Length == 0, 20_000, "the end of the quarantine");
        cluster.RunUntil(
            () => Enumerable.Range(0, 3).All(node => cluster.Status(node).HealthIssues.Count == 0), 40_000,
            "no alert");
        for (var n = 0; n < Keys; n++)
        {
            Assert.Equal($"acknowledged-{n}", cluster.Get(n % 3, $"key-{n}"));
            Assert.Equal(ReplyStatus.Ok, cluster.Put(n % 3, $"key-{n}", $"new-{n}").Status);
        }

        // All of it lasts, and any two are enough.
        for (var node = 0; node < 3; node++)
            cluster.Crash(node);
        cluster.Start(0);
        cluster.Start(2);
        cluster.RunUntilReady();
        for (var n = 0; n < Keys; n++)
            Assert.Equal($"new-{n}", cluster.Get(0, $"key-{n}"));
    }

    [Fact]
    public void A_blank_replica_does_not_make_a_leader_of_another_than_the_one_kept()
    {
        using var cluster = Contradicting();
        cluster.Crash(0);
        cluster.Crash(2);
        foreach (var replica in Replicas(cluster, 1))
            ReplicaDiscard.Run(cluster.DiskOf(0), ChoiceOf(replica.Group), null);
        cluster.Start(0);
        cluster.Start(2);
        cluster.Run(15_000);
        // Node 2 is quarantined, and node 1 votes for nobody: what 3 has, it cannot lead with alone.
        var group = QuarantinedOn(cluster, 1)[0].Group;
        Assert.Equal("", cluster.Status(2).Partitions.Single(one => one.Group == group).Leader);
        Assert.Equal("blank", cluster.Status(0).Partitions.Single(one => one.Group == group).Role);
    }

    [Fact]
    public void Where_no_majority_agrees_both_sides_are_quarantined()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Put(0, "key-0", "value");
        cluster.Run(1000);
        cluster.Crash(2);
        // A memory that flips a bit, between the network and the state machine.
        Forge(cluster, 1, GroupOf(0));
        cluster.RunUntil(
            () => QuarantinedOn(cluster, 0).Length == 1 && QuarantinedOn(cluster, 1).Length == 1, 20_000,
            "a quarantine on both nodes");
        var reply = cluster.Ask(0, new GetRequest { Key = Key(0) });
        Assert.Equal(ReplyStatus.Unavailable, reply.Status);
        Assert.Contains("the hash of what is committed up to", reply.Message, StringComparison.Ordinal);
        Assert.All([0, 1], node => Assert.Null(cluster.FatalOf(node)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void One_of_three_that_differs_is_quarantined_though_the_group_rests_and_it_leads(bool isLeader)
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Put(0, "key-0", "value");
        cluster.Run(10_000);
        var leader = cluster.LeaderOf("key-0");
        var node = isLeader ? leader : (leader + 1) % 3;
        Assert.All(Replicas(cluster, node), replica => Assert.True(replica.Raft.IsQuiescent));
        Forge(cluster, node, GroupOf(0));
        cluster.RunUntil(() => QuarantinedOn(cluster, node).Length == 1, 20_000, "a quarantine");
        for (var n = 0; n < 3; n++)
            Assert.Equal("value", cluster.Get(n, "key-0"));
        Assert.Equal(ReplyStatus.Ok, cluster.Put(node, "key-0", "new").Status);
        cluster.Run(20_000);
        for (var n = 0; n < 3; n++)
        {
            Assert.Equal(n == node ? 1 : 0, QuarantinedOn(cluster, n).Length);
            Assert.Contains(cluster.Status(n).HealthIssues, issue => issue.Contains(
                n == node
                    ? "this node's replica is quarantined" : $"the replica on node-{node + 1} contradicts",
                StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Replicas_that_are_equal_are_never_quarantined_though_one_is_behind_or_filled_by_a_snapshot()
    {
        using var cluster = new TestCluster(
            3, options => options with { CheckpointLogBytes = 8_000, TrailingLogBytes = 0 });
        cluster.RunUntilReady();
        for (var n = 0; n < 300; n++)
        {
            if (n % 100 == 0)
                cluster.Crash(n / 100);
            cluster.Put((n / 100 + 1) % 3, $"key-{n}", new string('v', 300));
            if (n % 100 == 99)
                cluster.Start(n / 100);
        }

        cluster.Run(15_000);
        Assert.True(cluster.Network.Delivered[Kvorum.Node.PeerFrameKind.Digest] > 6);
        Assert.All([0, 1, 2], node => Assert.Empty(cluster.Status(node).HealthIssues));
        Assert.All([0, 1, 2], node => Assert.Empty(QuarantinedOn(cluster, node)));
    }

    // From now on its history is not that of the others.
    private static void Forge(TestCluster cluster, int node, GroupId group)
    {
        var replica = Replicas(cluster, node).Single(one => one.Group == group);
        var mark = replica.History.Mark;
        replica.History.Reset(mark with { Hash = mark.Hash ^ 1 });
    }

    private static void PutAll(TestCluster cluster, Func<int, string> value)
    {
        for (var n = 0; n < Keys; n++)
            Assert.Equal(ReplyStatus.Ok, cluster.Put(0, $"key-{n}", value(n)).Status);
    }

    // Node 1 has given up what it acknowledged for the sake of 3, which never had it; node 2 is back.
    private static TestCluster Contradicting()
    {
        var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        PutAll(cluster, _ => "first");
        cluster.Run(1000);
        cluster.Crash(2);
        cluster.RunUntilReady();
        PutAll(cluster, n => $"acknowledged-{n}");
        cluster.Run(1000);
        cluster.Crash(0);
        cluster.Crash(1);
        ReplicaDiscard.Run(cluster.DiskOf(0), ReplicaChoice.All, cluster.IdOf(2));
        cluster.Start(0);
        cluster.Start(2);
        cluster.RunUntilReady();
        PutAll(cluster, n => $"other-{n}");
        cluster.Start(1);
        cluster.RunUntil(() => QuarantinedOn(cluster, 1).Length > 0, 10_000, "a quarantined replica");
        cluster.Run(20_000);
        var groups = Enumerable.Range(0, Keys).Select(GroupOf).ToHashSet();
        Assert.Superset(groups, QuarantinedOn(cluster, 1).Select(replica => replica.Group).ToHashSet());
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

    private static void CheckpointAll(NodeLoop loop)
    {
        foreach (var replica in loop.RaftReplicas)
            replica.Store.Checkpoint();
    }

    private static RaftReplica[] QuarantinedOn(TestCluster cluster, int node) =>
        [.. Replicas(cluster, node).Where(replica => replica.IsQuarantined)];

    private static IEnumerable<RaftReplica> Replicas(TestCluster cluster, int node) =>
        cluster[node].Loops.SelectMany(loop => loop.RaftReplicas).OrderBy(replica => replica.Group);

    private static ReplicaChoice ChoiceOf(GroupId group) => group.IsMetadata
        ? ReplicaChoice.Metadata : new(KeyspaceName.Default, new(group.Value - 1));

    private static GroupId GroupOf(int n) => new(1 + KeySlot.PartitionOf(KeySlot.Of(Key(n).Span), 4));

    private static ReadOnlyMemory<byte> Key(int n) => TestCluster.Bytes($"key-{n}");
}
