using Kvorum.Node;

namespace Kvorum.Tests.Node.Membership;

public class ClusterIdentityTests
{
    [Fact]
    public void A_uuid_is_taken_as_it_is_and_a_name_always_gives_the_same_one()
    {
        var id = Guid.Parse("00112233-4455-6677-8899-aabbccddeeff");
        Assert.Equal(id, ClusterIdentity.ToGuid(ClusterIdentity.NodeFromName(id.ToString()).Value));
        Assert.Equal(ClusterIdentity.NodeFromName("node-1"), ClusterIdentity.NodeFromName("node-1"));
        Assert.NotEqual(ClusterIdentity.NodeFromName("node-1"), ClusterIdentity.NodeFromName("node-2"));
        Assert.NotEqual(ClusterIdentity.NodeFromName("127.0.0.1:1"), ClusterIdentity.NodeFromAddress("127.0.0.1:1"));
        var uuid = ClusterIdentity.ToGuid(ClusterIdentity.NodeFromName("node-1").Value).ToString();
        Assert.Equal('8', uuid[14]);
        Assert.Contains(uuid[19], "89ab");
    }

    [Fact]
    public void A_cluster_is_its_members_in_any_order()
    {
        var (a, b, c) = (ClusterIdentity.NodeFromName("a"), ClusterIdentity.NodeFromName("b"), ClusterIdentity.NodeFromName("c"));
        Assert.Equal(ClusterIdentity.ClusterOf([a, b, c]), ClusterIdentity.ClusterOf([c, a, b]));
        Assert.NotEqual(ClusterIdentity.ClusterOf([a, b, c]), ClusterIdentity.ClusterOf([a, b]));
    }
}
