using Kvorum.Node.Membership;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Membership;

/// <summary>
/// Two clusters whose founders have the same names never become one, whichever folders and addresses are
/// mixed up.
/// </summary>
public class TwoClustersTests
{
    [Fact]
    public void A_late_founder_learns_the_cluster_before_it_takes_part()
    {
        using var cluster = FourOfFive(seed: 0);
        cluster.Start(4);
        cluster.RunUntilReady();
        Assert.Equal(IdentityTests.IdOf(cluster, 0), IdentityTests.IdOf(cluster, 4));
        Assert.Equal("v", cluster.Get(4, "k"));
        Assert.Empty(cluster.Status(0).HealthIssues);
    }

    /// <summary>No member has met the node before, so no incarnation speaks against the folder.</summary>
    [Fact]
    public void A_folder_of_an_earlier_cluster_of_the_same_names_is_refused_with_words()
    {
        using var earlier = new TestCluster(5);
        earlier.RunUntilReady();
        earlier.Put(0, "k", "old");
        earlier.RunUntil(() => IdentityTests.IdOf(earlier, 4) is not null);
        earlier.Crash(4, 0);

        using var cluster = FourOfFive(seed: 500);
        cluster.UseDisk(4, earlier.DiskOf(4));
        cluster.Start(4);
        cluster.Run(5000);
        Assert.All(Enumerable.Range(0, 4), node =>
        {
            var status = cluster.Status(node);
            Assert.True(status.IsReady);
            Assert.DoesNotContain("node-5", status.MembersUp);
            AssertSays(
                $"node-{node + 1} belongs to cluster {IdentityTests.IdOf(cluster, node)}, and node-5 comes "
                    + $"with a data folder of cluster {IdentityTests.IdOf(earlier, 4)}",
                status.HealthIssues);
        });
        var foreign = cluster.Status(4);
        Assert.False(foreign.IsReady);
        AssertSays("both clusters were founded with the same names", foreign.HealthIssues);
        Assert.Equal(["node-5"], foreign.MembersUp);
        Assert.Equal("v", cluster.Get(0, "k"));

        // Nothing of it stays: the member itself, which never was there, is welcome.
        cluster.Wipe(4);
        cluster.Start(4);
        cluster.RunUntilReady();
        Assert.Equal("v", cluster.Get(4, "k"));
        Assert.Empty(cluster.Status(0).HealthIssues);
    }

    /// <summary>
    /// The lists of two formed clusters have wrong addresses, both ways, and the members that meet never met
    /// their own.
    /// </summary>
    [Fact]
    public void Nodes_of_two_clusters_that_meet_by_wrong_addresses_do_not_hear_each_other()
    {
        using var one = FourOfFive(seed: 0, without: 4);
        using var other = FourOfFive(seed: 500, without: 0);
        one.Network.Misdirect(one.IdOf(0), one.IdOf(4), other.Network);
        other.Network.Misdirect(one.IdOf(4), one.IdOf(0), one.Network);
        one.Crash(0, 0);
        other.Crash(4, 0);
        one.Start(0);
        other.Start(4);
        RunBoth(one, other, 5000);
        // The connections stand only when both processes are there.
        one.Network.Meet(one.IdOf(0), one.IdOf(4), other.Network);
        RunBoth(one, other, 5000);

        var (here, there) = (one.Status(0), other.Status(4));
        Assert.DoesNotContain("node-5", here.MembersUp);
        Assert.DoesNotContain("node-1", there.MembersUp);
        AssertSays("node-1 belongs to cluster", here.HealthIssues);
        AssertSays("node-5 belongs to cluster", there.HealthIssues);
        Assert.NotEqual(IdentityTests.IdOf(one, 0), IdentityTests.IdOf(other, 4));
        Assert.Equal("v", one.Get(0, "k"));
        Assert.Equal(ReplyStatus.Ok, other.Put(4, "k", "w").Status);
        Assert.Equal("v", one.Get(1, "k"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_blank_founder_that_two_clusters_address_joins_the_one_that_most_members_are_of(bool isLate)
    {
        using var one = FourOfFive(seed: 0);
        using var other = FourOfFive(seed: 500);
        var late = one.IdOf(4);
        // One wrong address in its own list, and its address in all lists of the other cluster.
        one.Network.Misdirect(late, one.IdOf(1), other.Network);
        foreach (var node in Enumerable.Range(0, 4))
            other.Network.Misdirect(one.IdOf(node), late, one.Network);
        // Once the node knows its cluster, a transport refuses them by their hello.
        other.Network.Passes = (_, to, _, _) => to != late || IdentityTests.IdOf(one, 4) is null;
        if (isLate)
            one.Network.Cut(late, one.IdOf(0));
        one.Start(4);
        foreach (var node in Enumerable.Range(0, 4))
            other.Network.Meet(one.IdOf(node), late, one.Network);
        RunBoth(one, other, 3000);
        if (isLate)
        {
            // Two of one cluster and one of the other know it: in neither it takes part.
            Assert.False(one.Status(4).IsReady);
            Assert.Null(IdentityTests.IdOf(one, 4));
            Assert.All(one.Status(4).Partitions, partition => Assert.Equal(0UL, partition.LastIndex));
            one.Network.Heal();
        }

        RunBoth(one, other, 3000);
        Assert.True(one.Status(4).IsReady);
        Assert.Equal(IdentityTests.IdOf(one, 0), IdentityTests.IdOf(one, 4));
        Assert.Equal("v", one.Get(4, "k"));
        Assert.All(Enumerable.Range(0, 4), node =>
        {
            Assert.DoesNotContain("node-5", other.Status(node).MembersUp);
            Assert.True(other.Status(node).IsReady);
        });
    }

    /// <summary>Two members without a cluster vouch for the node, and one of the other cluster.</summary>
    [Fact]
    public void A_founder_with_one_wrong_address_does_not_draw_its_cluster_into_the_other()
    {
        using var formed = FourOfFive(seed: 0, without: 2);
        using var founded = new TestCluster(5, start: false, seed: 500);
        founded.Network.Misdirect(founded.IdOf(2), founded.IdOf(1), formed.Network);
        formed.Network.Misdirect(founded.IdOf(1), founded.IdOf(2), founded.Network);
        founded.Network.Cut(founded.IdOf(2), founded.IdOf(4));
        foreach (var node in Enumerable.Range(0, 5))
            founded.Start(node);
        founded.Network.Meet(founded.IdOf(2), founded.IdOf(1), formed.Network);
        formed.Network.Meet(founded.IdOf(1), founded.IdOf(2), founded.Network);
        RunBoth(formed, founded, 8000);
        AssertApart(formed, founded, [0, 1, 3, 4]);
        Assert.Equal("v", formed.Get(1, "k"));
    }

    [Fact]
    public void Enough_members_of_one_cluster_admit_a_node_to_it_and_of_two_clusters_none()
    {
        NodeId[] others = [new(1), new(2), new(3), new(4)];
        var admission = new Admission(others);
        admission.Vouched(others[0], 7);
        admission.Vouched(others[1], 8);
        admission.Vouched(others[2], 7);
        Assert.Equal(default, admission.Cluster);
        Assert.False(admission.IsGrantedIn(7) || admission.IsGrantedIn(8) || admission.IsGrantedIn(0));
        Assert.Equal([others[3]], admission.Missing);

        // One that does not know its cluster yet counts for none.
        admission.Vouched(others[3], 0);
        Assert.Equal(default, admission.Cluster);
        Assert.False(admission.IsGrantedIn(7) || admission.IsGrantedIn(8) || admission.IsGrantedIn(0));
        Assert.True(admission.IsVouchedBy(others[3], 0) && !admission.IsVouchedBy(others[3], 7));

        admission.Vouched(others[3], 7);
        Assert.Equal((UInt128)7, admission.Cluster);
        Assert.True(admission.IsGrantedIn(7));
        Assert.False(admission.IsGrantedIn(8) || admission.IsGrantedIn(0));

        admission.Withdrawn(others[0]);
        Assert.False(admission.IsGrantedIn(7));
        Assert.Equal(default, admission.Cluster);
        admission.Vouched(new(9), 7);
        Assert.False(admission.IsGrantedIn(7));
    }

    // The one that is left out has never started: no other node has met it.
    private static TestCluster FourOfFive(int seed, int without = 4)
    {
        var cluster = new TestCluster(5, start: false, seed: seed);
        foreach (var node in Enumerable.Range(0, 5).Where(node => node != without))
            cluster.Start(node);
        cluster.RunUntilReady();
        cluster.RunUntil(() => Enumerable.Range(0, 5).Where(node => node != without)
            .All(node => IdentityTests.IdOf(cluster, node) is not null));
        cluster.Put(without == 0 ? 1 : 0, "k", "v");
        return cluster;
    }

    private static void AssertApart(TestCluster formed, TestCluster founded, IEnumerable<int> members)
    {
        var former = IdentityTests.IdOf(formed, 1);
        var ids = members.Select(node => IdentityTests.IdOf(founded, node)).Distinct().ToArray();
        Assert.NotNull(Assert.Single(ids));
        Assert.NotEqual(former, ids[0]);
        Assert.All(members, node => Assert.True(founded.Status(node).IsReady));
        Assert.All(
            Enumerable.Range(0, 5).Where(founded.IsRunning),
            node => Assert.NotEqual(former, IdentityTests.IdOf(founded, node)));
    }

    private static void AssertSays(string text, IEnumerable<string> lines) =>
        Assert.Contains(lines, line => line.Contains(text, StringComparison.Ordinal));

    private static void RunBoth(TestCluster one, TestCluster other, int ms)
    {
        for (var past = 0; past < ms; past += 10)
        {
            one.Run(10);
            other.Run(10);
        }
    }
}
