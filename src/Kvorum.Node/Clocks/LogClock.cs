namespace Kvorum.Node.Clocks;

// Log time, as one replica would go on with it if it led (ADR 26).
//
//   1. It goes by the monotonic clock of the node, from the log time that was applied last. A leader's is
//      never behind what is applied; a follower's is set to it, ahead or behind: what the log did not count,
//      such as the time of a stop, no other replica may count later, or lives that began meanwhile would end
//      early.
//   2. It is corrected towards the wall clocks of a majority, by at most a sixteenth of the time that passes:
//      so it never stands still, never jumps, and a life is right within a sixteenth whatever any wall clock
//      shows, also where log time was years ahead from before.
//   3. Only a process that has just started does not know how much time has passed since its log was written.
//      Until its log gets an entry that was written since, the majority's clocks may move it forward, at
//      once. A leader that must write before it knows them goes on without: lives are longer by the time
//      that the node was down, never shorter.
//   4. A leader that steps down takes back what it did not commit: it goes on from what is applied.

/// <summary>
/// The clock of one replica's log time. The rule is at the top of this file. Pure numbers; owned by the loop.
/// </summary>
internal sealed class LogClock
{
    /// <summary>Corrections are at most this part of the time that passes.</summary>
    public const int SlewPart = 16;

    // Beyond what any calendar shows, so that sums of it never overflow.
    private const ulong MsMax = long.MaxValue / 8000;

    private long _timeUs;
    private long _atMs;
    private long _appliedUs;
    private long _appliedAtMs;
    private bool _mayCatchUp = true;
    private bool _isKnown;

    /// <summary>A replica starts with what its checkpoint and log say.</summary>
    public LogClock(ulong logTimeMs, long nowMs)
    {
        _timeUs = _appliedUs = Us(logTimeMs);
        _isKnown = logTimeMs > 0;
        _atMs = _appliedAtMs = nowMs;
    }

    /// <summary>The log has got an entry with a time that was written since the start.</summary>
    public void Written() => _mayCatchUp = false;

    /// <summary>All is applied up to this log time, by a replica that leads or does not.</summary>
    public void Applied(ulong logTimeMs, long nowMs, long? agreedMs, bool isLeader)
    {
        Advance(nowMs, agreedMs);
        var applied = Us(logTimeMs);
        if (applied <= _appliedUs)
            return;
        (_appliedUs, _appliedAtMs) = (applied, nowMs);
        _timeUs = isLeader ? Math.Max(_timeUs, applied) : applied;
        _isKnown = true;
    }

    /// <summary>This replica leads no longer.</summary>
    public void SteppedDown(long nowMs)
    {
        _timeUs = Math.Min(_timeUs, _appliedUs + ((nowMs - _appliedAtMs) * 1000));
        _atMs = nowMs;
    }

    /// <summary>Log time now, if this replica leads.</summary>
    public ulong Read(long nowMs, long? agreedMs)
    {
        Advance(nowMs, agreedMs);
        if (_mayCatchUp && agreedMs is { } agreed)
        {
            _timeUs = Math.Max(_timeUs, agreed * 1000);
            _mayCatchUp = false;
            _isKnown = true;
        }

        return (ulong)(_timeUs / 1000);
    }

    /// <summary>
    /// Log time for a write. A log without any time begins at the majority's clocks, or the own one.
    /// </summary>
    public ulong ReadForWrite(long nowMs, long? agreedMs, long ownMs)
    {
        var time = Read(nowMs, agreedMs ?? (_isKnown ? null : ownMs));
        _mayCatchUp = false;
        return time;
    }

    private void Advance(long nowMs, long? agreedMs)
    {
        var passedUs = Math.Max(0, nowMs - _atMs) * 1000;
        _atMs = Math.Max(_atMs, nowMs);
        _timeUs += passedUs;
        if (agreedMs is { } agreed)
            _timeUs += Math.Clamp((agreed * 1000) - _timeUs, -passedUs / SlewPart, passedUs / SlewPart);
    }

    private static long Us(ulong ms) => (long)Math.Min(ms, MsMax) * 1000;
}
