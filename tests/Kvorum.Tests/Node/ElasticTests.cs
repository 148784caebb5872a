using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;
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
        PutAll(cluster, 0, "first");
        cluster.Start(1);
        cluster.RunUntil(() => HasVoters(cluster, [0]) && IsFollowedBy(cluster, 1), 60_000, "two nodes");
        cluster.RunUntilReady();
        PutAll(cluster, 1, "second");
        cluster.Start(2);
        cluster.RunUntil(() => HasVoters(cluster, [0, 1, 2]), 60_000, "three voters everywhere");
        cluster.RunUntilReady();
        CheckAll(cluster, 2, "second");
        // Any of the three may go now.
        cluster.Crash(0);
        cluster.RunUntilReady();
        CheckAll(cluster, 1, "second");
        PutAll(cluster, 2, "third");
    }

    [Fact]
    public void A_member_that_leaves_is_emptied_and_removed_while_keys_are_written()
    {
        using var cluster = new TestCluster(3, others: 1);
        cluster.RunUntilReady();
        PutAll(cluster, 0, "first");
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
        Assert.True(HasVoters(cluster, [1, 2, 3]));
        CheckAll(cluster, 3, "first");
        Assert.Equal("it leaves", cluster.Get(2, "while"));
    }

    private static void PutAll(TestCluster cluster, int node, string value)
    {
        for (var n = 0; n < 20; n++)
            Assert.Equal(ReplyStatus.Ok, cluster.Put(node, $"key-{n}", $"{value}-{n}").Status);
    }

    private static void CheckAll(TestCluster cluster, int node, string value)
    {
        for (var n = 0; n < 20; n++)
            Assert.Equal($"{value}-{n}", cluster.Get(node, $"key-{n}"));
    }

    private static IEnumerable<RaftReplica> Replicas(TestCluster cluster) =>
        Enumerable.Range(0, cluster.Count).Where(cluster.IsRunning)
            .SelectMany(node => cluster[node].Loops).SelectMany(static loop => loop.RaftReplicas);

    // As all leaders say, whose groups are all that there are.
    private static bool HasVoters(TestCluster cluster, int[] nodes)
    {
        NodeId[] voters = [.. nodes.Select(cluster.IdOf).Order()];
        var leaders = Replicas(cluster).Where(static replica => replica.IsLeader).ToArray();
        return leaders.Select(static replica => replica.Group).Distinct().Count() == 5
            && leaders.All(replica => !replica.Raft.Configuration.IsJoint
                && replica.Raft.Configuration.Voters.SequenceEqual(voters));
    }

    private static bool IsFollowedBy(TestCluster cluster, int node) => Replicas(cluster)
        .Where(static replica => replica.IsLeader)
        .All(replica => replica.Raft.Configuration.Learners.Contains(cluster.IdOf(node)));
}
