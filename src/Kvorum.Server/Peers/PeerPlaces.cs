namespace Kvorum.Server.Peers;

/// <summary>
/// Where a peer may be: what the operator said, what others say and what it says itself may differ, and some
/// of it cannot be reached from here. The newest is dialled first, then the others in turn. Any thread.
/// </summary>
/// <param name="first">What is known at first; it is never forgotten.</param>
internal sealed class PeerPlaces(string first)
{
    // With the first one: the one that worked, what the peer said, and what others say.
    private const int Most = 4;

    private readonly Lock _gate = new();
    private readonly string _first = first;
    private string[] _places = [first];
    private int _current;
    private string _told = first;

    /// <summary>The one to dial now.</summary>
    public string Current
    {
        get
        {
            lock (_gate)
                return _places[_current];
        }
    }

    /// <summary>The peer is said to be there: that is dialled next.</summary>
    public void Learn(string place)
    {
        lock (_gate)
            Put(place);
    }

    /// <summary>
    /// Others say that it is there. True if they have not said so last time, which makes it the next to be
    /// dialled; while the peer is connected it has said itself where it is, and this is for later.
    /// </summary>
    public bool Told(string place, bool isConnected)
    {
        lock (_gate)
        {
            if (place.Length == 0 || place == _told)
                return false;
            _told = place;
            var current = _places[_current];
            if (place == current)
                return false;
            Put(place);
            if (isConnected)
                Put(current);
            return !isConnected;
        }
    }

    /// <summary>The current one has worked, and the peer says that it is at the other one.</summary>
    public void Reached(string said)
    {
        lock (_gate)
        {
            var worked = _places[_current];
            if (said.Length > 0)
                Put(said);
            Put(worked);
        }
    }

    /// <summary>The current one was tried in vain.</summary>
    public void Missed()
    {
        lock (_gate)
            _current = (_current + 1) % _places.Length;
    }

    // The caller has the lock.
    private void Put(string place)
    {
        string[] older = [.. _places.Where(one => one != place && one != _first).Take(Most - 2)];
        _places = place == _first ? [place, .. older] : [place, .. older, _first];
        _current = 0;
    }
}
