using System.Globalization;

namespace Kvorum.Quorum;

/// <summary>
/// A reading of a hybrid logical clock in 64 bits: 48 bits of milliseconds since 1970 (UTC), then 16 bits
/// that count what happened within one millisecond. The order of the numbers is the order of the times.
/// Source: Kulkarni et al., "Logical Physical Clocks", 2014, section 6.
/// </summary>
/// <param name="Value">Both parts: milliseconds above, counter below.</param>
public readonly record struct HybridTimestamp(ulong Value) : IComparable<HybridTimestamp>
{
    /// <summary>Bits of the counter.</summary>
    public const int LogicalBits = 16;

    /// <summary>The greatest number of milliseconds: some time in the year 10889.</summary>
    public const long UnixMsMax = (1L << (64 - LogicalBits)) - 1;

    /// <summary>The least timestamp: no clock hands it out.</summary>
    public static HybridTimestamp Zero => default;

    /// <summary>The greatest timestamp.</summary>
    public static HybridTimestamp Last => new(ulong.MaxValue);

    /// <summary>Milliseconds since 1970, UTC.</summary>
    public long UnixMs => (long)(Value >> LogicalBits);

    /// <summary>The counter within the millisecond.</summary>
    public ushort Logical => (ushort)Value;

    /// <summary>The timestamp that follows; a full counter carries into the milliseconds.</summary>
    /// <exception cref="OverflowException">This is <see cref="Last"/>.</exception>
    public HybridTimestamp Next => new(checked(Value + 1));

    /// <summary>
    /// The first timestamp of a millisecond. What lies outside 0 to <see cref="UnixMsMax"/> becomes the
    /// nearer bound: a machine's clock may be set to anything.
    /// </summary>
    public static HybridTimestamp At(long unixMs, ushort logical = 0) =>
        new(((ulong)Math.Clamp(unixMs, 0, UnixMsMax) << LogicalBits) | logical);

    /// <inheritdoc/>
    public int CompareTo(HybridTimestamp other) => Value.CompareTo(other.Value);

    /// <summary>Milliseconds and counter, as in <c>1764500000000.3</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{UnixMs}.{Logical}");

    /// <summary>Reads what <see cref="ToString"/> writes; null if it is something else.</summary>
    public static HybridTimestamp? ParseOrNull(ReadOnlySpan<char> text)
    {
        var dot = text.IndexOf('.');
        if (dot < 0
            || !long.TryParse(text[..dot], NumberStyles.None, CultureInfo.InvariantCulture, out var unixMs)
            || !ushort.TryParse(text[(dot + 1)..], NumberStyles.None, CultureInfo.InvariantCulture,
                out var logical)
            || unixMs > UnixMsMax)
            return null;
        return At(unixMs, logical);
    }

    /// <summary>Order in time.</summary>
    public static bool operator <(HybridTimestamp left, HybridTimestamp right) => left.Value < right.Value;

    /// <summary>Order in time.</summary>
    public static bool operator >(HybridTimestamp left, HybridTimestamp right) => left.Value > right.Value;

    /// <summary>Order in time.</summary>
    public static bool operator <=(HybridTimestamp left, HybridTimestamp right) => left.Value <= right.Value;

    /// <summary>Order in time.</summary>
    public static bool operator >=(HybridTimestamp left, HybridTimestamp right) => left.Value >= right.Value;
}
