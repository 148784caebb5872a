namespace Kvorum.Storage.Log;

/// <summary>Settings of the shared log.</summary>
public sealed record SharedLogOptions
{
    /// <summary>Size of a segment file, in bytes.</summary>
    public long SegmentBytes { get; init; } = 64 << 20;

    /// <summary>Bound of one write to the disk, in bytes: larger queues are written in several steps, with one sync each.</summary>
    public int WriteBytesMax { get; init; } = 8 << 20;

    /// <summary>Bound of appended and not yet durable bytes; beyond it <see cref="SharedLog.IsBehind"/> is true and front ends should refuse writes.</summary>
    public long QueuedBytesMax { get; init; } = 256 << 20;
}
