using Kvorum.Quorum;

namespace Kvorum.Node.Leaderless;

/// <summary>
/// The node's hybrid clock, which gives writes of quorum keyspaces their versions. Its ceiling is in the log
/// before a version below it is given, so that no restart gives a version twice. Safe on any thread.
/// </summary>
internal sealed class VersionClock(HybridClockSettings settings, WriterId writer, HybridTimestamp ceiling)
{
    private readonly Lock _gate = new();
    private readonly HybridClock _clock = new(settings, ceiling);
    private bool _isWriting;

    /// <summary>
    /// A version above all that were given or seen. False until the ceiling is durable: ask again soon.
    /// </summary>
    public bool TryNext(long wallMs, out RecordVersion version)
    {
        lock (_gate)
        {
            var isGiven = _clock.TryNext(wallMs, out var time);
            version = new(time, writer);
            return isGiven;
        }
    }

    /// <summary>
    /// A version came from elsewhere. False if it is too far ahead of this machine's clock: then nothing may
    /// be stored under it.
    /// </summary>
    public bool Observe(RecordVersion version, long wallMs)
    {
        lock (_gate)
            return _clock.Observe(version.Time, wallMs);
    }

    /// <summary>
    /// No version that is given from now on is below this; null while none can be given.
    /// </summary>
    public HybridTimestamp? NextAtLeast(long wallMs)
    {
        lock (_gate)
            return _clock.TryNext(wallMs, out _) ? _clock.NextAtLeast : null;
    }

    /// <summary>The time by which records end, in Unix milliseconds.</summary>
    public long NowMs(long wallMs)
    {
        lock (_gate)
            return Math.Max(wallMs, _clock.NextAtLeast.UnixMs);
    }

    /// <summary>Timestamps from elsewhere that were refused since the start, being too far ahead.</summary>
    public long RefusedCount
    {
        get
        {
            lock (_gate)
                return _clock.RefusedCount;
        }
    }

    /// <summary>The ceiling to be written now; null if none is wanted, or one is being written.</summary>
    public HybridTimestamp? BeginCeiling(long wallMs)
    {
        lock (_gate)
        {
            if (_isWriting || _clock.CeilingWanted(wallMs) is not { } wanted)
                return null;
            _isWriting = true;
            return wanted;
        }
    }

    /// <summary>The ceiling is in the log.</summary>
    public void EndCeiling(HybridTimestamp written)
    {
        lock (_gate)
        {
            _isWriting = false;
            _clock.CeilingIsDurable(written);
        }
    }
}
