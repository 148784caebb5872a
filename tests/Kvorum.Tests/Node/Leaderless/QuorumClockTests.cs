using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Leaderless;

/// <summary>Quorum keyspaces while wall clocks are wrong, and after they were.</summary>
public class QuorumClockTests
{
    private const string Cache = QuorumSteps.Cache;
    private static readonly TimeSpan TenYears = TimeSpan.FromDays(3650);

    [Fact]
    public void A_lone_node_whose_clock_was_years_ahead_takes_writes_once_it_is_right()
    {
        using var cluster = WithCache(1, TenYears);
        var ahead = Put(cluster, "k", "ahead");
        cluster.SetClock(0, TimeSpan.Zero);
        cluster.Run(3000);
        var right = Put(cluster, "k", "right");
        Assert.True(right.Version > ahead.Version);

        cluster.Crash(0);
        cluster.Start(0);
        cluster.RunUntilReady();
        Assert.True(Put(cluster, "k", "later").Version > right.Version);
        Assert.Equal("later", cluster.GetQuorum(0, "k"));
        Assert.Equal(ReplyStatus.Ok, cluster.PutQuorum(0, "brief", "v", ttlMs: 2000).Status);
        cluster.RunUntil(
            () => cluster.GetQuorum(0, "brief") is null, 15_000, "the end of a key");
    }

    [Theory]
    [InlineData(3650)]
    [InlineData(-3650)]
    public void A_lone_node_goes_by_its_monotonic_clock(double days)
    {
        using var cluster = WithCache(1, TimeSpan.Zero);
        Assert.Equal(ReplyStatus.Ok, cluster.PutQuorum(0, "long", "v", ttlMs: 600_000).Status);
        cluster.SetClock(0, TimeSpan.FromDays(days));
        cluster.Run(5000);
        Assert.Equal("v", cluster.GetQuorum(0, "long"));
        Assert.Equal(ReplyStatus.Ok, cluster.PutQuorum(0, "brief", "v", ttlMs: 2000).Status);
        cluster.Run(4000);
        Assert.Null(cluster.GetQuorum(0, "brief"));
        cluster.SetClock(0, TimeSpan.Zero);
        Assert.True(Put(cluster, "long", "w").Version > 0);
    }

    /// <summary>Its own clock, which is wrong by years, ends no key before it knows the others.</summary>
    [Fact]
    public void A_node_that_has_not_heard_the_clocks_of_others_ends_no_key_early()
    {
        using var cluster = WithCache(3, TimeSpan.Zero);
        Assert.Equal(ReplyStatus.Ok, cluster.PutQuorum(0, "long", "v", ttlMs: 600_000).Status);
        cluster.Run(1000);
        cluster.Crash(2);
        cluster.SetClock(2, TenYears);
        cluster.Network.Passes = (_, to, kind, _) => kind != PeerFrameKind.Clock || to != cluster.IdOf(2);
        cluster.Start(2);
        cluster.RunUntilReady();
        Assert.Equal("v", cluster.GetQuorum(2, "long"));
        var page = cluster.Ask(2, new ScanRequest { Keyspace = Cache, Key = default });
        Assert.Single(ScanPageCodec.Decode(page.Value).Entries);
    }

    private static TestCluster WithCache(int nodes, TimeSpan wrong)
    {
        var cluster = new TestCluster(nodes, start: false);
        for (var node = 0; node < nodes; node++)
        {
            cluster.SetClock(node, wrong);
            cluster.Start(node);
        }

        cluster.RunUntil(() => cluster[0].ActiveFormat > 1, what: "the format version");
        cluster.RunUntilReady();
        cluster.Demand(0, new CreateKeyspace(Cache) { Mode = "quorum", Partitions = 1, Replicas = nodes });
        cluster.RunUntil(
            () => Enumerable.Range(0, nodes).All(node => cluster.Quorums(node).Length == 1),
            what: "the replicas");
        return cluster;
    }

    private static Reply Put(TestCluster cluster, string key, string value)
    {
        var reply = cluster.PutQuorum(0, key, value);
        Assert.True(reply.Status == ReplyStatus.Ok, reply.Message);
        return reply;
    }
}
