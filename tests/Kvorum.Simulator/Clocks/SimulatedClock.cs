using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Clocks;

/// <summary>
/// The clock of one machine. Its monotonic time never falls, but may run faster or slower than the world's;
/// its wall time may also jump.
/// </summary>
internal sealed class SimulatedClock : TimeProvider
{
    private const long EpochUs = 1_700_000_000_000_000;
    private readonly Scheduler _scheduler;
    private readonly long _wrongUs;
    private long _anchorUs;
    private long _localAtAnchorUs;
    private long _driftPpm;
    private long _wallOffsetUs;

    /// <param name="scheduler">The world's time.</param>
    /// <param name="startUs">What the clock shows first.</param>
    /// <param name="wallOffsetUs">How wrong its wall time is.</param>
    public SimulatedClock(Scheduler scheduler, long startUs, long wallOffsetUs) =>
        (_scheduler, _localAtAnchorUs, _wallOffsetUs, _wrongUs) =
            (scheduler, startUs, wallOffsetUs, startUs + wallOffsetUs);

    /// <summary>What a clock that is right shows at a moment of the world, in Unix milliseconds.</summary>
    public static long TrueTimeMs(long nowUs) => (EpochUs + nowUs) / 1000;

    /// <inheritdoc/>
    public override long TimestampFrequency => 1_000_000;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <inheritdoc/>
    public override long GetTimestamp()
    {
        var passed = _scheduler.NowUs - _anchorUs;
        return _localAtAnchorUs + passed + (passed * _driftPpm / 1_000_000);
    }

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() =>
        DateTimeOffset.UnixEpoch.AddMicroseconds(Math.Max(0, EpochUs + GetTimestamp() + _wallOffsetUs));

    /// <summary>From now on it runs so much faster (or slower, if negative), in millionths.</summary>
    public void Drift(long ppm)
    {
        _localAtAnchorUs = GetTimestamp();
        _anchorUs = _scheduler.NowUs;
        _driftPpm = ppm;
    }

    /// <summary>The wall time jumps.</summary>
    public void Jump(long us) => _wallOffsetUs += us;

    /// <summary>The wall time is set right again, as far as it was at first, and nothing drifts.</summary>
    public void Repair()
    {
        Drift(0);
        _wallOffsetUs = _scheduler.NowUs + _wrongUs - GetTimestamp();
    }

    /// <summary>How long the world's time takes until so much has passed on this clock.</summary>
    public long WorldTimeFor(long localUs) => (long)Math.Ceiling(localUs / (1 + (_driftPpm / 1e6)));
}
