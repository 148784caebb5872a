namespace Kvorum.Node.Budgets;

/// <summary>
/// Spreads bytes over time: work goes while what was taken before is paid for, by so many bytes a second, but
/// for a short burst. Only numbers: a caller that is told to wait asks again at its next tick. Any thread.
/// </summary>
/// <param name="bytesPerSecond">The rate; 0: no bound.</param>
/// <param name="burstMs">How far ahead of the rate it may be, at least a tick.</param>
internal sealed class RateLimiter(long bytesPerSecond, long burstMs)
{
    private readonly Lock _gate = new();
    private long _rate = bytesPerSecond;

    // When all that was taken is paid for.
    private long _paidUs;

    /// <summary>True if there is no bound.</summary>
    public bool IsUnbounded { get; } = bytesPerSecond == 0;

    /// <summary>Another rate from now on, above 0; no effect if there is no bound.</summary>
    public void SetRate(long rate)
    {
        lock (_gate)
            _rate = rate;
    }

    /// <summary>Takes what is known only when it is done; to be asked for with no bytes before.</summary>
    public void Take(long bytes, long nowMs)
    {
        if (IsUnbounded)
            return;
        lock (_gate)
            Pay(bytes, nowMs * 1000);
    }

    /// <summary>
    /// Takes so many bytes, as a whole: over any time, no more go than the rate allows in it, and in the
    /// burst, and one piece. False if they are to wait.
    /// </summary>
    public bool TryTake(long bytes, long nowMs)
    {
        if (IsUnbounded)
            return true;
        lock (_gate)
        {
            var nowUs = nowMs * 1000;
            if (_paidUs > nowUs + (burstMs * 1000))
                return false;
            Pay(bytes, nowUs);
            return true;
        }
    }

    private void Pay(long bytes, long nowUs) =>
        _paidUs = Math.Max(_paidUs, nowUs) + (long)((Int128)bytes * 1_000_000 / _rate);
}
