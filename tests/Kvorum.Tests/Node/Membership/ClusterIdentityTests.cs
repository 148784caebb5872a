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
        var cluster = ClusterIdentity.ClusterOf([a, b, c], 64, 3, 64);
        Assert.Equal(cluster, ClusterIdentity.ClusterOf([c, a, b], 64, 3, 64));
        Assert.NotEqual(cluster, ClusterIdentity.ClusterOf([a, b], 64, 3, 64));
    }

    [Fact]
    public void What_decides_the_placement_is_part_of_the_cluster()
    {
        var a = ClusterIdentity.NodeFromName("a");
        var cluster = ClusterIdentity.ClusterOf([a], 64, 3, 64);
        Assert.NotEqual(cluster, ClusterIdentity.ClusterOf([a], 32, 3, 64));
        Assert.NotEqual(cluster, ClusterIdentity.ClusterOf([a], 64, 5, 64));
        Assert.NotEqual(cluster, ClusterIdentity.ClusterOf([a], 64, 3, 128));
    }
}
