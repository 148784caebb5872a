namespace Kvorum.Node.Loops;

/// <summary>
/// Where other threads leave work for a loop: what peers, disk and timers have to say apart from clients'
/// calls, so that the loop can take consensus traffic first. Any thread posts; the loop takes all at once.
/// Bounded: of what peers send, only so much is kept; what comes from this node is bounded by what is under
/// way, and calls are counted by <see cref="LoopCalls"/>.
/// </summary>
internal sealed class Inbox(Action wake)
{
    private readonly Lock _gate = new();
    private List<LoopEvent> _events = [];
    private List<Call> _calls = [];
    private int _fromPeers;
    private long _peerBytes;
    private bool _isSleeping;

    /// <summary>Leaves an event of this node.</summary>
    public void Post(LoopEvent item)
    {
        bool mustWake;
        lock (_gate)
            mustWake = Add(item);
        if (mustWake)
            wake();
    }

    /// <summary>
    /// Leaves what a peer has sent in so many bytes. False if the loop is too far behind: it is dropped, as a
    /// network may drop it, too.
    /// </summary>
    public bool TryPost(LoopEvent item, int bytes)
    {
        bool mustWake;
        lock (_gate)
        {
            if (_fromPeers >= Limits.PeerEventsPerLoop || _peerBytes >= Limits.PeerEventBytesPerLoop)
                return false;
            _fromPeers++;
            _peerBytes += bytes;
            mustWake = Add(item);
        }

        if (mustWake)
            wake();
        return true;
    }

    /// <summary>Leaves a call.</summary>
    public void Post(Call call)
    {
        bool mustWake;
        lock (_gate)
        {
            _calls.Add(call);
            mustWake = _isSleeping;
            _isSleeping = false;
        }

        if (mustWake)
            wake();
    }

    /// <summary>Exchanges the full lists for empty ones.</summary>
    public void Take(ref List<LoopEvent> events, ref List<Call> calls)
    {
        lock (_gate)
        {
            (_events, events) = (events, _events);
            (_calls, calls) = (calls, _calls);
            (_fromPeers, _peerBytes) = (0, 0);
        }
    }

    /// <summary>The loop wants to sleep: true if there is nothing, and then the next post wakes it.</summary>
    public bool TrySleep()
    {
        lock (_gate)
            return _isSleeping = _events.Count == 0 && _calls.Count == 0;
    }

    // Under the lock. True if the loop sleeps.
    private bool Add(LoopEvent item)
    {
        _events.Add(item);
        var mustWake = _isSleeping;
        _isSleeping = false;
        return mustWake;
    }
}
