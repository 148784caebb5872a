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
        Assert.Equal([one.Self, two.Self, three.Self], new[] { "n1", "n2", "n3" }.Select(ClusterIdentity.NodeFromName));
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
        Assert.Equal(ClusterIdentity.ToUInt128(Guid.Parse(uuid)), List(uuid, ":1", $"b@127.0.0.1:2,{uuid}@127.0.0.1:1").Self.Value);
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
    public void An_empty_list_is_a_cluster_of_one(string peers) => Assert.Single(List("a", ":1", peers).Members);

    private static MemberList List(string id, string address, string peers) =>
        MemberList.Parse(new() { Id = id, PeerAddress = address, Peers = peers }, id);
}
