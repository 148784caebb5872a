namespace Kvorum.Node.Membership;

/// <summary>
/// How long a peer has been silent, and how long it usually is. Owned by the caller of
/// <see cref="FailureDetector.Judge"/>, but for <see cref="Heard"/>.
/// </summary>
/// <param name="floorMs">The least limit, in milliseconds.</param>
/// <param name="ceilingMs">The greatest limit, in milliseconds.</param>
internal sealed class PeerSilence(long floorMs, long ceilingMs)
{
    /// <summary>A limit is so many times the longest silence that ended well.</summary>
    public const int Margin = 2;

    /// <summary>The longest silence is remembered for one to two of these, in milliseconds.</summary>
    public const long MemoryMs = 60_000;

    private int _heard;
    private bool _isKnown;
    private long _memoryAgeMs;
    private long _longestMs;
    private long _longestBeforeMs;

    /// <summary>For how long nothing came, in milliseconds of this node's own running time.</summary>
    public long SilentMs { get; private set; }

    /// <summary>The silence from which the peer is suspected, in milliseconds.</summary>
    public long LimitMs =>
        Math.Clamp(Margin * Math.Max(_longestMs, _longestBeforeMs), floorMs, ceilingMs);

    /// <summary>True from the moment its silence reached the limit until it is heard.</summary>
    public bool IsSuspect { get; private set; }

    /// <summary>A frame came. Any thread.</summary>
    public void Heard()
    {
        // Under load the mark stands already: reading it does not take the cache line from other threads.
        if (Volatile.Read(ref _heard) == 0)
            Volatile.Write(ref _heard, 1);
    }

    /// <summary>This node was paused: what came meanwhile is still unread.</summary>
    public void Restart() => SilentMs = 0;

    /// <summary>Time has passed.</summary>
    /// <param name="ms">How much, in milliseconds.</param>
    /// <param name="mayRaise">False if this node is late itself: it suspects no peer now.</param>
    public void Pass(long ms, bool mayRaise)
    {
        if (Interlocked.Exchange(ref _heard, 0) != 0)
            Ended(SilentMs + ms);
        else if (_isKnown)
            SilentMs += ms;
        IsSuspect |= mayRaise && SilentMs >= LimitMs;
        Age(ms);
    }

    // A longer silence was an outage: it says nothing about how late frames are that do come.
    private void Ended(long ms)
    {
        if (_isKnown && ms <= ceilingMs)
            _longestMs = Math.Max(_longestMs, ms);
        (SilentMs, IsSuspect, _isKnown) = (0, false, true);
    }

    private void Age(long ms)
    {
        _memoryAgeMs += ms;
        if (_memoryAgeMs < MemoryMs)
            return;
        (_memoryAgeMs, _longestBeforeMs, _longestMs) = (0, _longestMs, 0);
    }
}
