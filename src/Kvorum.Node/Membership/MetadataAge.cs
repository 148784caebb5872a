namespace Kvorum.Node.Membership;

/// <summary>
/// How old what this node knows of the metadata group may be. What is on its disk at a start may be of any
/// age. Any thread.
/// </summary>
internal sealed class MetadataAge
{
    private const long Never = long.MinValue;

    private long _knownMs = Never;

    /// <summary>All that was committed by then is known here, in the node's milliseconds.</summary>
    public void IsKnown(long atMs)
    {
        var before = Volatile.Read(ref _knownMs);
        while (before < atMs)
        {
            var found = Interlocked.CompareExchange(ref _knownMs, atMs, before);
            if (found == before)
                return;
            before = found;
        }
    }

    /// <summary>
    /// The age in milliseconds; the greatest number if nothing is known of it since the start.
    /// </summary>
    public long At(long nowMs)
    {
        var knownMs = Volatile.Read(ref _knownMs);
        return knownMs == Never ? long.MaxValue : Math.Max(0, nowMs - knownMs);
    }
}
