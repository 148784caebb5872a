using System.Text;
using System.Text.Json.Nodes;
using Kvorum.Node;
using Kvorum.Node.Membership;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Membership;

/// <summary>New and wiped data folders: who may take part, and who never again.</summary>
public class AdmissionTests
{
    [Fact]
    public void Two_sets_of_others_that_admit_a_node_have_a_member_in_common()
    {
        Assert.Equal([0, 1, 2, 2, 3, 3, 4], Enumerable.Range(1, 7).Select(Admission.NeededOf));
        for (var members = 2; members < 100; members++)
        {
            Assert.InRange(Admission.NeededOf(members), 1, members - 1);
            Assert.True(2 * Admission.NeededOf(members) > members - 1);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void A_cluster_of_new_folders_forms(int nodes)
    {
        using var cluster = new TestCluster(nodes);
        cluster.RunUntilReady();
        Assert.Equal(ReplyStatus.Ok, cluster.Put(0, "k", "v").Status);
        Assert.All(Enumerable.Range(0, nodes), node => Assert.Empty(cluster.Status(node).HealthIssues));
    }

    [Fact]
    public void Two_new_folders_of_three_wait_for_the_third()
    {
        using var cluster = new TestCluster(3, start: false);
        cluster.Start(0);
        cluster.Start(1);
        cluster.Run(5000);
        AssertHasNoPart(cluster, 0);
        AssertHasNoPart(cluster, 1);
        var status = cluster.Status(0);
        Assert.False(status.IsReady);
        Assert.Equal(
            "waiting for first contact with node-3 "
                + "(a new data folder takes part when 2 of the other 2 know it)",
            status.NotReadyReason);
        var reply = cluster.Ask(1, new PutRequest { Key = TestCluster.Bytes("k"), Value = default }, 300);
        Assert.Contains("waiting for first contact with node-3", reply.Message, StringComparison.Ordinal);

        cluster.Start(2);
        cluster.RunUntilReady();
        Assert.Equal(ReplyStatus.Ok, cluster.Put(0, "k", "v").Status);
    }

    [Fact]
    public void What_is_lost_on_the_way_is_said_again()
    {
        using var cluster = new TestCluster(3, start: false);
        cluster.Network.Cut(cluster.IdOf(0), cluster.IdOf(1));
        cluster.Network.Cut(cluster.IdOf(2), cluster.IdOf(0));
        for (var node = 0; node < 3; node++)
            cluster.Start(node);
        cluster.Run(3000);
        Assert.All(Enumerable.Range(0, 3), node => AssertHasNoPart(cluster, node));
        cluster.Network.Heal();
        cluster.RunUntilReady();
    }

    /// <summary>Swarm seed 268.</summary>
    [Fact]
    public void A_new_node_on_a_full_disk_waits_for_room()
    {
        using var cluster = new TestCluster(3);
        cluster.DiskOf(0).BytesMax = cluster.DiskOf(0).BytesInUse;
        cluster.Run(3000);
        AssertHasNoPart(cluster, 0);
        Assert.Null(cluster.FatalOf(0));
        cluster.DiskOf(0).BytesMax = long.MaxValue;
        cluster.RunUntilReady();
    }

    [Fact]
    public void A_wiped_node_is_refused_and_the_others_serve_on()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Put(0, "k", "v");
        cluster.Crash(2);
        var former = cluster.DiskOf(2);
        cluster.Wipe(2);
        cluster.Start(2);
        cluster.Run(5000);

        AssertHasNoPart(cluster, 2);
        var wiped = cluster.Status(2);
        AssertSays("node-1 knows node-3 by the data folder", [wiped.NotReadyReason]);
        AssertSays("start it with its former data folder", [wiped.NotReadyReason]);
        Assert.Equal(2, wiped.HealthIssues.Count);
        AssertSays("node-1 node-3 is refused: ", cluster.Notes);
        AssertSays("node-3 node-1 refuses this node: ", cluster.Notes);
        Assert.Equal(ReplyStatus.Unavailable, cluster.Put(2, "k", "x").Status);

        Assert.Equal("v", cluster.Get(1, "k"));
        Assert.Equal(ReplyStatus.Ok, cluster.Put(0, "k", "w").Status);
        var status = cluster.Status(0);
        Assert.True(status.IsReady);
        Assert.Equal(["node-1", "node-2"], status.MembersUp.Order());
        Assert.Contains("node-3", Assert.Single(status.HealthIssues), StringComparison.Ordinal);

        // With its former folder it is welcome.
        cluster.Crash(2);
        cluster.UseDisk(2, former);
        cluster.Start(2);
        cluster.RunUntilReady();
        Assert.Equal("w", cluster.Get(2, "k"));
        Assert.Empty(cluster.Status(0).HealthIssues);
    }

    [Fact]
    public void The_late_word_of_a_wiped_folder_does_not_shut_the_right_one_out()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        var wiped = new ByteWriter();
        IncarnationHelloCodec.Encode(new IncarnationHello(42, 0, LogLives.None, 0), wiped);
        cluster.Network.Late(
            cluster.IdOf(2), cluster.IdOf(0), PeerFrameKind.IncarnationHello, wiped.Written);
        cluster.Run(2000);
        AssertSays("node-1 node-3 is refused: ", cluster.Notes);
        AssertSays("node-1 node-3 is back with the data folder", cluster.Notes);
        Assert.Contains("node-3", cluster.Status(0).MembersUp);
        Assert.Empty(cluster.Status(0).HealthIssues);
    }

    [Fact]
    public void A_wiped_node_has_no_vote_even_when_the_others_need_one()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Put(0, "k", "v");
        cluster.Wipe(2);
        cluster.Start(2);
        cluster.Crash(1);
        cluster.Run(10_000);
        AssertHasNoPart(cluster, 2);
        Assert.All(cluster.Status(0).Partitions, partition => Assert.NotEqual("leader", partition.Role));
        cluster.Start(1);
        cluster.RunUntil(() => cluster.Status(0).IsReady && cluster.Status(1).IsReady);
        Assert.Equal("v", cluster.Get(0, "k"));
    }

    [Fact]
    public void A_member_that_never_met_a_wiped_node_cannot_admit_it()
    {
        using var cluster = new TestCluster(5, start: false);
        for (var node = 0; node < 4; node++)
            cluster.Start(node);
        cluster.RunUntil(() => Enumerable.Range(0, 4).All(node => cluster.Status(node).IsReady));
        cluster.Wipe(0);
        cluster.Start(0);
        cluster.Start(4);
        cluster.RunUntil(() => Enumerable.Range(1, 4).All(node => cluster.Status(node).IsReady));
        cluster.Run(3000);
        AssertHasNoPart(cluster, 0);
        Assert.Equal(3, cluster.Status(0).HealthIssues.Count);
        Assert.Contains("node-1", cluster.Status(4).MembersUp);
        Assert.DoesNotContain("node-1", cluster.Status(1).MembersUp);
        Assert.Equal(ReplyStatus.Ok, cluster.Put(4, "k", "v").Status);
    }

    [Fact]
    public void A_node_that_was_admitted_once_asks_nobody_again()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        for (var node = 0; node < 3; node++)
            cluster.Crash(node, 0);
        cluster.Start(0);
        cluster.Start(1);
        cluster.RunUntilReady();
        Assert.Equal(ReplyStatus.Ok, cluster.Put(0, "k", "v").Status);
    }

    [Fact]
    public void A_folder_of_an_earlier_format_is_refused_and_stays_as_it_is()
    {
        using var cluster = new TestCluster(1);
        cluster.RunUntilReady();
        cluster.Crash(0);
        var disk = cluster.DiskOf(0);
        var identity = JsonNode.Parse(disk.ReadAll("identity.json"))!.AsObject();
        identity["version"] = 2;
        var former = Encoding.UTF8.GetBytes(identity.ToJsonString());
        disk.WriteAll("identity.json", former);
        var error = Assert.Throws<NodeStartException>(() => cluster.Start(0));
        Assert.Contains(
            "identity.json has format 2, and this program knows 6 to 7: start the version that wrote it",
            error.Message, StringComparison.Ordinal);
        Assert.Equal(former, disk.ReadAll("identity.json"));
    }

    [Fact]
    public void An_admitted_folder_without_its_log_is_not_started()
    {
        using var cluster = new TestCluster(1);
        cluster.RunUntilReady();
        cluster.Crash(0);
        foreach (var name in cluster.DiskOf(0).ListFiles("log"))
            cluster.DiskOf(0).Lose($"log/{name}");
        var error = Assert.Throws<NodeStartException>(() => cluster.Start(0));
        Assert.Contains("its log is gone", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_remembered_of_the_members_is_read_back_or_the_node_does_not_start()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Crash(0);
        Assert.Contains(
            JsonNode.Parse(cluster.DiskOf(1).ReadAll("identity.json"))!["incarnation"]!.GetValue<string>(),
            Encoding.UTF8.GetString(cluster.DiskOf(0).ReadAll("members.json")), StringComparison.Ordinal);
        cluster.DiskOf(0).WriteAll("members.json", "{}"u8.ToArray());
        var error = Assert.Throws<NodeStartException>(() => cluster.Start(0));
        Assert.Contains("members.json", error.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// Whatever operation of its first start a node's power goes at, and whatever of it survives: it is
    /// admitted when it is started again, and the others know it by that folder.
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    public void A_crash_at_any_disk_operation_of_the_first_start_does_no_harm(int seed)
    {
        var operations = OperationsOfTheFirstStart();
        for (var at = 0; at <= operations; at++)
        {
            using var cluster = new TestCluster(3, start: false);
            cluster.DiskOf(0).PowerOffAfter = at;
            cluster.Start(1);
            cluster.Start(2);
            try
            {
                cluster.Start(0);
                cluster.Run(2000);
            }
            catch (IOException)
            {
            }

            cluster.Crash(0, seed);
            cluster.Run(100);
            cluster.Start(0);
            cluster.RunUntilReady();
            Assert.All(Enumerable.Range(0, 3), node => Assert.Empty(cluster.Status(node).HealthIssues));
        }
    }

    private static int OperationsOfTheFirstStart()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntil(() => Enumerable.Range(0, 3).All(node =>
            (bool)JsonNode.Parse(cluster.DiskOf(node).ReadAll("identity.json"))!["admitted"]!));
        return cluster.DiskOf(0).Operations;
    }

    private static void AssertHasNoPart(TestCluster cluster, int node)
    {
        Assert.All(
            cluster.Status(node).Partitions,
            partition => Assert.Equal(
                ("follower", 0UL, 0UL), (partition.Role, partition.Term, partition.LastIndex)));
    }

    private static void AssertSays(string text, IEnumerable<string> lines) =>
        Assert.Contains(lines, line => line.Contains(text, StringComparison.Ordinal));
}
