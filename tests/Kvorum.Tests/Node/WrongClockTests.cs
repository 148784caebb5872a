using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>Lives of keys while wall clocks are wrong, and after they were (ADR 26).</summary>
public class WrongClockTests
{
    private static readonly TimeSpan TenYears = TimeSpan.FromDays(3650);

    [Theory]
    [InlineData(3650)]
    [InlineData(-3650)]
    [InlineData(1.0 / 24)]
    public void A_leader_with_a_wrong_clock_ends_no_key_early_and_spoils_nothing(double days)
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Run(5000);
        PutFor(cluster, "long", 600_000);
        var leader = cluster.LeaderOf("long");
        cluster.SetClock(leader, TimeSpan.FromDays(days));
        cluster.Put(leader, "other", "v");
        cluster.Run(3000);
        PutFor(cluster, "during", 2000);
        Assert.Equal("v", cluster.Get(0, "long"));
        EndsAfter(cluster, "during", 2000);

        cluster.SetClock(leader, TimeSpan.Zero);
        cluster.Run(1500);
        PutFor(cluster, "after", 2000);
        EndsAfter(cluster, "after", 2000);
        Assert.Equal("v", cluster.Get(0, "long"));
    }

    [Fact]
    public void A_node_with_a_wrong_clock_says_so_and_leads_nothing_until_it_is_right()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Run(5000);
        var wrong = Enumerable.Range(0, 3).MaxBy(node => Led(cluster, node));
        var led = Led(cluster, wrong);
        Assert.True(led > 0);
        cluster.SetClock(wrong, TenYears);
        cluster.RunUntil(() => Led(cluster, wrong) == 0, 10_000, "it leads nothing");
        var issue = Assert.Single(cluster.Status(wrong).HealthIssues);
        Assert.Contains("3650 days ahead of those of the majority (2 of 3 agree)", issue);
        Assert.Empty(cluster.Status((wrong + 1) % 3).HealthIssues);
        Assert.True(cluster.Status((wrong + 1) % 3).IsReady);

        cluster.SetClock(wrong, TimeSpan.Zero);
        cluster.RunUntil(() => Led(cluster, wrong) == led, 20_000, "it leads again");
        Assert.Empty(cluster.Status(wrong).HealthIssues);
    }

    [Fact]
    public void Where_no_other_can_lead_it_leads_on()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Run(5000);
        var other = (cluster.LeaderOf("key") + 1) % 3;
        for (var node = 0; node < 3; node++)
            cluster.SetClock(node, TimeSpan.FromDays(1000 * node));
        cluster.Run(5000);
        Assert.All(Enumerable.Range(0, 3), node => Assert.Contains(
            cluster.Status(node).HealthIssues,
            issue => issue.Contains("no majority of the members' clocks agree", StringComparison.Ordinal)));
        Assert.Equal(ReplyStatus.Ok, cluster.Put(other, "key", "v").Status);
        PutFor(cluster, "brief", 2000);
        EndsAfter(cluster, "brief", 2000);
    }

    [Theory]
    [InlineData(3650)]
    [InlineData(-3650)]
    public void A_lone_node_goes_by_its_monotonic_clock(double days)
    {
        using var cluster = new TestCluster(1);
        cluster.RunUntilReady();
        PutFor(cluster, "long", 600_000);
        cluster.SetClock(0, TimeSpan.FromDays(days));
        cluster.Run(5000);
        Assert.Equal("v", cluster.Get(0, "long"));
        PutFor(cluster, "brief", 2000);
        EndsAfter(cluster, "brief", 2000);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Log_time_that_is_years_ahead_on_disk_does_no_harm(int nodes)
    {
        using var cluster = new TestCluster(nodes, start: false);
        for (var node = 0; node < nodes; node++)
        {
            cluster.SetClock(node, TenYears);
            cluster.Start(node);
        }

        cluster.RunUntilReady();
        PutFor(cluster, "long", 600_000);
        for (var node = 0; node < nodes; node++)
            cluster.Crash(node);
        for (var node = 0; node < nodes; node++)
        {
            cluster.SetClock(node, TimeSpan.Zero);
            cluster.Start(node);
        }

        cluster.RunUntilReady();
        PutFor(cluster, "brief", 2000);
        EndsAfter(cluster, "brief", 2000);
        Assert.Equal("v", cluster.Get(0, "long"));
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(3, 0)]
    [InlineData(3, 1)]
    public void What_passed_while_all_nodes_were_down_counts_as_far_as_a_majority_agrees(int nodes, int wrong)
    {
        using var cluster = new TestCluster(nodes);
        cluster.RunUntilReady();
        cluster.Run(3000);
        PutFor(cluster, "brief", 30_000);
        PutFor(cluster, "long", 600_000);
        cluster.Run(1000);
        for (var node = 0; node < nodes; node++)
            cluster.Crash(node);
        cluster.Clock.Ms += 60_000;
        for (var node = 0; node < nodes; node++)
        {
            cluster.SetClock(node, node < wrong ? TenYears : TimeSpan.Zero);
            cluster.Start(node);
        }

        cluster.RunUntilReady();
        cluster.RunUntil(() => cluster.Get(0, "brief") is null, 3000, "the end of what ended meanwhile");
        Assert.Equal("v", cluster.Get(0, "long"));
    }

    private static void PutFor(TestCluster cluster, string key, ulong ttlMs)
    {
        var put = new PutRequest
        {
            Key = TestCluster.Bytes(key),
            Value = TestCluster.Bytes("v"),
            TtlMs = ttlMs,
        };
        Assert.Equal(ReplyStatus.Ok, cluster.Ask(0, put).Status);
    }

    // Within a sixteenth, and a bound.
    private static void EndsAfter(TestCluster cluster, string key, long ttlMs)
    {
        var begun = cluster.Clock.Ms;
        cluster.RunUntil(() => cluster.Get(0, key) is null, 3 * ttlMs, $"the end of {key}");
        Assert.InRange(cluster.Clock.Ms - begun, ttlMs - (ttlMs / 15) - 100, ttlMs + (ttlMs / 15) + 500);
    }

    private static int Led(TestCluster cluster, int node) =>
        cluster.Status(node).Partitions.Count(partition => partition.Role == "leader");
}
