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

    /// <summary>
    /// That a learner is filled is told and planned for at once: the next step waits for no round in which
    /// leaders tell of all groups.
    /// </summary>
    [Fact]
    public void One_replica_becomes_three_without_a_pause_between_the_steps()
    {
        using var cluster = new TestCluster(1, others: 2);
        cluster.RunUntilReady();
        cluster.PutAll(0, "first");
        cluster.Start(1);
        cluster.Start(2);
        cluster.RunUntil(
            () => cluster.Leaders().Any(static replica => !replica.Group.IsMetadata
                && replica.Raft.Configuration.Learners.Count > 0), 20_000, "the first learner");
        cluster.RunUntil(
            () => cluster.HasVoters([0, 1, 2]), Kvorum.Node.Limits.ReportAllMs / 2, "three voters");
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

    /// <summary>
    /// A replica that has been moved away is kept for a while, and hears nothing of its group meanwhile: its
    /// node asks others.
    /// </summary>
    [Fact]
    public void A_node_whose_replicas_were_moved_away_passes_calls_on_at_once()
    {
        using var cluster = new TestCluster(3, others: 1);
        cluster.RunUntilReady();
        cluster.PutAll(0, "first");
        cluster.Start(3);
        cluster.RunUntil(() => cluster[0].Map.Members.Count == 4, 20_000, "the fourth member");
        var drained = cluster.IdOf(0);
        cluster.RunUntil(
            () =>
            {
                for (var node = 0; node < 4; node++)
                    cluster[node].ChangeMember(drained, MemberStatus.Draining);
                var leaders = cluster.Leaders().Where(static replica => !replica.Group.IsMetadata).ToArray();
                return leaders.Length == 4 && leaders.All(replica => !replica.Raft.Configuration.IsJoint
                    && !replica.Raft.Configuration.Voters.Contains(drained));
            },
            60_000, "no group votes there");
        // Those that led go, so that the replicas that were moved away name dead leaders.
        cluster.Crash(1);
        cluster.RunUntil(
            () => cluster.Leaders().Select(static replica => replica.Group).Distinct().Count() == 5, 10_000,
            "leaders");
        var began = cluster.Clock.Ms;
        cluster.CheckAll(0, "first");
        Assert.True(cluster.Clock.Ms - began < 2000, $"{cluster.Clock.Ms - began} ms");
    }

    // As all leaders say.
    private static bool IsFollowedBy(TestCluster cluster, int node) => cluster.Leaders()
        .All(replica => replica.Raft.Configuration.Learners.Contains(cluster.IdOf(node)));
}
