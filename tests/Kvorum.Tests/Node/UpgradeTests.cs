using System.Text.Json.Nodes;
using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>Clusters whose nodes do not all speak the newest format version.</summary>
public sealed class UpgradeTests
{
    private static readonly CreateKeyspace Cache =
        new("cache") { Mode = "quorum", Partitions = 4, Replicas = 3 };

    // By name: these nodes run the program before this one.
    private readonly SortedSet<string> _old = new(["node-1", "node-2", "node-3"], StringComparer.Ordinal);

    [Fact]
    public void A_cluster_is_upgraded_node_by_node_and_has_the_newer_version_at_the_end()
    {
        using var cluster = Founded(3);
        cluster.PutAll(0, "v");
        for (var node = 0; node < 3; node++)
        {
            Refuses(cluster, (node + 1) % 3);
            cluster.Crash(node);
            _old.Remove($"node-{node + 1}");
            cluster.Start(node);
            cluster.RunUntilReady();
            cluster.PutAll(node, $"v{node}");
            cluster.CheckAll((node + 1) % 3, $"v{node}");
        }

        cluster.RunUntil(() => Enumerable.Range(0, 3).All(node => cluster.Status(node).FormatVersion == 2));
        cluster.RunUntil(() => Enumerable.Range(0, 3).All(node => FolderOf(cluster, node) == 7));
        cluster.Demand(1, Cache);
        cluster.CheckAll(0, "v2");
        // Nobody was sent what it does not know.
        Assert.DoesNotContain(cluster.Notes, note => note.Contains("unknown", StringComparison.Ordinal));
    }

    [Fact]
    public void While_one_node_is_old_or_down_the_version_stays()
    {
        using var cluster = Founded(3);
        _old.Remove("node-1");
        _old.Remove("node-2");
        foreach (var node in new[] { 0, 1 })
        {
            cluster.Crash(node);
            cluster.Start(node);
            cluster.RunUntilReady();
        }

        cluster.Run(3000);
        Assert.All(Enumerable.Range(0, 3), node => Assert.Equal(1, cluster.Status(node).FormatVersion));
        var shown = cluster.Administer(0, new ShowCluster()).Cluster!;
        Assert.Equal(1, shown.FormatVersion);
        Assert.Equal([2, 2, 1], shown.Members.Select(static member => member.FormatNewest ?? 0));
        cluster.Crash(2);
        _old.Clear();
        cluster.Run(3000);
        Assert.All(new[] { 0, 1 }, node => Assert.Equal(1, cluster.Status(node).FormatVersion));
        // An operator may go back until then.
        _old.Add("node-3");
        cluster.Start(2);
        cluster.RunUntilReady();
        Assert.Equal(6, FolderOf(cluster, 0));
    }

    [Fact]
    public void Who_has_asked_for_a_change_is_written_only_once_all_nodes_know_it()
    {
        using var cluster = Founded(3);
        _old.Remove("node-1");
        cluster.Crash(0);
        cluster.Start(0);
        cluster.RunUntilReady();
        var drop = new DropKeyspace("k") { By = "operator at 0" };
        cluster.Demand(0, new CreateKeyspace("k") { Partitions = 1, By = "operator at 0" });
        cluster.Demand(0, new ChangeLimits { MovesMax = 9, By = "operator at 0" });
        Assert.All(
            EventsOf(cluster, 0),
            static one => Assert.True(one is { By: "", Kind: not ClusterEventKind.LimitsChanged }));
        _old.Clear();
        foreach (var node in new[] { 1, 2 })
        {
            cluster.Crash(node);
            cluster.Start(node);
            cluster.RunUntilReady();
        }

        cluster.RunUntil(() => Enumerable.Range(0, 3).All(node => cluster.Status(node).FormatVersion == 2));
        cluster.Demand(0, drop);
        Assert.Equal(drop.By, EventsOf(cluster, 0)[^1].By);
        Assert.DoesNotContain(cluster.Notes, note => note.Contains("unknown", StringComparison.Ordinal));
    }

    private static IReadOnlyList<ClusterEvent> EventsOf(TestCluster cluster, int node)
    {
        cluster.Run(500);
        return cluster.Administer(node, new ShowEvents()).Events!;
    }

    [Fact]
    public void A_leader_that_is_old_answers_without_a_receipt()
    {
        using var cluster = Founded(3);
        _old.Remove("node-1");
        cluster.Crash(0);
        cluster.Start(0);
        cluster.RunUntilReady();
        // Until it leads what it is preferred for.
        cluster.Run(5000);
        var receipts = Enumerable.Range(0, 20).Select(n => TestCluster.Bytes($"key-{n}")).Count(key =>
        {
            var put = cluster.Ask(
                0, new PutRequest { Key = key, Value = key, WantsReceipt = true, After = 1 });
            var get = cluster.Ask(0, new GetRequest { Key = key, WantsReceipt = true });
            Assert.Equal((ReplyStatus.Ok, ReplyStatus.Ok), (put.Status, get.Status));
            Assert.Equal(put.Receipt is null, get.Receipt is null);
            return put.Receipt is not null;
        });
        // What it leads itself it confirms.
        Assert.InRange(receipts, 1, 19);
    }

    [Fact]
    public void An_old_program_refuses_a_folder_of_the_newer_version_and_changes_nothing()
    {
        _old.Clear();
        using var cluster = Founded(1);
        cluster.RunUntil(() => FolderOf(cluster, 0) == 7);
        cluster.Crash(0);
        _old.Add("node-1");
        var before = cluster.DiskOf(0).ReadAll("identity.json");
        var error = Assert.Throws<NodeStartException>(() => cluster.Start(0));
        Assert.Contains(
            "identity.json has format 7: the cluster of this data folder has format version 2, and this "
            + "program speaks 1 only. Start the newer kvorum that the other nodes run",
            error.Message, StringComparison.Ordinal);
        Assert.Equal(before, cluster.DiskOf(0).ReadAll("identity.json"));
        _old.Clear();
        cluster.Start(0);
        cluster.RunUntilReady();
        Assert.Equal(2, cluster.Status(0).FormatVersion);
    }

    /// <summary>It was down when the version rose, and its folder does not tell it.</summary>
    [Fact]
    public void An_old_program_on_a_folder_that_was_not_raised_takes_no_part()
    {
        _old.Clear();
        using var cluster = Founded(3);
        cluster.RunUntil(() => Enumerable.Range(0, 3).All(node => FolderOf(cluster, node) == 7));
        cluster.Crash(2);
        var identity = JsonNode.Parse(cluster.DiskOf(2).ReadAll("identity.json"))!.AsObject();
        identity["version"] = 6;
        cluster.DiskOf(2).WriteAll(
            "identity.json", System.Text.Encoding.UTF8.GetBytes(identity.ToJsonString()));
        _old.Add("node-3");
        var refusal = Record.Exception(() => cluster.Start(2));
        cluster.Run(3000);
        if (refusal is null)
            Assert.False(cluster.FatalOf(2) is null && cluster.Status(2).IsReady);
        Assert.DoesNotContain("node-3", cluster.Status(0).MembersUp);
    }

    [Fact]
    public void A_node_that_does_not_speak_the_version_does_not_join()
    {
        _old.Clear();
        using var cluster = Founded(1, others: 1);
        cluster.RunUntil(() => cluster.Status(0).FormatVersion == 2);
        _old.Add("node-2");
        cluster.Start(1);
        cluster.RunUntil(() => cluster.Status(1).NotReadyReason.Contains(
            "this cluster has format version 2, and node node-2 speaks 1 only", StringComparison.Ordinal));
        Assert.Single(cluster.Status(0).Members);
        cluster.Crash(1);
        _old.Clear();
        cluster.Start(1);
        cluster.RunUntil(() => cluster.Status(0).Members.Count == 2);
    }

    /// <summary>
    /// A new cluster is ready some moments before all its members have said what they speak.
    /// </summary>
    [Fact]
    public void What_needs_the_version_waits_for_it_in_a_new_cluster()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntil(() => cluster.Leaders().Any(static replica => replica.Group.IsMetadata));
        for (var node = 0; node < 3; node++)
        {
            Assert.True(node > 0 || cluster.Status(node).FormatVersion == 1);
            cluster.Demand(node, Cache);
        }
    }

    private static void Refuses(TestCluster cluster, int node)
    {
        var refused = cluster.Administer(node, Cache);
        Assert.Equal(ReplyStatus.ConditionFailed, refused.Status);
        Assert.Contains(
            "needs format version 2, and the cluster has 1", refused.Message, StringComparison.Ordinal);
    }

    private static int FolderOf(TestCluster cluster, int node) =>
        (int)JsonNode.Parse(cluster.DiskOf(node).ReadAll("identity.json"))!["version"]!;

    private TestCluster Founded(int nodes, int others = 0)
    {
        var cluster = new TestCluster(
            nodes,
            options => options with
            {
                Formats = _old.Contains(options.Self.Name) ? FormatRange.OnlyFirst : FormatRange.Own,
            },
            others: others);
        cluster.RunUntilReady();
        return cluster;
    }
}
