using Kvorum.Node.Clocks;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Clocks;

public class PeerClocksTests
{
    private const long Wall = 1_700_000_000_000;
    private const long Hour = 3_600_000;

    [Fact]
    public void An_answer_tells_the_clock_within_half_its_time()
    {
        var clocks = Of(3);
        clocks.Heard(new(2), askedMs: 1000, wallMs: Wall + 40, nowMs: 1100);
        clocks.Judge(1100, Wall + 100);
        Assert.Equal(Wall + 90, clocks.AgreedMs(1100));
        Assert.Equal(Wall + 1090, clocks.AgreedMs(2100));
        Assert.Null(clocks.HealthIssue);
    }

    [Fact]
    public void A_slow_answer_says_too_little()
    {
        var clocks = Of(3);
        clocks.Heard(new(2), askedMs: 0, wallMs: Wall, nowMs: 501);
        clocks.Judge(501, Wall);
        Assert.Null(clocks.AgreedMs(501));
    }

    [Fact]
    public void A_node_beyond_the_bound_says_so_and_again_when_it_is_well_within()
    {
        var clocks = Of(3);
        Hear(clocks, 1000, Wall);
        Assert.True(clocks.Judge(1000, Wall + Hour));
        Assert.True(clocks.IsBeyond);
        Assert.Contains("1 hours ahead of those of the majority (2 of 3 agree)", clocks.HealthIssue);
        Assert.Equal(Wall, clocks.AgreedMs(1000));
        Assert.False(clocks.Judge(1000, Wall + 300));
        Assert.True(clocks.IsBeyond);
        Assert.True(clocks.Judge(1000, Wall + 200));
        Assert.False(clocks.IsBeyond);
        Assert.Null(clocks.HealthIssue);
    }

    [Fact]
    public void Where_no_majority_agrees_nothing_is_agreed_and_the_alert_names_a_member()
    {
        var clocks = Of(2);
        clocks.Heard(new(2), 1000, Wall - Hour, 1000);
        Assert.True(clocks.Judge(1000, Wall));
        Assert.Null(clocks.AgreedMs(1000));
        Assert.False(clocks.IsBeyond);
        Assert.Contains("1 hours ahead of that of node-2", clocks.HealthIssue);
    }

    [Fact]
    public void Old_answers_do_not_count()
    {
        var clocks = Of(3);
        Hear(clocks, 1000, Wall);
        clocks.Judge(11_001, Wall);
        Assert.Null(clocks.AgreedMs(11_001));
        Assert.Null(clocks.HealthIssue);
    }

    [Fact]
    public void A_lone_node_has_its_own_clock()
    {
        var clocks = Of(1);
        Assert.False(clocks.Judge(1000, Wall));
        Assert.Equal(Wall, clocks.AgreedMs(1000));
    }

    private static PeerClocks Of(int members) => new(() => members, 500, static node => $"node-{node.Value}");

    private static void Hear(PeerClocks clocks, long nowMs, long wallMs)
    {
        clocks.Heard(new NodeId(2), nowMs, wallMs, nowMs);
        clocks.Heard(new NodeId(3), nowMs, wallMs, nowMs);
    }
}
