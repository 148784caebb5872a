namespace Kvorum.Node.Loops;

/// <summary>
/// Where other threads leave work for a loop: what peers, disk and timers have to say apart from clients'
/// calls, so that the loop can take consensus traffic first. Any thread posts; the loop takes all at once.
/// </summary>
internal sealed class Inbox(Action wake)
{
    private readonly Lock _gate = new();
    private List<Action> _events = [];
    private List<Call> _calls = [];
    private bool _isSleeping;

    public void Post(Action item)
    {
        bool mustWake;
        lock (_gate)
        {
            _events.Add(item);
            mustWake = _isSleeping;
            _isSleeping = false;
        }

        if (mustWake)
            wake();
    }

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
    public void Take(ref List<Action> events, ref List<Call> calls)
    {
        lock (_gate)
        {
            (_events, events) = (events, _events);
            (_calls, calls) = (calls, _calls);
        }
    }

    /// <summary>The loop wants to sleep: true if there is nothing, and then the next post wakes it.</summary>
    public bool TrySleep()
    {
        lock (_gate)
            return _isSleeping = _events.Count == 0 && _calls.Count == 0;
    }
}
