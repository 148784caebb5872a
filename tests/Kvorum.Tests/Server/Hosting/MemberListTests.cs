using Kvorum.Node;
using Kvorum.Server.Hosting;

namespace Kvorum.Tests.Server.Hosting;

public class MemberListTests
{
    [Fact]
    public void Nodes_with_each_others_lists_come_to_the_same_cluster()
    {
        var one = List("n1", "127.0.0.1:1", "n2@127.0.0.1:2,n3@127.0.0.1:3");
        var two = List("n2", "127.0.0.1:2", "n3@127.0.0.1:3, n1@127.0.0.1:1");
        var three = List("n3", "127.0.0.1:3", "n1@127.0.0.1:1,n2@127.0.0.1:2,n3@127.0.0.1:3");
        Assert.Equal(one.Members, two.Members);
        Assert.Equal(one.Members, three.Members);
        Assert.Equal([one.Self, two.Self, three.Self],
            new[] { "n1", "n2", "n3" }.Select(ClusterIdentity.NodeFromName));
    }

    [Fact]
    public void Bare_lists_make_ids_of_addresses_the_own_included()
    {
        var one = List("node-1", "127.0.0.1:60051", "127.0.0.1:60052,127.0.0.1:60053");
        var two = List("node-2", ":60052", "127.0.0.1:60051,127.0.0.1:60053,127.0.0.1:60052");
        Assert.Equal(one.Members.Select(member => member.Id), two.Members.Select(member => member.Id));
        Assert.Equal(ClusterIdentity.NodeFromAddress("127.0.0.1:60052"), two.Self);
        Assert.Equal("node-2", two.Members.Single(member => member.Id == two.Self).Name);
    }

    [Fact]
    public void A_uuid_is_taken_as_it_is()
    {
        const string uuid = "9e2d1f34-0000-4000-8000-000000000001";
        Assert.Equal(ClusterIdentity.ToUInt128(Guid.Parse(uuid)),
            List(uuid, ":1", $"b@127.0.0.1:2,{uuid}@127.0.0.1:1").Self.Value);
    }

    [Fact]
    public void The_own_entry_says_where_a_node_on_all_interfaces_is_found()
    {
        var list = List("a", "0.0.0.0:7", "a@host-a:7,b@host-b:7");
        Assert.Empty(list.Errors);
        Assert.Equal("host-a:7", list.PeerAddress);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" , ")]
    public void An_empty_list_is_a_cluster_of_one(string peers) =>
        Assert.Single(List("a", ":1", peers).Members);

    [Theory]
    [InlineData("", "")]
    [InlineData("n2", "n1@127.0.0.1:1,n3@127.0.0.1:3")]
    public void A_folder_knows_its_node_without_flags(string id, string peers)
    {
        var folder = new FolderIdentity(new(42), "n2", "host-b:7");
        var list = List(id, "127.0.0.1:9", peers, folder);
        Assert.Empty(list.Errors);
        Assert.Equal((folder.Id, "n2", "127.0.0.1:9"), (list.Self, list.Name, list.PeerAddress));
        Assert.Equal(peers.Length == 0 ? 1 : 3, list.Members.Count);
    }

    [Fact]
    public void A_node_on_all_interfaces_is_found_where_its_folder_says()
    {
        var folder = new FolderIdentity(ClusterIdentity.NodeFromName("n2"), "n2", "host-b:7");
        Assert.Equal("host-b:7", List("n2", "0.0.0.0:9", "", folder).PeerAddress);
        Assert.Equal("host-c:9", List("n2", "0.0.0.0:9", "n2@host-c:9", folder).PeerAddress);
    }

    [Fact]
    public void The_own_entry_of_a_node_that_has_moved_is_no_other_member()
    {
        var byAddress = new FolderIdentity(ClusterIdentity.NodeFromAddress("host-a:1"), "n1", "host-a:1");
        var list = List("", "host-x:1", "host-x:1,host-b:2", byAddress);
        Assert.Equal(
            [("host-x:1", byAddress.Id), ("host-b:2", ClusterIdentity.NodeFromAddress("host-b:2"))],
            list.Members.OrderByDescending(member => member.PeerAddress)
                .Select(member => (member.PeerAddress, member.Id)));
        Assert.Equal(2, List("n1", ":1", "n1@host-y:1,n2@host-b:2", byAddress).Members.Count);
    }

    [Fact]
    public void Another_name_than_the_folders_is_another_node()
    {
        var folder = new FolderIdentity(new(42), "n2", "host-b:7");
        var list = List("n3", ":1", "", folder);
        Assert.Equal((ClusterIdentity.NodeFromName("n3"), "n3"), (list.Self, list.Name));
    }

    private static MemberList List(string id, string address, string peers, FolderIdentity? folder = null) =>
        MemberList.Parse(new() { Id = id, PeerAddress = address, Peers = peers }, folder);
}
