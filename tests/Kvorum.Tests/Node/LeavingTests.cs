using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Node.State;
using Kvorum.Raft;
using Kvorum.Raft.Membership;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>Members that are emptied, leave, or are lost, and what comes back of them.</summary>
public class LeavingTests
{
    [Fact]
    public void A_removed_node_that_comes_back_is_not_heard_and_joins_only_with_an_empty_disk()
    {
        using var cluster = new TestCluster(3, others: 1);
        cluster.RunUntilReady();
        cluster.PutAll(0, "first");
        cluster.Start(3);
        cluster.RunUntil(() => cluster.Names(0).Length == 4, 20_000, "the fourth member");
        cluster.RunUntilReady();
        var leaving = cluster.IdOf(3);
        cluster.Demand(0, new ChangeMember("node-4", MemberWish.Decommission));
        cluster.RunUntil(() => cluster.Names(0).Length == 3, 120_000, "the removal");
        cluster.RunUntil(() => cluster.HasVoters([0, 1, 2]), 60_000, "voters on the others");
        cluster.Crash(3);
        cluster.Start(3);
        cluster.Run(10_000);
        // It does nothing, and nobody hears it.
        Assert.Equal(["node-1", "node-2", "node-3"], cluster.Names(0));
        Assert.DoesNotContain(cluster.Leaders(), replica => replica.Raft.Id == leaving);
        Assert.True(cluster.HasVoters([0, 1, 2]));
        Assert.False(cluster.Status(3).IsReady);
        Assert.Contains("no member", cluster.Status(3).NotReadyReason, StringComparison.Ordinal);
        cluster.PutAll(1, "second");
        cluster.Wipe(3);
        cluster.Start(3);
        cluster.RunUntil(() => cluster.Names(0).Length == 4, 20_000, "the new member");
        Assert.NotEqual(leaving, cluster.IdOf(3));
        cluster.RunUntilReady();
        cluster.CheckAll(3, "second");
    }

    /// <summary>A member that is emptied holds nothing, still answers, and gets its share again.</summary>
    [Fact]
    public void A_drained_member_comes_back_to_what_it_had_deleted()
    {
        using var cluster = new TestCluster(4);
        cluster.RunUntilReady();
        cluster.PutAll(0, "first");
        var had = cluster.Folders(3);
        Assert.NotEmpty(had);
        cluster.Demand(0, new ChangeMember("node-4", MemberWish.Drain));
        cluster.RunUntil(() => cluster.Folders(3).Length == 0, 120_000, "an empty member");
        Assert.True(cluster.HasReplicas(3));
        Assert.Equal(4, cluster.Names(0).Length);
        cluster.PutAll(3, "second");
        // What it has deleted stays deleted, and the record of it stays, over a restart.
        cluster.Crash(3);
        cluster.Start(3);
        cluster.RunUntilReady();
        cluster.RunUntil(() => cluster.Folders(3).Length == 0, 20_000, "an empty member again");
        cluster.Demand(0, new ChangeMember("node-4", MemberWish.Undrain));
        cluster.RunUntil(
            () => cluster.Folders(3).Length == 3 && cluster.HasReplicas(3), 120_000, "its share");
        Assert.NotEmpty(had.Intersect(cluster.Folders(3)));
        cluster.RunUntilReady();
        cluster.CheckAll(3, "second");
        cluster.Crash(0);
        cluster.RunUntilReady();
        cluster.CheckAll(3, "second");
    }

    /// <summary>
    /// At rest it asks nothing, and is told nothing: <c>./sim --seed 7033 --quorums</c> found such a replica.
    /// </summary>
    [Fact]
    public void A_replica_at_rest_that_missed_its_removal_goes()
    {
        using var cluster = new TestCluster(5);
        cluster.RunUntilReady();
        cluster.PutAll(0, "first");
        cluster.Run(10_000);
        // Who leads must hear of it.
        var one = Enumerable.Range(0, 5).First(node => cluster[node].Loops
            .SelectMany(static loop => loop.RaftReplicas).All(static replica => !replica.IsLeader));
        var drained = cluster.IdOf(one);
        Assert.NotEmpty(cluster.Folders(one));
        cluster.Network.Passes = (_, to, kind, _) => to != drained || kind != PeerFrameKind.Raft;
        cluster.Demand(one == 0 ? 1 : 0, new ChangeMember($"node-{one + 1}", MemberWish.Drain));
        cluster.RunUntil(
            () => cluster.Leaders().Where(static replica => !replica.Group.IsMetadata)
                .All(replica => !replica.Raft.Configuration.HasMember(drained)),
            120_000, "replicas on the others");
        Assert.Contains(
            cluster[one].Loops.SelectMany(static loop => loop.RaftReplicas),
            static replica => replica.Raft.IsQuiescent && !replica.Group.IsMetadata);
        cluster.Network.Passes = static (_, _, _, _) => true;
        cluster.RunUntil(() => cluster.Folders(one).Length == 0, 60_000, "an empty member");
    }

    /// <summary>All members that it knows are gone: <c>./sim --seed 951000290 --swarm</c>.</summary>
    [Fact]
    public void A_replica_that_missed_the_removal_of_all_that_it_knows_goes()
    {
        using var cluster = new TestCluster(6, static options => options with { PartitionCount = 1 });
        cluster.RunUntilReady();
        cluster.PutAll(0, "first");
        cluster.Run(10_000);
        var holders = Enumerable.Range(0, 6).Where(node => cluster.Folders(node).Length > 0).ToArray();
        Assert.Equal(3, holders.Length);
        // The leader must hear of its own removal.
        var one = holders.First(node => cluster[node].Loops
            .SelectMany(static loop => loop.RaftReplicas).All(static replica => !replica.IsLeader));
        var drained = cluster.IdOf(one);
        var desk = Enumerable.Range(0, 6).Except(holders).First();
        cluster.Network.Passes = (_, to, kind, _) => to != drained || kind != PeerFrameKind.Raft;
        foreach (var node in holders.Order().OrderBy(node => node != one))
        {
            cluster.Demand(desk, new ChangeMember($"node-{node + 1}", MemberWish.Drain));
            var gone = cluster.IdOf(node);
            cluster.RunUntil(
                () => cluster.Leaders().Any(static replica => !replica.Group.IsMetadata)
                    && cluster.Leaders().Where(static replica => !replica.Group.IsMetadata)
                        .All(replica => !replica.Raft.Configuration.HasMember(gone)),
                120_000, "replicas on the others");
        }

        cluster.RunUntil(
            () => holders.All(node => node == one || cluster.Folders(node).Length == 0),
            60_000, "two empty members");
        Assert.NotEmpty(cluster.Folders(one));
        cluster.Network.Passes = static (_, _, _, _) => true;
        cluster.RunUntil(() => cluster.Folders(one).Length == 0, 60_000, "an empty member");
    }

    /// <summary>
    /// The leader of its group has decided that it goes, and dies with that: the next one counts on it.
    /// Removed by then, it was missed by a group that had lost another node:
    /// <c>./sim --seed 943000633 --swarm</c>.
    /// </summary>
    [Fact]
    public void A_member_that_leaves_is_not_removed_while_a_change_without_it_is_not_committed()
    {
        using var cluster = new TestCluster(5, static options => options with { PartitionCount = 1 });
        cluster.RunUntilReady();
        cluster.PutAll(0, "first");
        var group = cluster.Leaders().Single(static replica => !replica.Group.IsMetadata);
        var metadata = cluster.Leaders().Single(static replica => replica.Group.IsMetadata).Raft.Id;
        NodeId[] others = [.. group.Raft.Configuration.Voters
            .Where(node => node != group.Raft.Id && node != metadata)];
        var (leaves, dies) = (others[0], others.Length > 1 ? others[1] : metadata);
        var leaving = Enumerable.Range(0, 5).First(node => cluster.IdOf(node) == leaves);
        cluster.Network.Passes = (from, _, kind, bytes) => kind != PeerFrameKind.Raft
            || (from != leaves && from != dies) || !group.Raft.Configuration.IsJoint;
        cluster.Demand(0, new ChangeMember($"node-{leaving + 1}", MemberWish.Decommission));
        cluster.RunUntil(() => group.Raft.Configuration.IsJoint, 60_000, "the change");
        cluster.Run(20_000);
        Assert.Equal(5, cluster.Names(leaving == 0 ? 1 : 0).Length);
        cluster.Network.Passes = static (_, _, _, _) => true;
        cluster.RunUntil(() => cluster.Names(leaving == 0 ? 1 : 0).Length == 4, 120_000, "the removal");
        cluster.CheckAll(leaving == 0 ? 1 : 0, "first");
    }

    /// <summary>Also with a process that still runs, and does not know that it is declared lost.</summary>
    [Fact]
    public void A_lost_member_is_not_heard_any_more()
    {
        using var cluster = new TestCluster(4);
        cluster.RunUntilReady();
        cluster.PutAll(0, "first");
        var lost = cluster.IdOf(3);
        cluster.RunUntil(
            () =>
            {
                for (var node = 0; node < 4; node++)
                    cluster[node].ChangeMember(lost, MemberStatus.Lost);
                return cluster.Names(0).Length == 3;
            },
            20_000, "a lost member");
        cluster.RunUntil(() => cluster.HasVoters([0, 1, 2]), 120_000, "voters on the others");
        Assert.DoesNotContain(cluster.Network.PeersOf(cluster.IdOf(0)), peer => peer.Id == lost);
        cluster.PutAll(0, "second");
        cluster.Run(5000);
        Assert.True(cluster.HasVoters([0, 1, 2]));
        cluster.CheckAll(1, "second");
    }
}
