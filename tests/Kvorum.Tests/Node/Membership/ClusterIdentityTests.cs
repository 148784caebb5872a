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
    public void A_founding_is_its_founders_in_any_order()
    {
        var (a, b, c) = (ClusterIdentity.NodeFromName("a"), ClusterIdentity.NodeFromName("b"), ClusterIdentity.NodeFromName("c"));
        var founding = ClusterIdentity.FoundingOf([a, b, c], 64, 3, 64);
        Assert.Equal(founding, ClusterIdentity.FoundingOf([c, a, b], 64, 3, 64));
        Assert.NotEqual(founding, ClusterIdentity.FoundingOf([a, b], 64, 3, 64));
    }

    [Fact]
    public void What_decides_the_placement_is_part_of_the_founding()
    {
        var a = ClusterIdentity.NodeFromName("a");
        var founding = ClusterIdentity.FoundingOf([a], 64, 3, 64);
        Assert.NotEqual(founding, ClusterIdentity.FoundingOf([a], 32, 3, 64));
        Assert.NotEqual(founding, ClusterIdentity.FoundingOf([a], 64, 5, 64));
        Assert.NotEqual(founding, ClusterIdentity.FoundingOf([a], 64, 3, 128));
    }

    [Fact]
    public void Each_folder_each_seed_and_each_moment_draws_another_cluster()
    {
        UInt128[] drawn =
        [
            ClusterIdentity.DrawCluster(1, 1, 1), ClusterIdentity.DrawCluster(2, 1, 1),
            ClusterIdentity.DrawCluster(1, 2, 1), ClusterIdentity.DrawCluster(1, 1, 2),
        ];
        Assert.Equal(4, drawn.Distinct().Count());
        Assert.Equal(drawn[0], ClusterIdentity.DrawCluster(1, 1, 1));
        Assert.All(drawn, static id => Assert.NotEqual(default, id));
    }
}
