namespace Kvorum.Storage.Log;

/// <summary>Settings of the shared log.</summary>
public sealed record SharedLogOptions
{
    /// <summary>Size of a segment file, in bytes, at most 1 GiB; a larger batch makes a larger one.</summary>
    public long SegmentBytes { get; init; } = 64 << 20;

    /// <summary>
    /// Bound of one write to the disk, in bytes: larger queues are written in several steps, with one sync
    /// each.
    /// </summary>
    public int WriteBytesMax { get; init; } = 8 << 20;

    /// <summary>
    /// Bound of appended and not yet durable bytes; beyond it <see cref="SharedLog.IsBehind"/> is true and
    /// front ends should refuse writes.
    /// </summary>
    public long QueuedBytesMax { get; init; } = 256 << 20;

    /// <summary>Throws if a setting is out of its bounds.</summary>
    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(
            SegmentBytes, RecordFormat.SegmentHeaderBytes + RecordFormat.LastFrameBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(SegmentBytes, 1 << 30);
        ArgumentOutOfRangeException.ThrowIfLessThan(WriteBytesMax, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(WriteBytesMax, LogBatch.BytesMax);
    }
}
