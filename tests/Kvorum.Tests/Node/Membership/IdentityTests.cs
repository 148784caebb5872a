using System.Text.Json.Nodes;
using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Membership;

/// <summary>What a data folder knows of its node and its cluster, and what later starts may say.</summary>
public class IdentityTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Every_folder_of_a_new_cluster_has_its_founders_and_the_one_id_that_was_drawn(int nodes)
    {
        using var cluster = new TestCluster(nodes);
        cluster.RunUntilReady();
        cluster.RunUntil(() => Enumerable.Range(0, nodes).All(
            node => IdOf(cluster, node) is not null && (int)Identity(cluster, node)["version"]! == 7));
        var ids = Enumerable.Range(0, nodes).Select(node => IdOf(cluster, node)!).Distinct();
        var drawn = Guid.Parse(Assert.Single(ids));
        Assert.NotEqual(Guid.Empty, drawn);
        Assert.All(Enumerable.Range(0, nodes), node =>
        {
            var identity = Identity(cluster, node);
            Assert.Equal(
                cluster.Members.OrderBy(member => member.Id).Select(member => member.Name),
                identity["founders"]!.AsArray().Select(founder => (string)founder!["name"]!));
            Assert.Equal(drawn, cluster.Status(node).ClusterId);
            Assert.Equal(drawn, cluster[node].Map.ClusterId);
        });
        Assert.Equal(
            nodes, cluster.Notes.Count(note => note.EndsWith(
                $"this node belongs to cluster {drawn} from now on", StringComparison.Ordinal)));
    }

    [Fact]
    public void Clusters_of_the_same_names_have_one_founding_id_and_two_cluster_ids()
    {
        using var one = new TestCluster(3);
        using var other = new TestCluster(3, seed: 500);
        foreach (var cluster in new[] { one, other })
        {
            cluster.RunUntilReady();
            cluster.RunUntil(() => IdOf(cluster, 0) is not null);
        }

        Assert.Equal((string)Identity(one, 0)["founding_id"]!, (string)Identity(other, 0)["founding_id"]!);
        Assert.NotEqual(IdOf(one, 0), IdOf(other, 0));
        Assert.Equal(
            ["node_id", "name", "peer_address"],
            Identity(one, 0)["founders"]![0]!.AsObject().Select(static member => member.Key));
    }

    [Fact]
    public void A_cluster_keeps_its_id_over_restarts_and_a_lost_write_of_it_is_made_again()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.RunUntil(() => Enumerable.Range(0, 3).All(node => IdOf(cluster, node) is not null));
        var id = IdOf(cluster, 0);
        for (var node = 0; node < 3; node++)
            cluster.Crash(node, 0);
        var forgetful = Identity(cluster, 1);
        forgetful.Remove("cluster_id");
        Write(cluster, 1, forgetful);
        for (var node = 0; node < 3; node++)
            cluster.Start(node);
        cluster.RunUntilReady();
        cluster.RunUntil(() => IdOf(cluster, 1) is not null);
        Assert.All(Enumerable.Range(0, 3), node => Assert.Equal(id, IdOf(cluster, node)));
        Assert.Equal(ReplyStatus.Ok, cluster.Put(1, "k", "v").Status);
    }

    /// <summary>Its peers know the cluster, and it has its own folder alone to go by.</summary>
    [Fact]
    public void A_node_that_lost_power_before_it_wrote_the_id_takes_part_with_one_other()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.RunUntil(() => Enumerable.Range(0, 3).All(node => IdOf(cluster, node) is not null));
        cluster.Put(0, "k", "v");
        for (var node = 0; node < 3; node++)
            cluster.Crash(node, 0);
        var forgetful = Identity(cluster, 1);
        forgetful.Remove("cluster_id");
        Write(cluster, 1, forgetful);
        cluster.Start(0);
        cluster.Start(1);
        cluster.RunUntilReady();
        Assert.Equal("v", cluster.Get(1, "k"));
        Assert.Equal(IdOf(cluster, 0), IdOf(cluster, 1));
    }

    [Fact]
    public void Later_starts_need_no_members()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Put(0, "k", "v");
        cluster.Named = [];
        for (var node = 0; node < 3; node++)
            cluster.Crash(node, 0);
        for (var node = 0; node < 3; node++)
            cluster.Start(node);
        cluster.RunUntilReady();
        Assert.Equal("v", cluster.Get(2, "k"));
        Assert.Equal(3, cluster.Status(0).Members.Count);
        Assert.DoesNotContain(cluster.Notes, note => note.Contains("--peers", StringComparison.Ordinal));
    }

    [Fact]
    public void A_later_start_takes_addresses_from_the_members_and_ignores_strangers_with_words()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        var (two, three) = (cluster.Members[1], cluster.Members[2]);
        cluster.Crash(0);
        cluster.Named =
        [
            two with { PeerAddress = "moved:1" },
            new(new(5), three.Name, "moved:2"),
            new(ClusterIdentity.NodeFromName("node-9"), "node-9", "host:9"),
        ];
        cluster.Start(0);
        var founders = cluster.Members.OrderBy(member => member.Id).Select(
            member => $"{member.Name}@{member.PeerAddress}");
        Assert.Contains(cluster.Notes, note => note.Contains(
            "node-1 --peers names node-9@host:9, which the cluster of this data folder does not have, and is "
                + $"ignored there: the members are {string.Join(", ", founders)}.",
            StringComparison.Ordinal));
        Assert.Equal(
            new[] { two with { PeerAddress = "moved:1" }, three with { PeerAddress = "moved:2" } }
                .OrderBy(member => member.Id),
            cluster.Network.PeersOf(cluster.IdOf(0)));
        cluster.RunUntilReady();
        Assert.Equal(3, cluster.Status(0).Members.Count);
    }

    [Fact]
    public void What_was_fixed_at_the_first_start_is_taken_from_the_folder_unless_it_is_said_again()
    {
        int? partitions = 8;
        using var cluster = new TestCluster(
            1, options => options with { PartitionCount = partitions, VirtualNodes = partitions });
        cluster.RunUntilReady();
        cluster.Crash(0);
        partitions = null;
        cluster.Start(0);
        cluster.RunUntilReady();
        Assert.Equal(8, cluster[0].Map.Keyspaces[0].Partitions.Count);
        cluster.Crash(0);
        partitions = 9;
        var refused = Assert.Throws<NodeStartException>(() => cluster.Start(0)).Message;
        Assert.Contains("give --partitions 8", refused, StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_looks_for_members_where_the_metadata_group_knows_them()
    {
        var address = "";
        using var cluster = new TestCluster(3, options =>
            address.Length == 0 || options.Self.Name != "node-3"
                ? options : options with { Self = options.Self with { PeerAddress = address } });
        cluster.RunUntilReady();
        address = "moved:3";
        cluster.Crash(2);
        cluster.Start(2);
        cluster.RunUntilReady();
        cluster.Run(5000);
        for (var node = 0; node < 3; node++)
            cluster.Crash(node, 0);
        cluster.Named = [];
        cluster.Start(0);
        Assert.Equal("moved:3", AddressIn(cluster, 2));
        cluster.Start(1);
        Assert.Equal(cluster.Members[1].PeerAddress, AddressIn(cluster, 1));

        static string AddressIn(TestCluster cluster, int node) => cluster.Network.PeersOf(cluster.IdOf(0))
            .Single(peer => peer.Id == cluster.IdOf(node)).PeerAddress;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Earlier_formats_are_refused_whatever_else_is_in_them(int version)
    {
        using var cluster = new TestCluster(1);
        cluster.RunUntilReady();
        cluster.Crash(0);
        cluster.DiskOf(0).WriteAll(
            "identity.json", System.Text.Encoding.UTF8.GetBytes($$"""{ "version": {{version}} }"""));
        var error = Assert.Throws<NodeStartException>(() => cluster.Start(0));
        Assert.Contains(
            $"identity.json has format {version}, and this program knows 6 to 7", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_start_with_other_settings_than_the_cluster_agreed_on_names_the_flag()
    {
        var policy = "binary";
        using var cluster = new TestCluster(1, options => options with { KeyPolicy = policy });
        cluster.RunUntilReady();
        cluster.Crash(0);
        policy = "strict";
        var error = Assert.Throws<NodeStartException>(() => cluster.Start(0));
        Assert.EndsWith(
            "--key-policy is strict here and binary in the cluster: start this node with --key-policy binary",
            error.Message, StringComparison.Ordinal);
        policy = "binary";
        cluster.Start(0);
        cluster.RunUntilReady();
    }

    [Fact]
    public void Later_starts_take_the_settings_of_the_first_from_the_folder()
    {
        var isFirst = true;
        using var cluster = new TestCluster(
            1, options => isFirst
                ? options with { KeyPolicy = "strict", KeyBytesMax = 10, PartitionCount = 7 }
                : options with { PartitionCount = null });
        cluster.RunUntilReady();
        cluster.Crash(0);
        isFirst = false;
        cluster.Start(0);
        cluster.RunUntilReady();
        var keyspace = Assert.Single(cluster[0].Map.Keyspaces);
        Assert.Equal(("strict", 10), (keyspace.KeyPolicy, keyspace.KeyBytesMax));
        Assert.Equal(7, keyspace.Partitions.Count);
        Assert.Equal(ReplyStatus.InvalidArgument, cluster.Put(0, "a b", "x").Status);
    }

    [Fact]
    public void A_folder_whose_founders_lack_its_node_is_refused()
    {
        using var cluster = new TestCluster(1);
        cluster.RunUntilReady();
        cluster.Crash(0);
        var identity = Identity(cluster, 0);
        identity["founders"] = new JsonArray();
        Write(cluster, 0, identity);
        var error = Assert.Throws<NodeStartException>(() => cluster.Start(0));
        Assert.Contains("its founders lack the node itself", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_of_another_cluster_id_than_its_metadata_stops_the_node()
    {
        using var cluster = new TestCluster(1);
        cluster.RunUntilReady();
        cluster.RunUntil(() => IdOf(cluster, 0) is not null);
        cluster.Crash(0);
        var identity = Identity(cluster, 0);
        identity["cluster_id"] = "00000000-0000-4000-8000-000000000001";
        Write(cluster, 0, identity);
        cluster.Start(0);
        cluster.RunUntil(() => cluster.FatalOf(0) is not null);
        Assert.Contains(
            "files of two clusters are in this data folder", cluster.FatalOf(0), StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_folder_says_of_its_node_is_there_for_the_host()
    {
        using var cluster = new TestCluster(3);
        Assert.Equal(
            new FolderIdentity(cluster.IdOf(1), "node-2", cluster.Members[1].PeerAddress),
            FolderIdentity.Find(cluster.DiskOf(1)));
        Assert.Null(FolderIdentity.Find(new CrashFileSystem()));
        cluster.Crash(0);
        cluster.DiskOf(0).WriteAll("identity.json", "{"u8.ToArray());
        Assert.Null(FolderIdentity.Find(cluster.DiskOf(0)));
    }

    internal static string? IdOf(TestCluster cluster, int node) =>
        (string?)Identity(cluster, node)["cluster_id"];

    private static JsonObject Identity(TestCluster cluster, int node) =>
        JsonNode.Parse(cluster.DiskOf(node).ReadAll("identity.json"))!.AsObject();

    private static void Write(TestCluster cluster, int node, JsonObject identity) =>
        cluster.DiskOf(node).WriteAll(
            "identity.json", System.Text.Encoding.UTF8.GetBytes(identity.ToJsonString()));
}
