namespace Kvorum.Node.Loops;

/// <summary>
/// The end of a loop: leadership is handed over, and what is pending is finished. Owned by the loop.
/// </summary>
internal sealed class LoopStop(LoopClock clock, ReplicaTable replicas, LoopCalls calls)
{
    private Action? _done;
    private long _endMs;

    /// <summary>True while it is under way.</summary>
    public bool IsStopping => _done is not null;

    /// <summary>Begins; <paramref name="done"/> is called when all is finished, or the time is up.</summary>
    public void Begin(TimeSpan patience, Action done)
    {
        _endMs = clock.NowMs + (long)patience.TotalMilliseconds;
        _done = done;
    }

    /// <summary>Goes on with it.</summary>
    public void Tick()
    {
        if (_done is not { } done)
            return;
        var handedOver = true;
        foreach (var replica in replicas.All)
            handedOver &= replica.HandOver();
        if ((!handedOver || calls.HasAny) && clock.NowMs < _endMs)
            return;
        _done = null;
        done();
    }
}
