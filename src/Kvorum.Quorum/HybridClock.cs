namespace Kvorum.Quorum;

/// <summary>How far clocks may be apart, and how often a clock's ceiling becomes durable.</summary>
public sealed record HybridClockSettings
{
    /// <summary>
    /// How far ahead of this machine's clock a timestamp from elsewhere may be, in milliseconds. A write from
    /// further ahead is refused: it would win over all later ones.
    /// </summary>
    public long OffsetMaxMs { get; init; } = 5_000;

    /// <summary>
    /// How far ahead the ceiling is made durable, in milliseconds. After a restart the clock begins at the
    /// ceiling, so this far ahead of the machine's; it is made durable again about every half of this time.
    /// </summary>
    public long CeilingLeadMs { get; init; } = 2_000;

    /// <summary>
    /// What is wrong with the settings, as a sentence that names the remedy; null if nothing is.
    /// </summary>
    public string? Fault()
    {
        if (OffsetMaxMs is < 1 or > 86_400_000)
        {
            return $"The greatest clock offset is {OffsetMaxMs} ms: use 1 to 86400000 ms (a day).";
        }

        if (CeilingLeadMs < 1)
            return $"The lead of the clock's ceiling is {CeilingLeadMs} ms: use at least 1 ms.";
        if (CeilingLeadMs * 2 > OffsetMaxMs)
        {
            return $"The lead of the clock's ceiling is {CeilingLeadMs} ms and the greatest clock offset "
                + $"{OffsetMaxMs} ms: a node that restarts begins one lead ahead, and the others would "
                + "refuse its writes; use a lead of at most half the offset.";
        }

        return null;
    }

    /// <summary>Throws if there is a <see cref="Fault"/>.</summary>
    /// <exception cref="ArgumentException">The settings cannot work together; the text says why.</exception>
    public void Validate()
    {
        if (Fault() is { } fault) throw new ArgumentException(fault);
    }
}

/// <summary>
/// A hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014, figure 5): close to the
/// machine's clock, later than all timestamps it has handed out or accepted, and never going back, not by a
/// restart either. It reads no clock: each call is told the machine's time. Owned by one caller.
/// </summary>
/// <remarks>
/// The <em>ceiling</em> keeps it from going back by a restart. The clock hands out nothing at or above the
/// ceiling that is known to be durable, and begins at the durable ceiling after a restart. The host asks
/// <see cref="CeilingWanted"/> now and then, writes the answer, and calls <see cref="CeilingIsDurable"/>.
/// </remarks>
/// <param name="settings">Checked here.</param>
/// <param name="durableCeiling">The ceiling found on the disk; zero on a new one.</param>
public sealed class HybridClock(HybridClockSettings settings, HybridTimestamp durableCeiling)
{
    private readonly HybridClockSettings _settings = Checked(settings);

    // Everything below may have been handed out or was seen.
    private HybridTimestamp _next = durableCeiling > HybridTimestamp.Zero
        ? durableCeiling
        : HybridTimestamp.Zero.Next;

    /// <summary>The clock hands out timestamps below this one only.</summary>
    public HybridTimestamp Ceiling { get; private set; } = durableCeiling;

    /// <summary>The least timestamp that may still be handed out: no later one is below it.</summary>
    public HybridTimestamp NextAtLeast => _next;

    /// <summary>Timestamps from elsewhere that were refused because they were too far ahead.</summary>
    public long RefusedCount { get; private set; }

    /// <summary>
    /// Hands out a timestamp above all before it. False if there is none below the durable ceiling: make the
    /// ceiling that <see cref="CeilingWanted"/> names durable, then ask again.
    /// </summary>
    /// <param name="nowMs">The machine's clock, in milliseconds since 1970; it may jump.</param>
    /// <param name="time">The timestamp.</param>
    public bool TryNext(long nowMs, out HybridTimestamp time)
    {
        time = Later(_next, HybridTimestamp.At(nowMs));
        if (time >= Ceiling) return false;
        _next = time.Next;
        return true;
    }

    /// <summary>
    /// A timestamp came from elsewhere: what this clock hands out from now on is above it. False if it is
    /// refused, because it is more than <see cref="HybridClockSettings.OffsetMaxMs"/> ahead of the machine's
    /// clock; nothing changes then, and nothing may be stored under it.
    /// </summary>
    /// <param name="remote">From a peer, or the highest that a client has seen.</param>
    /// <param name="nowMs">The machine's clock, in milliseconds since 1970.</param>
    public bool Observe(HybridTimestamp remote, long nowMs)
    {
        if (!IsWithinOffset(remote, nowMs))
        {
            RefusedCount++;
            return false;
        }

        if (remote >= _next) _next = remote.Next;
        return true;
    }

    /// <summary>True if <see cref="Observe"/> would accept the timestamp.</summary>
    public bool IsWithinOffset(HybridTimestamp remote, long nowMs) =>
        remote < HybridTimestamp.Last
        && remote.UnixMs <= Math.Max(0, Math.Min(nowMs, HybridTimestamp.UnixMsMax)) + _settings.OffsetMaxMs;

    /// <summary>
    /// How far the clock is ahead of the machine's, in milliseconds; zero if it is not. More than the
    /// greatest offset means that the others refuse this node's writes: the machine's clock was set back.
    /// </summary>
    public long AheadMs(long nowMs) => Math.Max(0, _next.UnixMs - Math.Max(0, nowMs));

    /// <summary>
    /// The ceiling that should become durable now; null while more than half of the lead is left. Ask again
    /// only when the last answer is durable or has failed.
    /// </summary>
    /// <param name="nowMs">The machine's clock, in milliseconds since 1970.</param>
    public HybridTimestamp? CeilingWanted(long nowMs)
    {
        var position = Later(_next, HybridTimestamp.At(nowMs));
        var leftMs = Ceiling.UnixMs - position.UnixMs;
        if (leftMs * 2 > _settings.CeilingLeadMs) return null;
        var wanted = HybridTimestamp.At(position.UnixMs + _settings.CeilingLeadMs, ushort.MaxValue);
        return wanted > Ceiling ? wanted : null;
    }

    /// <summary>The ceiling is on the disk. A lower one than the present changes nothing.</summary>
    public void CeilingIsDurable(HybridTimestamp ceiling) => Ceiling = Later(Ceiling, ceiling);

    private static HybridTimestamp Later(HybridTimestamp left, HybridTimestamp right) =>
        left > right ? left : right;

    private static HybridClockSettings Checked(HybridClockSettings settings)
    {
        settings.Validate();
        return settings;
    }
}
