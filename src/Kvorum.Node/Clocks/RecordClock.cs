namespace Kvorum.Node.Clocks;

// The time by which quorum keyspaces go, as one node sees it (ADR 40).
//
//   1. It is what the wall clocks of a majority show, at once. While no majority agrees it goes on by the
//      node's monotonic clock.
//   2. A lone node has no other clock to compare its own with, so a wall clock that jumps only corrects the
//      time, by a sixteenth of the time that passes. What the wall clock shows at the start is believed,
//      unless the ceiling of versions tells that the time was later: a wall clock that was ahead before, and
//      is right now, would else hold up all writes until it has caught up, as versions that are far ahead of
//      the time are refused.

/// <summary>
/// The clock of quorum keyspaces. The rule is at the top of this file. Judged by loop 0, read on any thread.
/// </summary>
/// <param name="leastMs">What a lone node begins with at least, in Unix milliseconds.</param>
internal sealed class RecordClock(long leastMs)
{
    private const long NotKnown = long.MinValue;

    // This clock less the node's monotonic one.
    private long _lessMonotonicUs = NotKnown;
    private long _judgedMs;

    /// <summary>
    /// The time, in Unix milliseconds, at a time of the monotonic clock; null until a majority's clocks have
    /// agreed since the start.
    /// </summary>
    public long? At(long nowMs)
    {
        var less = Volatile.Read(ref _lessMonotonicUs);
        return less == NotKnown ? null : Math.Max(0, ((nowMs * 1000) + less) / 1000);
    }

    /// <summary>
    /// Compares it with what the majority's clocks show; null: they do not agree. Alone is a node that is the
    /// only member.
    /// </summary>
    public void Judge(long nowMs, long? agreedMs, bool isAlone)
    {
        var mostUs = Math.Max(0, nowMs - _judgedMs) * 1000 / LogClock.SlewPart;
        _judgedMs = nowMs;
        if (agreedMs is not { } agreed)
            return;
        var (now, less) = (_lessMonotonicUs, (agreed - nowMs) * 1000);
        if (isAlone)
        {
            less = now == NotKnown ? Math.Max(less, (leastMs - nowMs) * 1000)
                : now + Math.Clamp(less - now, -mostUs, mostUs);
        }

        Volatile.Write(ref _lessMonotonicUs, less);
    }
}
