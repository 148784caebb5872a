using Kvorum.Node.State;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>Nodes join and leave while a cluster runs, and the replicas follow.</summary>
public class ElasticTests
{
    [Fact]
    public void A_single_node_that_two_others_join_becomes_a_cluster_of_three_replicas()
    {
        using var cluster = new TestCluster(1, others: 2);
        cluster.RunUntilReady();
        cluster.PutAll(0, "first");
        cluster.Start(1);
        cluster.RunUntil(() => cluster.HasVoters([0]) && IsFollowedBy(cluster, 1), 60_000, "two nodes");
        cluster.RunUntilReady();
        cluster.PutAll(1, "second");
        cluster.Start(2);
        cluster.RunUntil(() => cluster.HasVoters([0, 1, 2]), 60_000, "three voters everywhere");
        cluster.RunUntilReady();
        cluster.CheckAll(2, "second");
        // Any of the three may go now.
        cluster.Crash(0);
        cluster.RunUntilReady();
        cluster.CheckAll(1, "second");
        cluster.PutAll(2, "third");
    }

    [Fact]
    public void A_member_that_leaves_is_emptied_and_removed_while_keys_are_written()
    {
        using var cluster = new TestCluster(3, others: 1);
        cluster.RunUntilReady();
        cluster.PutAll(0, "first");
        cluster.Start(3);
        cluster.RunUntil(() => cluster[0].Map.Members.Count == 4, 20_000, "the fourth member");
        var leaving = cluster.IdOf(0);
        cluster.RunUntil(
            () =>
            {
                for (var node = 0; node < 4; node++)
                    cluster[node].ChangeMember(leaving, MemberStatus.Leaving);
                cluster.Put(1, "while", "it leaves");
                return cluster[3].Map.Members.Count == 3;
            },
            120_000, "the member is removed");
        cluster.Crash(0);
        cluster.RunUntilReady();
        Assert.True(cluster.HasVoters([1, 2, 3]));
        cluster.CheckAll(3, "first");
        Assert.Equal("it leaves", cluster.Get(2, "while"));
    }

    // As all leaders say.
    private static bool IsFollowedBy(TestCluster cluster, int node) => cluster.Leaders()
        .All(replica => replica.Raft.Configuration.Learners.Contains(cluster.IdOf(node)));
}
