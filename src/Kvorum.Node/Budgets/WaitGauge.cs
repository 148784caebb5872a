using System.Numerics;

namespace Kvorum.Node.Budgets;

/// <summary>
/// How long requests took since it was read last, in milliseconds: exact below 32, to an eighth above. Any
/// thread may add; one reads.
/// </summary>
internal sealed class WaitGauge
{
    private const int Exact = 32;
    private const int PerDoubling = 8;
    private const int Buckets = 128;

    private readonly int[] _counts = new int[Buckets];
    private long _sumMs;

    /// <summary>A request took so long, in milliseconds.</summary>
    public void Add(long ms)
    {
        Interlocked.Increment(ref _counts[BucketOf(Math.Max(0, ms))]);
        Interlocked.Add(ref _sumMs, Math.Max(0, ms));
    }

    /// <summary>How long requests took since the last call; null if none came.</summary>
    public Waits? Take()
    {
        Span<int> counts = stackalloc int[Buckets];
        var total = 0L;
        var sumMs = Interlocked.Exchange(ref _sumMs, 0);
        for (var n = 0; n < Buckets; n++)
            total += counts[n] = Interlocked.Exchange(ref _counts[n], 0);
        if (total == 0)
            return null;
        var faster = total * 19 / 20;
        var bucket = 0;
        while (faster >= counts[bucket])
            faster -= counts[bucket++];
        return new(LeastOf(bucket), (double)sumMs / total);
    }

    private static int BucketOf(long ms)
    {
        if (ms < Exact)
            return (int)ms;
        var doublings = BitOperations.Log2((ulong)ms);
        var eighth = (int)(ms >> (doublings - 3)) & (PerDoubling - 1);
        return Math.Min(Buckets - 1, Exact + (PerDoubling * (doublings - 5)) + eighth);
    }

    private static long LeastOf(int bucket)
    {
        if (bucket < Exact)
            return bucket;
        var (doublings, eighth) = Math.DivRem(bucket - Exact, PerDoubling);
        return (long)(PerDoubling + eighth) << (doublings + 2);
    }
}
