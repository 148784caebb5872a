namespace Kvorum.Server.Peers;

/// <summary>
/// Pauses between attempts: doubled each time with jitter, so that many nodes do not knock in step. A
/// connection that stood for less than the longest pause does not count as success.
/// </summary>
internal sealed class Backoff(TimeSpan least, TimeSpan most)
{
    private TimeSpan _step;
    private long _since;

    /// <summary>The next pause: between half and the whole of the step.</summary>
    public TimeSpan Next()
    {
        _step = _step == default ? least : _step * 2 < most ? _step * 2 : most;
        return _step * (0.5 + (Random.Shared.NextDouble() / 2));
    }

    /// <summary>A connection stands since then.</summary>
    public void Stood(long timestamp) => _since = timestamp;

    /// <summary>It fell now.</summary>
    public void Fell(TimeProvider time)
    {
        if (time.GetElapsedTime(_since) >= most)
            _step = default;
    }
}
