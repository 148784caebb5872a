using System.Globalization;
using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Node.Survival;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Survival;

/// <summary>
/// Whole nodes over simulated disks: a majority is lost for good, the plan is applied to the survivors'
/// folders, and the cluster goes on with every key that they had.
/// </summary>
public class RecoveryTests
{
    private const int Keys = 40;

    [Fact]
    public void One_of_three_goes_on_with_every_key_and_two_new_nodes_join()
    {
        using var cluster = Filled(3);
        CrashAll(cluster);
        var plan = Recover(cluster, [0]);
        Assert.All(
            plan.Groups, static group => Assert.True(group is { Fate: GroupFate.GoesOn, MayLack: true }));
        cluster.Start(0);
        cluster.RunUntilReady();
        AssertKeys(cluster, 0);
        Assert.Equal(plan.NewCluster, cluster.Status(0).ClusterId);
        Assert.Equal(ReplyStatus.Ok, cluster.Put(0, "after", "recovery").Status);

        cluster.Replace(1);
        cluster.Replace(2);
        cluster.Start(1);
        cluster.Start(2);
        cluster.RunUntil(() => cluster.HasVoters([0, 1, 2]), 120_000, "three replicas of each partition");
        // Any of the three may go now.
        cluster.Crash(0);
        cluster.RunUntil(
            () => cluster.Status(1).IsReady && cluster.Status(2).IsReady, 30_000, "the others are ready");
        AssertKeys(cluster, 1);
        Assert.Equal("recovery", cluster.Get(2, "after"));
    }

    [Fact]
    public void Two_of_five_go_on_and_the_one_with_the_older_log_is_filled()
    {
        using var cluster = Filled(5);
        // Node 1 misses the second half.
        cluster.Crash(1);
        for (var n = 0; n < Keys; n++)
            Assert.Equal(ReplyStatus.Ok, cluster.Put(0, $"late-{n}", "x").Status);
        cluster.Run(1000);
        CrashAll(cluster);
        var plan = Recover(cluster, [0, 1], maySomeBeginEmpty: true);
        cluster.Start(0);
        cluster.Start(1);
        cluster.RunUntilReady();
        cluster.RunUntil(() => cluster.HasReplicas(voters: 1, learners: 1), 60_000, "a replica on each");
        Assert.Equal(["node-1", "node-2"], cluster.Names(1));
        var id = ClusterIdentity.ToGuid(cluster.IdOf(0).Value);
        for (var n = 0; n < Keys; n++)
        {
            var partition = KeySlot.PartitionOf(KeySlot.Of(TestCluster.Bytes($"late-{n}").Span), 4);
            var group = plan.Groups.Single(one => one.Group == partition + 1);
            // What node 2 alone had before its crash lacks them, as the plan has said.
            var found = cluster.Get(1, $"late-{n}");
            if (group.Source == id)
                Assert.Equal("x", found);
            else
                Assert.True(found == "x" || group.MayLack);
        }
    }

    [Fact]
    public void A_node_that_was_given_up_is_heard_no_more()
    {
        using var cluster = Filled(3);
        CrashAll(cluster);
        Recover(cluster, [0]);
        cluster.Start(0);
        cluster.RunUntilReady();
        // The two that were believed to be lost come back, and are a majority of what was.
        cluster.Start(1);
        cluster.Start(2);
        cluster.Run(10_000);
        Assert.NotEqual(cluster.Status(0).ClusterId, cluster.Status(1).ClusterId);
        Assert.Equal(ReplyStatus.Ok, cluster.Put(0, "mine", "new").Status);
        Assert.Equal(ReplyStatus.Ok, cluster.Put(1, "mine", "old").Status);
        Assert.Equal("new", cluster.Get(0, "mine"));
        Assert.Equal("old", cluster.Get(2, "mine"));
        Assert.DoesNotContain(cluster.Status(0).HealthIssues, static issue =>
            issue.Contains("quarantined", StringComparison.Ordinal));
    }

    [Fact]
    public void Power_may_go_at_any_operation_and_the_plan_is_applied_again()
    {
        using var cluster = Filled(3);
        CrashAll(cluster);
        var disk = cluster.DiskOf(0);
        var before = RecoveryApplication.Describe(disk.Crash(3)).ToJson();
        var plan = PlanOf(RecoveryApplication.Describe(disk));
        for (var cut = 0; ; cut++)
        {
            var mid = disk.Crash(1);
            mid.PowerOffAfter = cut;
            var isDone = Applied(mid, plan);
            var after = mid.Crash(cut);
            // What was, what is to be, or a folder that does not start and says why.
            var text = string.Create(CultureInfo.InvariantCulture, $"power off after operation {cut}");
            var state = StateOf(after, before);
            Assert.True(state is "old" or "half" or "new", $"{text}: {state}");
            Assert.True(state == "new" || !isDone, text);
            RecoveryApplication.Run(after, plan);
            Assert.False(RecoveryApplication.Run(after, plan));
            Assert.Equal(plan.NewCluster, RecoveryApplication.Describe(after.Crash(2)).ClusterId);
            if (isDone)
            {
                cluster.UseDisk(0, after);
                Assert.True(cut > 8, text);
                break;
            }
        }

        cluster.Start(0);
        cluster.RunUntilReady();
        AssertKeys(cluster, 0);
    }

    [Fact]
    public void A_plan_is_refused_where_the_folder_has_changed_or_is_another()
    {
        using var cluster = Filled(3);
        CrashAll(cluster);
        var plan = PlanOf(RecoveryApplication.Describe(cluster.DiskOf(0)));
        Refused("does not name node-2", () => RecoveryApplication.Run(cluster.DiskOf(1), plan));
        var other = plan.Survivors[0] with { Incarnation = Guid.NewGuid() };
        Refused("another data folder of node-1", () => RecoveryApplication.Run(
            cluster.DiskOf(0), plan with { Survivors = [other] }));
        cluster.Start(0);
        cluster.Start(1);
        cluster.RunUntil(() => cluster.Status(0).IsReady, what: "a majority");
        Assert.Equal(ReplyStatus.Ok, cluster.Put(0, "more", "x").Status);
        cluster.Run(1000);
        cluster.Crash(0);
        Refused("has changed since", () => RecoveryApplication.Run(cluster.DiskOf(0), plan));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void A_quorum_keyspace_goes_on_with_what_is_left(int write)
    {
        using var cluster = WithCache(3, replicas: 3, write);
        CrashAll(cluster);
        var plan = Recover(cluster, [0]);
        var groups = plan.Groups.Where(static group => group.IsQuorum).ToArray();
        Assert.Equal(4, groups.Length);
        // What moved is not known for certain where the metadata group may lack something.
        Assert.All(groups, group => Assert.Equal(
            (GroupFate.Kept, 3, 1, true), (group.Fate, group.Voters, group.VotersLeft, group.MayLack)));
        cluster.Start(0);
        cluster.RunUntilReady();
        cluster.RunUntil(() => CacheOf(cluster, 0, "cache-0") == "value-0", 60_000, "the node alone serves");
        for (var n = 0; n < Keys; n++)
            Assert.Equal($"value-{n}", CacheOf(cluster, 0, $"cache-{n}"));
        cluster.Replace(1);
        cluster.Replace(2);
        cluster.Start(1);
        cluster.Start(2);
        cluster.RunUntil(
            () => Enumerable.Range(0, 3).All(node =>
                cluster.Quorums(node).Count(static replica => replica.IsFilled) == 4),
            120_000, "three whole replicas of each partition");
        // As many as the keyspace was told to write are there again.
        cluster.RunUntil(
            () => PutInCache(cluster, 0, "after", "recovery").Status == ReplyStatus.Ok, 60_000, "a write");
        cluster.Run(3000);
        cluster.Crash(0);
        cluster.Run(3000);
        Assert.Equal("recovery", CacheOf(cluster, 1, "after"));
    }

    [Fact]
    public void A_quorum_partition_of_which_no_replica_is_left_begins_empty_if_the_operator_says_so()
    {
        using var cluster = WithCache(5, replicas: 1, write: 1);
        // Two of the five that have some of the four partitions.
        int[] left =
            [.. Enumerable.Range(0, 5).OrderByDescending(node => cluster.Quorums(node).Length).Take(2)];
        CrashAll(cluster);
        Refused("no survivor has a replica", () => Recover(cluster, left));
        var plan = Recover(cluster, left, maySomeBeginEmpty: true);
        var empty = plan.Groups.Where(
            static group => group is { IsQuorum: true, Fate: GroupFate.BeginsEmpty }).ToArray();
        Assert.InRange(empty.Length, 1, 3);
        cluster.Start(left[0]);
        cluster.Start(left[1]);
        cluster.RunUntilReady();
        var found = 0;
        for (var n = 0; n < Keys; n++)
        {
            var key = $"cache-{n}";
            var partition = KeySlot.PartitionOf(KeySlot.Of(TestCluster.Bytes(key).Span), 4);
            string? value = null;
            cluster.RunUntil(
                () => (value = CacheOf(cluster, left[0], key, isSure: false)) != "none", 60_000,
                $"{key} is served");
            var isLost = empty.Any(group => group.Partition == partition);
            Assert.Equal(isLost ? null : $"value-{n}", value);
            found += isLost ? 0 : 1;
        }

        Assert.InRange(found, 1, Keys - 1);
        cluster.RunUntil(
            () => PutInCache(cluster, left[1], "cache-0", "again").Status == ReplyStatus.Ok, 60_000,
            "a write");
    }

    private static TestCluster WithCache(int nodes, int replicas, int write)
    {
        var cluster = new TestCluster(nodes);
        cluster.RunUntilReady();
        cluster.RunUntil(() => cluster.Status(0).FormatVersion == 2);
        cluster.Demand(0, new CreateKeyspace("cache")
        {
            Mode = "quorum",
            Partitions = 4,
            Replicas = replicas,
            WriteQuorum = write,
            ReadQuorum = 1,
        });
        cluster.RunUntil(() => Enumerable.Range(0, nodes).All(node => cluster[node].Map.Keyspaces.Count == 2)
            && Enumerable.Range(0, nodes).Sum(node => cluster.Quorums(node).Length) == 4 * replicas);
        for (var n = 0; n < Keys; n++)
            Assert.Equal(ReplyStatus.Ok, PutInCache(cluster, n % nodes, $"cache-{n}", $"value-{n}").Status);
        cluster.Run(2000);
        return cluster;
    }

    private static Reply PutInCache(TestCluster cluster, int node, string key, string value) =>
        cluster.Ask(node, new PutRequest
        {
            Keyspace = "cache",
            Key = TestCluster.Bytes(key),
            Value = TestCluster.Bytes(value),
        });

    // "none" where there is no answer, if that may be.
    private static string? CacheOf(TestCluster cluster, int node, string key, bool isSure = true)
    {
        var reply = cluster.Ask(node, new GetRequest { Keyspace = "cache", Key = TestCluster.Bytes(key) });
        if (!isSure && reply.Status != ReplyStatus.Ok)
            return "none";
        return reply.Found ? System.Text.Encoding.UTF8.GetString(reply.Value.Span) : null;
    }

    private static TestCluster Filled(int nodes)
    {
        var cluster = new TestCluster(nodes);
        cluster.RunUntilReady();
        for (var n = 0; n < Keys; n++)
            Assert.Equal(ReplyStatus.Ok, cluster.Put(n % nodes, $"key-{n}", $"value-{n}").Status);
        // Followers hear of the last commit.
        cluster.Run(2000);
        return cluster;
    }

    private static void CrashAll(TestCluster cluster)
    {
        for (var node = 0; node < cluster.Count; node++)
        {
            if (cluster.IsRunning(node))
                cluster.Crash(node);
        }
    }

    private static RecoveryPlan Recover(TestCluster cluster, int[] survivors, bool maySomeBeginEmpty = false)
    {
        var plan = RecoveryPlanner.Plan(
            [.. survivors.Select(node => RecoveryApplication.Describe(cluster.DiskOf(node)))],
            Guid.NewGuid(), Guid.NewGuid(), maySomeBeginEmpty);
        Assert.All(survivors, node => Assert.True(RecoveryApplication.Run(cluster.DiskOf(node), plan)));
        return plan;
    }

    private static RecoveryPlan PlanOf(Survivor survivor) =>
        RecoveryPlanner.Plan([survivor], Guid.NewGuid(), Guid.NewGuid(), maySomeBeginEmpty: false);

    private static bool Applied(CrashFileSystem disk, RecoveryPlan plan)
    {
        try
        {
            return RecoveryApplication.Run(disk, plan);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static string StateOf(CrashFileSystem disk, byte[] before)
    {
        try
        {
            var found = RecoveryApplication.Describe(disk.Crash(5));
            return found.ToJson().AsSpan().SequenceEqual(before) ? "old" : "new";
        }
        catch (NodeStartException half)
        {
            return half.Message.Contains("run kvorum recover apply again", StringComparison.Ordinal)
                ? "half" : half.Message;
        }
    }

    private static void Refused(string why, Action act) => Assert.Contains(
        why, Assert.Throws<RecoveryRefusedException>(act).Message, StringComparison.Ordinal);

    private static void AssertKeys(TestCluster cluster, int node)
    {
        for (var n = 0; n < Keys; n++)
            Assert.Equal($"value-{n}", cluster.Get(node, $"key-{n}"));
    }
}
