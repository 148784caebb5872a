using Kvorum.Node.Administration;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Membership;

/// <summary>A member that was away finds its cluster again, whoever has come and left meanwhile.</summary>
public class MemberSearchTests
{
    /// <summary>All that it knows have left: only nodes that it does not know dial it, and it refuses them.
    /// </summary>
    [Fact]
    public void A_member_whose_known_members_have_all_left_asks_the_nodes_that_dial_it()
    {
        using var cluster = Grown();
        cluster.Demand(3, new ChangeMember("node-1", MemberWish.Decommission));
        cluster.Demand(3, new ChangeMember("node-2", MemberWish.Decommission));
        cluster.RunUntil(() => cluster.Names(3).Length == 4, 300_000, "two members less");
        cluster.Crash(0);
        cluster.Crash(1);
        cluster.PutAll(3, "second");
        cluster.Start(2);
        Assert.Equal(["node-1", "node-2", "node-3"], cluster.Names(2));
        cluster.RunUntil(() => cluster.Names(2).SequenceEqual(cluster.Names(3)), 20_000, "the members");
        cluster.RunUntilReady();
        cluster.CheckAll(2, "second");
        Assert.Single(
            cluster.Notes, static note => note.Contains("they have changed", StringComparison.Ordinal));
    }

    /// <summary>
    /// It knows members, and none that leads: <c>./sim --seed 7033 --quorums</c> found that the node stayed
    /// as it was, and gave leadership away that was given back at once, for ever.
    /// </summary>
    [Fact]
    public void A_member_that_does_not_know_the_leader_asks_those_that_it_knows()
    {
        using var cluster = Grown();
        cluster.Demand(3, new ChangeMember("node-1", MemberWish.Drain));
        cluster.Demand(3, new ChangeMember("node-2", MemberWish.Drain));
        cluster.RunUntil(
            () => cluster.Leaders().Any(replica => replica.Group.IsMetadata
                && new[] { 3, 4, 5 }.Any(node => replica.Raft.Id == cluster.IdOf(node))),
            300_000, "a new member leads the metadata group");
        cluster.Start(2);
        cluster.RunUntil(() => cluster.Names(2).Length == 6, 20_000, "the members");
        cluster.RunUntilReady();
    }

    // Three more members came while the third one was away.
    private static TestCluster Grown()
    {
        var cluster = new TestCluster(3, others: 3);
        cluster.RunUntilReady();
        cluster.PutAll(0, "first");
        cluster.Crash(2);
        foreach (var node in new[] { 3, 4, 5 })
            cluster.Start(node);
        cluster.RunUntil(() => cluster.Names(0).Length == 6, 20_000, "three more members");
        return cluster;
    }
}
