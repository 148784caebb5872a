using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Loops;

/// <summary>Operators' requests on whole nodes: whichever is asked, the leader decides.</summary>
public class AdminDeskTests
{
    private const string Orders = "orders";

    [Fact]
    public void The_cluster_is_told_the_same_through_every_node()
    {
        using var cluster = Ready(3);
        cluster.Run(7000); // until all leaders have reported to the planner
        for (var node = 0; node < 3; node++)
        {
            var told = Ask(cluster, node, new ShowCluster()).Cluster!;
            Assert.Equal(["node-1", "node-2", "node-3"], told.Members.Select(static one => one.Name));
            Assert.All(told.Members, static one => Assert.Equal(
                ("active", "up", 4), (one.Status, one.State, one.Replicas)));
            Assert.Equal(4, told.Members.Sum(static one => one.Leaders));
            Assert.Equal($"node-{1 + MetaLeader(cluster)}", told.Leader);
            Assert.Equal(told.Leader, told.ToldBy);
            Assert.Equal((4, 4), (told.Keyspaces[0].Partitions, told.Keyspaces[0].AtTarget));
            Assert.Equal(5, told.Limits!.MovesMax);
            Assert.Empty(told.Moves);
        }
    }

    [Fact]
    public void A_change_is_answered_when_it_is_decided_and_told_as_an_event()
    {
        using var cluster = Ready(3);
        var follower = (MetaLeader(cluster) + 1) % 3;
        var made = Ask(cluster, follower, new CreateKeyspace(Orders) { Partitions = 8, Replicas = 3 });
        Assert.Equal(
            (ReplyStatus.Ok, "keyspace 'orders' has 8 partitions of 3 replicas"),
            (made.Status, made.Message));
        var map = cluster[MetaLeader(cluster)].Map;
        Assert.Equal(8, map.Keyspaces.Single(static one => one.Name == Orders).Partitions.Count);
        Assert.Contains(
            cluster.Notes, note => note.EndsWith(
                $"decided through node-{1 + follower}: {made.Message}", StringComparison.Ordinal));
        var again = Ask(cluster, follower, new CreateKeyspace(Orders) { Partitions = 8, Replicas = 3 });
        Assert.Equal(ReplyStatus.Ok, again.Status);
        Assert.Contains("there before", again.Message, StringComparison.Ordinal);
        var other = Ask(cluster, follower, new CreateKeyspace(Orders) { Partitions = 9 });
        Assert.Equal(ReplyStatus.ConditionFailed, other.Status);
        Assert.Equal(ReplyStatus.Ok, Ask(cluster, 0, new DropKeyspace(Orders)).Status);
        var left = Ask(cluster, 1, new ShowCluster()).Cluster!.Keyspaces;
        Assert.Equal([KeyspaceName.Default], left.Select(static one => one.Name));
    }

    /// <summary>
    /// Others have decided otherwise, and it has not heard of that: <c>./sim --seed 956001371 --swarm</c>.
    /// </summary>
    [Fact]
    public void A_leader_that_leads_no_more_does_not_say_that_a_change_was_made_before()
    {
        using var cluster = Ready(3);
        Assert.Equal(
            ReplyStatus.Ok, Ask(cluster, 0, new CreateKeyspace(Orders) { Partitions = 8 }).Status);
        var former = MetaLeader(cluster);
        var cut = cluster.IdOf(former);
        cluster.Network.Passes = (from, to, _, _) => from != cut && to != cut;
        var other = (former + 1) % 3;
        cluster.RunUntil(
            () => cluster.Leaders().Any(replica => replica.Group.IsMetadata && replica.Raft.Id != cut),
            10_000, "another leader");
        Assert.Equal(ReplyStatus.Ok, Ask(cluster, other, new DropKeyspace(Orders)).Status);
        Assert.Contains(
            cluster.Leaders(), replica => replica.Group.IsMetadata && replica.Raft.Id == cut);
        AdminReply? reply = null;
        cluster[former].Administer(
            new CreateKeyspace(Orders) { Partitions = 8 }, TimeSpan.FromSeconds(10), told => reply = told);
        cluster.Run(100);
        cluster.Network.Passes = static (_, _, _, _) => true;
        cluster.RunUntil(() => reply is not null, 11_000, "an answer");
        Assert.Equal(ReplyStatus.Ok, reply!.Status);
        Assert.DoesNotContain("before", reply.Message, StringComparison.Ordinal);
        cluster.RunUntil(
            () => cluster[other].Map.Keyspaces.Any(static one => one.Name == Orders), 1000, "the keyspace");
    }

    [Fact]
    public void A_dry_run_changes_nothing_and_says_what_stands_in_the_way()
    {
        using var cluster = Ready(3);
        cluster.Run(7000);
        var version = cluster[0].Map.Version;
        var dry = Ask(cluster, 0, new ChangeMember("node-2", MemberWish.Decommission) { DryRun = true });
        Assert.True(dry.DryRun);
        Assert.Equal(ReplyStatus.Ok, dry.Status);
        Assert.Contains(
            "too few nodes: keyspace 'default' keeps 3 replicas, 2 nodes remain", Assert.Single(dry.Reasons),
            StringComparison.Ordinal);
        Assert.Contains("refused without force", dry.Message, StringComparison.Ordinal);
        var wet = Ask(cluster, 1, new ChangeMember("node-2", MemberWish.Decommission));
        Assert.Equal(ReplyStatus.ConditionFailed, wet.Status);
        Assert.Equal(version, cluster[0].Map.Version);
        var forced = Ask(cluster, 1, new ChangeMember("node-2", MemberWish.Drain) { Force = true });
        Assert.Equal(ReplyStatus.Ok, forced.Status);
        Assert.Equal("draining", Ask(cluster, 2, new ShowCluster()).Cluster!.Members[1].Status);
        Assert.Equal(ReplyStatus.Ok, Ask(cluster, 1, new ChangeMember("node-2", MemberWish.Undrain)).Status);
    }

    [Fact]
    public void Limits_change_one_by_one_and_last()
    {
        using var cluster = Ready(3);
        var changed = Ask(cluster, 0, new ChangeLimits { MovesMax = 7, Paused = true });
        Assert.Equal(
            (7, true, 100), (changed.Limits!.MovesMax, changed.Limits.Paused, changed.Limits.BatchSize));
        var patience = TimeSpan.FromSeconds(5);
        AdminReply? one = null, other = null;
        cluster[1].Administer(new ChangeLimits { BatchSize = 5 }, patience, reply => one = reply);
        cluster[2].Administer(new ChangeLimits { GraceMs = 9000 }, patience, reply => other = reply);
        cluster.RunUntil(() => one is not null && other is not null, what: "both answers");
        var limits = Ask(cluster, 2, new ShowCluster()).Cluster!.Limits!;
        Assert.Equal((7, 5, 9000), (limits.MovesMax, limits.BatchSize, limits.GraceMs));
    }

    [Fact]
    public void A_partition_gets_the_leader_that_is_asked_for_and_keeps_it()
    {
        using var cluster = Ready(3);
        cluster.Run(7000);
        var before = Partition(cluster, 2);
        var to = before.Voters.First(name => name != before.Leader);
        var reply = Ask(cluster, 1, new TransferLeadership(KeyspaceName.Default, 2, to));
        Assert.Equal((ReplyStatus.Ok, $"{to} leads partition 2"), (reply.Status, reply.Message));
        cluster.Run(3000);
        Assert.Equal(to, Partition(cluster, 2).Leader);
        Assert.Equal(ReplyStatus.Ok, Ask(cluster, 1, new TransferLeadership(KeyspaceName.Default, 2)).Status);
        Assert.NotEqual(to, Partition(cluster, 2).Leader);
    }

    [Fact]
    public void A_key_is_located_by_any_node()
    {
        using var cluster = Ready(3);
        for (var node = 0; node < 3; node++)
        {
            AdminReply? reply = null;
            var asked = new LocateKey(KeyspaceName.Default, "k"u8.ToArray());
            cluster[node].Administer(asked, TimeSpan.FromSeconds(1), found => reply = found);
            Assert.Equal(KeySlot.Of("k"u8), reply!.Location!.Slot);
            Assert.Equal($"node-{1 + cluster.LeaderOf("k")}", reply.Location.Leader);
            Assert.Equal(3, reply.Location.Replicas.Count);
        }
    }

    [Fact]
    public void Without_a_leader_a_node_tells_what_it_knows_and_changes_nothing()
    {
        using var cluster = Ready(3);
        cluster.Crash(1);
        cluster.Crash(2);
        cluster.Run(5000);
        var told = Ask(cluster, 0, new ShowCluster()).Cluster!;
        Assert.Equal(("", "node-1"), (told.Leader, told.ToldBy));
        Assert.Contains(
            "the metadata group has no majority: of its voters", told.Reason, StringComparison.Ordinal);
        Assert.Equal(["up", "down", "down"], told.Members.Select(static one => one.State));
        var change = Ask(cluster, 0, new ChangeLimits { MovesMax = 7 });
        Assert.Contains(change.Status, new[] { ReplyStatus.Unavailable, ReplyStatus.OutcomeUnknown });
    }

    /// <summary>The outcome of a change whose answer is lost is unknown, and said to be.</summary>
    [Fact]
    public void A_lost_answer_is_no_answer()
    {
        using var cluster = Ready(3);
        var (leader, asked) = (MetaLeader(cluster), (MetaLeader(cluster) + 1) % 3);
        cluster.Network.Passes = static (_, _, kind, _) => kind != PeerFrameKind.AdminReply;
        var reply = Ask(cluster, asked, new ChangeLimits { MovesMax = 7 }, 2000);
        Assert.Equal(ReplyStatus.OutcomeUnknown, reply.Status);
        Assert.Contains("kvorum cluster show", reply.Message, StringComparison.Ordinal);
        cluster.Network.Passes = static (_, _, _, _) => true;
        Assert.Equal(7, Ask(cluster, leader, new ShowCluster()).Cluster!.Limits!.MovesMax);
    }

    /// <summary>A leader that was lost meanwhile is no reason to give up: nothing was done.</summary>
    [Fact]
    public void A_request_waits_for_the_next_leader()
    {
        using var cluster = Ready(3);
        var leader = MetaLeader(cluster);
        cluster.Crash(leader);
        AdminReply? reply = null;
        cluster[(leader + 1) % 3].Administer(
            new ChangeLimits { MovesMax = 7 }, TimeSpan.FromSeconds(10), found => reply = found);
        cluster.RunUntil(() => reply is not null, 12_000, "an answer");
        Assert.Equal(ReplyStatus.Ok, reply!.Status);
    }

    [Fact]
    public void A_node_that_stops_answers_what_it_has_under_way()
    {
        using var cluster = Ready(3);
        var asked = (MetaLeader(cluster) + 1) % 3;
        cluster.Network.Passes = static (_, _, kind, _) => kind != PeerFrameKind.AdminReply;
        AdminReply? change = null, question = null;
        cluster[asked].Administer(
            new ChangeLimits { MovesMax = 7 }, TimeSpan.FromMinutes(1), found => change = found);
        cluster[asked].Administer(new ShowCluster(), TimeSpan.FromMinutes(1), found => question = found);
        cluster.Run(200);
        Assert.Null(change);
        var isDone = false;
        cluster[asked].BeginShutdown(TimeSpan.FromSeconds(5), () => isDone = true);
        cluster.RunUntil(() => isDone, what: "the end");
        Assert.Equal(
            (ReplyStatus.OutcomeUnknown, ReplyStatus.ShuttingDown), (change!.Status, question!.Status));
        Assert.Equal(
            ReplyStatus.ShuttingDown, Ask(cluster, asked, new ChangeLimits { MovesMax = 7 }).Status);
    }

    [Theory]
    [InlineData(MemberWish.Drain, "nobody", ReplyStatus.InvalidArgument,
        "no member 'nobody': the members are node-1, node-2, node-3")]
    [InlineData(MemberWish.Replace, "node-2", ReplyStatus.ConditionFailed,
        "node-2 answers, so its data is not lost")]
    [InlineData(MemberWish.Undrain, "node-2", ReplyStatus.Ok, "that was so before")]
    public void What_cannot_be_says_why(MemberWish wish, string member, ReplyStatus status, string words)
    {
        using var cluster = Ready(3);
        var reply = Ask(cluster, 0, new ChangeMember(member, wish));
        Assert.Equal(status, reply.Status);
        Assert.Contains(words, reply.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_asked_wrongly_says_what_and_changes_nothing()
    {
        using var cluster = Ready(1);
        var version = cluster[0].Map.Version;
        (AdminRequest Request, ReplyStatus Status, string Words)[] wrong =
        [
            (new CreateKeyspace(""), ReplyStatus.InvalidArgument, "cannot be the name of a keyspace"),
            (new CreateKeyspace("a b"), ReplyStatus.InvalidArgument, "'a b' cannot be the name"),
            (new CreateKeyspace(new('x', 65)), ReplyStatus.InvalidArgument, "it has 1 to 64 letters"),
            (new CreateKeyspace("system"), ReplyStatus.InvalidArgument, "the metadata group's"),
            (new CreateKeyspace("a") { Partitions = 0 }, ReplyStatus.InvalidArgument, "give 1 to 4096"),
            (new CreateKeyspace("a") { Replicas = 16 }, ReplyStatus.InvalidArgument, "give 1 to 15"),
            (new AlterKeyspace("a", 3), ReplyStatus.UnknownKeyspace, "no keyspace 'a': there is 'default'"),
            (new AlterKeyspace("system", 3), ReplyStatus.InvalidArgument, "has a replica on every member"),
            (new DropKeyspace(KeyspaceName.Default), ReplyStatus.InvalidArgument, "every cluster has it"),
            (new DropKeyspace("system"), ReplyStatus.InvalidArgument, "cannot be dropped"),
            (new DropKeyspace("a"), ReplyStatus.UnknownKeyspace, "no keyspace 'a'"),
            (new TransferLeadership("a", 0), ReplyStatus.UnknownKeyspace, "there is 'default', 'system'"),
            (new TransferLeadership("system", 1), ReplyStatus.InvalidArgument, "it has 0 to 0"),
            (new TransferLeadership(KeyspaceName.Default, 4), ReplyStatus.InvalidArgument, "it has 0 to 3"),
            (new TransferLeadership("system", 0, "x"), ReplyStatus.InvalidArgument, "no member 'x'"),
            (new TransferLeadership(KeyspaceName.Default, 0), ReplyStatus.ConditionFailed, "no other voter"),
            (new ShowPartitions("a"), ReplyStatus.UnknownKeyspace, "no keyspace 'a'"),
            (new LocateKey("a", [1]), ReplyStatus.UnknownKeyspace, "no keyspace 'a'"),
            (new LocateKey(KeyspaceName.Default, []), ReplyStatus.InvalidArgument, "the key has 0 bytes"),
            (new ChangeLimits(), ReplyStatus.InvalidArgument, "no limit is named"),
        ];
        foreach (var (request, status, words) in wrong)
        {
            var reply = Ask(cluster, 0, request);
            Assert.Equal((request, status), (request, reply.Status));
            Assert.Contains(words, reply.Message, StringComparison.Ordinal);
        }

        Assert.Equal(version, cluster[0].Map.Version);
    }

    [Fact]
    public void A_member_is_named_by_its_uuid_too()
    {
        using var cluster = Ready(3);
        var uuid = ClusterIdentity.ToGuid(cluster.IdOf(1).Value);
        Assert.Equal(
            ReplyStatus.Ok,
            Ask(cluster, 0, new ChangeMember($"node-{uuid}", MemberWish.Drain) { Force = true }).Status);
        Assert.Equal(ReplyStatus.Ok, Ask(cluster, 0, new ChangeMember($"{uuid}", MemberWish.Undrain)).Status);
    }

    [Fact]
    public void A_member_that_is_down_is_declared_lost()
    {
        using var cluster = Ready(3);
        var lost = Enumerable.Range(0, 3).First(node => node != MetaLeader(cluster));
        cluster.Crash(lost);
        cluster.Run(2000);
        var asked = Enumerable.Range(0, 3).First(node => node != lost);
        var reply = Ask(cluster, asked, new ChangeMember($"node-{1 + lost}", MemberWish.Replace), 10_000);
        Assert.Equal(ReplyStatus.Ok, reply.Status);
    }

    [Fact]
    public void A_member_that_leaves_is_emptied_and_removed_where_others_can_take_what_it_has()
    {
        using var cluster = Ready(4);
        cluster.Run(7000);
        var leaving = (MetaLeader(cluster) + 1) % 4;
        var asked = (leaving + 1) % 4;
        var name = $"node-{1 + leaving}";
        var dry = Ask(cluster, asked, new ChangeMember(name, MemberWish.Decommission) { DryRun = true });
        Assert.Equal((ReplyStatus.Ok, true), (dry.Status, dry.Reasons.Count == 0));
        var reply = Ask(cluster, asked, new ChangeMember(name, MemberWish.Decommission));
        Assert.Equal(ReplyStatus.Ok, reply.Status);
        cluster.RunUntil(
            () => Ask(cluster, asked, new ShowCluster()).Cluster!.Members.All(one => one.Name != name),
            120_000, "the removal");
    }

    private static TestCluster Ready(int nodes)
    {
        var cluster = new TestCluster(nodes);
        cluster.RunUntilReady();
        cluster.Run(500);
        return cluster;
    }

    private static PartitionReport Partition(TestCluster cluster, int partition) =>
        Ask(cluster, 0, new ShowPartitions()).Partitions![partition];

    private static int MetaLeader(TestCluster cluster) => Enumerable.Range(0, cluster.Count)
        .First(node => cluster.IsRunning(node) && cluster.Status(node).IsMetaLeader);

    private static AdminReply Ask(TestCluster cluster, int node, AdminRequest request, int timeoutMs = 5000)
    {
        AdminReply? reply = null;
        cluster[node].Administer(request, TimeSpan.FromMilliseconds(timeoutMs), found =>
        {
            Assert.Null(reply);
            reply = found;
        });
        cluster.RunUntil(() => reply is not null, timeoutMs + 1000, $"an answer to {request}");
        return reply!;
    }
}
