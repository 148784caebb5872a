using Kvorum.Node;
using Kvorum.Node.Membership;
using Kvorum.Raft;
using NodeLimits = Kvorum.Node.Limits;

namespace Kvorum.Tests.Node.Membership;

public class PeerHealthTests
{
    private static readonly NodeId Self = new(1), Peer = new(2);
    private readonly PeerHealth _health = new(Self);

    [Fact]
    public void A_peer_is_up_once_it_is_connected_and_accepted()
    {
        Assert.True(_health.IsUp(Self));
        _health.Up(Peer, 10);
        Assert.False(_health.IsUp(Peer));
        Assert.True(_health.Accept(Peer));
        Assert.False(_health.Accept(Peer));
        Assert.True(_health.IsUp(Peer));
        _health.Refuse(Peer);
        Assert.False(_health.IsUp(Peer) || _health.IsAccepted(Peer));
        Assert.True(_health.Accept(Peer));
    }

    [Fact]
    public void Why_a_peer_that_is_down_refuses_this_node_is_kept_until_it_is_up()
    {
        _health.Up(Peer, 10);
        _health.Refused(Peer, "no member");
        Assert.Null(_health.RefusalOf(Peer));
        _health.Down(Peer, PeerLoss.Silent, 30);
        _health.Refused(Peer, "no member");
        Assert.Equal((PeerState.Down, 30, "no member"), _health.StateOf(Peer));
        Assert.Equal("no member", _health.RefusalOf(Peer));
        _health.Up(Peer, 40);
        Assert.Null(_health.RefusalOf(Peer));
    }

    [Fact]
    public void A_peer_that_is_lost_stays_accepted_and_is_up_since_it_came_back()
    {
        _health.Accept(Peer);
        Assert.False(_health.IsUp(Peer));
        _health.Up(Peer, 10);
        _health.Up(Peer, 20);
        Assert.True(_health.IsUpSince(Peer, 10));
        _health.Down(Peer, PeerLoss.Silent, 30);
        Assert.Equal((false, true), (_health.IsUp(Peer), _health.IsAccepted(Peer)));
        _health.Up(Peer, 40);
        Assert.Equal((true, false), (_health.IsUp(Peer), _health.IsUpSince(Peer, 39)));
    }

    [Fact]
    public void A_suspect_is_not_up_and_is_up_since_it_was_heard_again()
    {
        _health.Accept(Peer);
        Assert.False(_health.Suspect(Peer, "silent", 5));
        _health.Up(Peer, 10);
        Assert.True(_health.Suspect(Peer, "silent", 20));
        Assert.False(_health.Suspect(Peer, "silent", 21));
        Assert.False(_health.IsUp(Peer));
        Assert.True(_health.IsSuspect(Peer) && _health.IsConnected(Peer));
        Assert.Equal((PeerState.Suspect, 20, "silent"), _health.StateOf(Peer));
        Assert.True(_health.Unsuspect(Peer, 30));
        Assert.False(_health.Unsuspect(Peer, 31));
        Assert.Equal((true, false), (_health.IsUp(Peer), _health.IsUpSince(Peer, 29)));
    }

    [Fact]
    public void A_suspect_that_is_lost_is_down_and_no_suspect()
    {
        _health.Accept(Peer);
        _health.Up(Peer, 10);
        _health.Suspect(Peer, "silent", 20);
        _health.Down(Peer, PeerLoss.Silent, 30);
        Assert.Equal((PeerState.Down, 30, "it is silent"), _health.StateOf(Peer));
        Assert.False(_health.IsSuspect(Peer) || _health.Unsuspect(Peer, 40) || _health.IsConnected(Peer));
    }

    [Fact]
    public void A_slow_peer_is_slow_for_as_long_as_it_says_so()
    {
        Assert.False(_health.IsSlow(Peer, 0));
        _health.HeardSlow(Peer, 100);
        Assert.True(_health.IsSlow(Peer, 100 + NodeLimits.SlowNewsMs - 1));
        Assert.False(_health.IsSlow(Peer, 100 + NodeLimits.SlowNewsMs));
    }
}
