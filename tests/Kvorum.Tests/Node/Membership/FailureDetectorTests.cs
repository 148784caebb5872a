using Kvorum.Node.Membership;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Membership;

/// <summary>The floor is 500 ms, the ceiling 1 s; a turn is 20 ms, and 50 ms at most.</summary>
public class FailureDetectorTests
{
    private static readonly NodeId Peer = new(2), Other = new(3);
    private readonly FailureDetector _detector = new(500, 1000, 50);
    private IReadOnlyCollection<KeyValuePair<NodeId, PeerSilence>> _judged;
    private long _nowMs;

    public FailureDetectorTests()
    {
        _detector.Up(Peer);
        _judged = _detector.Judge(0);
    }

    [Fact]
    public void A_peer_is_suspected_after_the_floor_and_no_more_once_it_is_heard()
    {
        Speak();
        Run(480);
        Assert.False(IsSuspect(Peer));
        Run(20);
        Assert.True(IsSuspect(Peer));
        Run(10_000);
        Assert.True(IsSuspect(Peer));
        Speak();
        Assert.False(IsSuspect(Peer));
    }

    [Fact]
    public void A_peer_is_not_suspected_before_its_first_sign_of_life()
    {
        Run(60_000);
        Assert.False(IsSuspect(Peer));
        Speak();
        Run(500);
        Assert.True(IsSuspect(Peer));
    }

    [Fact]
    public void A_connection_that_is_lost_and_comes_again_begins_anew()
    {
        Speak();
        Run(500);
        _detector.Up(Peer);
        Assert.True(IsSuspect(Peer));
        _detector.Down(Peer);
        Assert.Empty(_detector.Judge(_nowMs));
        _detector.Heard(Peer);
        _detector.Up(Peer);
        Run(5000);
        Assert.False(IsSuspect(Peer));
    }

    [Fact]
    public void Each_peer_is_judged_by_its_own_signs()
    {
        _detector.Up(Other);
        for (var n = 0; n < 10; n++)
        {
            _detector.Heard(Other);
            if (n == 0)
                _detector.Heard(Peer);
            Run(100);
        }

        Assert.True(IsSuspect(Peer));
        Assert.False(IsSuspect(Other));
    }

    [Theory]
    [InlineData(100, 500)]
    [InlineData(240, 500)]
    [InlineData(340, 680)]
    [InlineData(480, 960)]
    [InlineData(900, 1000)]
    public void The_limit_is_twice_the_longest_silence_that_ended_well_within_floor_and_ceiling(
        long silentMs, long limitMs)
    {
        Speak();
        Run(silentMs - 20);
        Speak();
        Assert.Equal(limitMs, Silence(Peer).LimitMs);
    }

    [Fact]
    public void A_silence_longer_than_the_ceiling_teaches_nothing()
    {
        Speak();
        Run(2000);
        Speak();
        Assert.Equal(500, Silence(Peer).LimitMs);
    }

    [Fact]
    public void A_long_silence_is_forgotten_after_two_minutes_and_not_within_one()
    {
        Speak();
        Run(380);
        Speak();
        Steady(59_000);
        Assert.Equal(800, Silence(Peer).LimitMs);
        Steady(62_000);
        Assert.Equal(500, Silence(Peer).LimitMs);
    }

    [Fact]
    public void A_pause_of_this_node_raises_no_suspicion_and_all_silences_begin_anew()
    {
        Speak();
        Run(480);
        Assert.False(Step(30_000));
        Run(480);
        Assert.False(IsSuspect(Peer));
        Run(20);
        Assert.True(IsSuspect(Peer));
    }

    [Fact]
    public void Late_turns_count_as_ordinary_ones_and_raise_no_suspicion()
    {
        Speak();
        for (var n = 0; n < 50; n++)
            Assert.False(Step(200));
        Assert.True(Step(20));
    }

    [Fact]
    public void A_suspect_stays_one_over_a_pause_of_this_node_until_it_is_heard()
    {
        Speak();
        Run(500);
        Assert.True(Step(5000));
        _detector.Heard(Peer);
        Assert.False(Step(5000));
    }

    private void Speak()
    {
        _detector.Heard(Peer);
        Step(20);
    }

    private void Steady(long ms)
    {
        for (var end = _nowMs + ms; _nowMs < end;)
        {
            Run(80);
            Speak();
        }
    }

    private void Run(long ms)
    {
        for (var end = _nowMs + ms; _nowMs < end;)
            Step(20);
    }

    // True if the peer is a suspect after a turn that comes so much later.
    private bool Step(long ms)
    {
        _judged = _detector.Judge(_nowMs += ms);
        return IsSuspect(Peer);
    }

    private bool IsSuspect(NodeId peer) => Silence(peer).IsSuspect;

    private PeerSilence Silence(NodeId peer) => _judged.Single(one => one.Key == peer).Value;
}
