using System.Numerics;

namespace Kvorum.Cli.Bench;

/// <summary>
/// How long things took: buckets of equal width within each power of two (log-linear, as in HdrHistogram), so
/// that every value is known to 1/64 of itself. Not thread-safe: one per client, added up at the end.
/// </summary>
internal sealed class LatencyHistogram
{
    /// <summary>Greater values, 18 minutes in nanoseconds, are counted as this one.</summary>
    public const long ValueMax = (1L << 40) - 1;

    private const int BitsPerPower = 6;
    private const int BucketsPerPower = 1 << BitsPerPower;

    private readonly long[] _buckets = new long[IndexOf(ValueMax) + 1];

    /// <summary>Values recorded.</summary>
    public long Count { get; private set; }

    /// <summary>The greatest value recorded, exactly; 0 if there is none.</summary>
    public long Max { get; private set; }

    /// <summary>The sum of all values.</summary>
    public double Sum { get; private set; }

    /// <summary>The mean of all values; 0 if there is none.</summary>
    public double Mean => Count == 0 ? 0 : Sum / Count;

    /// <summary>Counts a value; one below zero as zero.</summary>
    public void Record(long value)
    {
        value = Math.Clamp(value, 0, ValueMax);
        _buckets[IndexOf(value)]++;
        Count++;
        Sum += value;
        Max = Math.Max(Max, value);
    }

    /// <summary>Adds all values of another one.</summary>
    public void Add(LatencyHistogram other)
    {
        for (var i = 0; i < _buckets.Length; i++)
            _buckets[i] += other._buckets[i];
        Count += other.Count;
        Sum += other.Sum;
        Max = Math.Max(Max, other.Max);
    }

    /// <summary>
    /// The value that <paramref name="percent"/> of all values do not exceed, at most 1/64 too great; 0 if
    /// there is none.
    /// </summary>
    public long Percentile(double percent)
    {
        var rank = Math.Max(1, (long)Math.Ceiling(percent / 100 * Count));
        long seen = 0;
        for (var i = 0; i < _buckets.Length; i++)
        {
            seen += _buckets[i];
            if (seen >= rank)
                return Math.Min(GreatestOf(i), Max);
        }

        return Max;
    }

    private static int IndexOf(long value)
    {
        var shift = Math.Max(0, BitOperations.Log2((ulong)value) - BitsPerPower);
        return (shift * BucketsPerPower) + (int)(value >> shift);
    }

    private static long GreatestOf(int index)
    {
        var shift = Math.Max(0, (index / BucketsPerPower) - 1);
        return ((index - (shift * BucketsPerPower) + 1L) << shift) - 1;
    }
}
