using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>How nodes come into a cluster, whatever happens on the way, and which do not.</summary>
public class JoiningTests
{
    [Fact]
    public void A_node_whose_disk_is_lost_is_replaced_by_one_of_the_same_name()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.PutAll(0, "first");
        var former = cluster.IdOf(2);
        cluster.Replace(2);
        cluster.Start(2);
        // First its name is taken, and an operator is told what to do.
        cluster.RunUntil(
            () => cluster.HasSaid("node-3", "this cluster has a member node-3 already"), 10_000,
            "the refusal");
        Assert.True(cluster.HasSaid("node-3", "kvorum node replace node-3"));
        Assert.Contains("node-3 already", cluster.Status(2).NotReadyReason, StringComparison.Ordinal);
        cluster.Demand(0, new ChangeMember("node-3", MemberWish.Replace));
        cluster.RunUntil(() => cluster.HasVoters([0, 1, 2]), 60_000, "voters on the new node");
        cluster.RunUntilReady();
        Assert.NotEqual(former, cluster.IdOf(2));
        Assert.Equal(["node-1", "node-2", "node-3"], cluster.Names(0));
        cluster.PutAll(2, "second");
        cluster.Crash(0);
        cluster.RunUntilReady();
        cluster.CheckAll(2, "second");
    }

    [Fact]
    public void A_node_that_waits_to_join_says_so_and_members_are_in_order()
    {
        using var cluster = new TestCluster(3, start: false, others: 1);
        cluster.Call(3, "a-node");
        cluster.Start(3);
        cluster.Run(1000);
        var alone = cluster.Administer(3, new ShowCluster()).Cluster!;
        Assert.Equal(("joining", "a-node"), (Assert.Single(alone.Members).Status, alone.Members[0].Name));
        Assert.Equal(Guid.Empty, cluster.Status(3).ClusterId);
        Assert.StartsWith("waiting to join", cluster.Status(3).NotReadyReason, StringComparison.Ordinal);
        for (var node = 0; node < 3; node++)
            cluster.Start(node);
        string[] names = ["a-node", "node-1", "node-2", "node-3"];
        cluster.RunUntil(() => cluster.Status(0).Members.SequenceEqual(names), 30_000, "the member");
        cluster.RunUntilReady();
        Assert.Equal(names, cluster.Status(3).MembersUp);
        var members = cluster.Administer(3, new ShowCluster()).Cluster!.Members;
        Assert.Equal(names, members.Select(static one => one.Name));
        Assert.All(members, static one => Assert.Equal("active", one.Status));
    }

    /// <summary>
    /// Wherever the power goes, before or after the cluster knows the node: the next start goes on, and there
    /// is one member of that name in the end.
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    public void A_node_that_loses_power_in_the_middle_of_joining_joins_all_the_same(int kept)
    {
        for (var point = 0; ; point++)
        {
            using var cluster = new TestCluster(1, One, others: 1);
            cluster.RunUntilReady();
            cluster.DiskOf(1).PowerOffAfter = point;
            try
            {
                cluster.Start(1);
                cluster.Run(2000);
            }
            catch (Exception e) when (e is IOException or NodeStartException)
            {
                Assert.True(cluster.DiskOf(1).IsOff, e.ToString());
            }

            var isOver = !cluster.DiskOf(1).IsOff;
            cluster.Crash(1, kept == 0 ? 0 : kept + point);
            cluster.Start(1);
            cluster.RunUntil(() => cluster.Status(1).IsReady, 20_000, $"joining, cut at {point},");
            Assert.Equal(["node-1", "node-2"], cluster.Names(0));
            Assert.Equal(["node-1", "node-2"], cluster.Names(1));
            Assert.Null(cluster.FatalOf(0));
            Assert.Null(cluster.FatalOf(1));
            if (!isOver)
                continue;
            Assert.InRange(point, 10, 1000);
            return;
        }
    }

    [Fact]
    public void Of_two_nodes_that_join_under_one_name_one_is_refused()
    {
        using var cluster = new TestCluster(1, One, others: 2);
        cluster.RunUntilReady();
        cluster.Call(1, "twin");
        cluster.Call(2, "twin");
        cluster.Start(1);
        cluster.Start(2);
        cluster.RunUntil(() => cluster.Status(1).IsReady || cluster.Status(2).IsReady, 10_000, "a twin");
        cluster.Run(5000);
        Assert.Equal(["node-1", "twin"], cluster.Names(0));
        Assert.NotEqual(cluster.Status(1).IsReady, cluster.Status(2).IsReady);
        Assert.Contains(
            "this cluster has a member twin already",
            cluster.Status(cluster.Status(1).IsReady ? 2 : 1).NotReadyReason, StringComparison.Ordinal);
    }

    /// <summary>
    /// A node that was started without the flag to join has founded a cluster of its own; with the flag it
    /// stays what it is.
    /// </summary>
    [Fact]
    public void A_cluster_that_was_founded_by_mistake_is_not_merged()
    {
        using var cluster = new TestCluster(1, One, others: 1);
        cluster.RunUntilReady();
        cluster.StartAlone(1);
        cluster.RunUntilReady();
        cluster.PutAll(0, "ours");
        cluster.PutAll(1, "theirs");
        cluster.Crash(1);
        cluster.Start(1);
        cluster.RunUntilReady();
        cluster.Run(10_000);
        Assert.NotEqual(cluster[0].ClusterId, cluster[1].ClusterId);
        Assert.Equal(["node-1"], cluster.Names(0));
        Assert.Equal(["node-2"], cluster.Names(1));
        cluster.CheckAll(0, "ours");
        cluster.CheckAll(1, "theirs");
        // With an empty disk it can join.
        cluster.Wipe(1);
        cluster.Start(1);
        cluster.RunUntil(() => cluster.Names(0).Length == 2, 20_000, "the second member");
    }

    /// <summary>Each group ends with a replica in every zone.</summary>
    [Fact]
    public void A_node_in_a_zone_of_its_own_gets_a_replica_of_every_group()
    {
        // Nodes 1 and 2 are in one rack, 3 in another, and 4 joins in a third.
        using var cluster = new TestCluster(
            3, static options => options with
            {
                Zone = options.Self.Name switch { "node-1" or "node-2" => "a", "node-3" => "b", _ => "c" },
            },
            others: 1);
        cluster.RunUntilReady();
        cluster.PutAll(0, "first");
        cluster.Start(3);
        cluster.RunUntil(
            () => cluster.HasReplicas(3) && cluster.Leaders().All(replica => replica.Group.IsMetadata
                || (replica.Raft.Configuration.Voters.Contains(cluster.IdOf(2))
                    && replica.Raft.Configuration.Voters.Contains(cluster.IdOf(3)))),
            120_000, "a replica in each zone");
        cluster.RunUntilReady();
        // A whole rack may go.
        cluster.Crash(0);
        cluster.Crash(1);
        var told = cluster.Administer(3, new ShowCluster()).Cluster!;
        Assert.Equal(["a", "a", "b", "c"], told.Members.Select(static one => one.Zone));
        cluster.Start(0);
        cluster.RunUntilReady();
        cluster.CheckAll(3, "first");
    }

    private static NodeOptions One(NodeOptions options) => options with { PartitionCount = 1 };
}
