using System.Diagnostics;
using System.Numerics;

namespace Kvorum.Benchmarks;

/// <summary>
/// Latencies of operations in logarithmic buckets of about 3 %, and their rate. One thread at a time.
/// </summary>
internal sealed class Measurement
{
    private const int Steps = 32;

    private readonly long[] _buckets = new long[64 * Steps];
    private long _count;

    /// <summary>Operations counted.</summary>
    public long Count => _count;

    /// <summary>Counts one operation that took so many stopwatch ticks.</summary>
    public void Add(long ticks)
    {
        _count++;
        var value = (ulong)Math.Max(ticks, Steps);
        var exponent = BitOperations.Log2(value);
        var fraction = (int)(value >> (exponent - 5)) & (Steps - 1);
        _buckets[(exponent * Steps) + fraction]++;
    }

    /// <summary>Adds what another one counted.</summary>
    public void Add(Measurement other)
    {
        _count += other._count;
        for (var i = 0; i < _buckets.Length; i++)
            _buckets[i] += other._buckets[i];
    }

    /// <summary>The latency that this share of the operations did not exceed, in microseconds.</summary>
    public double Microseconds(double share)
    {
        var left = (long)(_count * share);
        for (var i = 0; i < _buckets.Length; i++)
        {
            left -= _buckets[i];
            if (left < 0)
                return (Steps + (i % Steps)) * Math.Pow(2, (i / Steps) - 5) * 1e6 / Stopwatch.Frequency;
        }

        return 0;
    }
}
