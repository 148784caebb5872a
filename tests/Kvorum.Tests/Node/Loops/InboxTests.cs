using Kvorum.Node.Loops;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;
using Limits = Kvorum.Node.Limits;

namespace Kvorum.Tests.Node.Loops;

/// <summary>
/// What waits for a loop's turn is in order and bounded, and a sleeping loop is woken once.
/// </summary>
public class InboxTests
{
    private readonly Inbox _inbox;
    private List<LoopEvent> _events = [];
    private List<Kvorum.Node.Call> _calls = [];
    private int _woken;

    public InboxTests() => _inbox = new(() => _woken++);

    [Fact]
    public void Events_and_calls_are_taken_in_order_and_once()
    {
        var (first, second) = (EventOf(), EventOf());
        var call = new TestCall(new GetRequest { Key = "k"u8.ToArray() }, TimeSpan.FromSeconds(1));
        _inbox.Post(first);
        _inbox.Post(call);
        Assert.True(_inbox.TryPost(second, 10));
        Take();
        Assert.Equal([first, second], _events);
        Assert.Equal([call], _calls);
        Take();
        Assert.Empty(_events);
    }

    [Fact]
    public void A_loop_that_sleeps_is_woken_by_the_first_post_alone()
    {
        _inbox.Post(EventOf());
        Assert.Equal(0, _woken);
        Assert.False(_inbox.TrySleep());
        Take();
        Assert.True(_inbox.TrySleep());
        Assert.True(_inbox.TryPost(EventOf(), 1));
        _inbox.Post(EventOf());
        Assert.Equal(1, _woken);
        Assert.False(_inbox.TrySleep());
    }

    [Fact]
    public void Events_of_peers_have_a_bound_and_events_of_the_node_come_through()
    {
        for (var i = 0; i < Limits.PeerEventsPerLoop; i++)
            Assert.True(_inbox.TryPost(EventOf(), 0));
        Assert.False(_inbox.TryPost(EventOf(), 0));
        _inbox.Post(EventOf());
        Take();
        Assert.Equal(Limits.PeerEventsPerLoop + 1, _events.Count);
        Assert.True(_inbox.TryPost(EventOf(), 0));
    }

    [Fact]
    public void Bytes_of_peers_have_a_bound()
    {
        const int Frame = 64 << 20;
        for (var i = 0; i < Limits.PeerEventBytesPerLoop / Frame; i++)
            Assert.True(_inbox.TryPost(EventOf(), Frame));
        Assert.False(_inbox.TryPost(EventOf(), 1));
        Take();
        Assert.True(_inbox.TryPost(EventOf(), Frame));
    }

    [Fact]
    public void The_family_of_events_is_closed()
    {
        var kinds = typeof(LoopEvent).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(LoopEvent)));
        Assert.All(kinds, kind => Assert.True(kind.IsSealed && kind.DeclaringType == typeof(LoopEvent)));
    }

    private static LoopEvent.Deferred EventOf() => new(static () => { });

    private void Take()
    {
        _events.Clear();
        _calls.Clear();
        _inbox.Take(ref _events, ref _calls);
    }
}
