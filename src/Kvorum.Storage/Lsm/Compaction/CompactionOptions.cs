namespace Kvorum.Storage.Lsm.Compaction;

/// <summary>When and how tables are compacted.</summary>
internal sealed record CompactionOptions
{
    /// <summary>
    /// So many tables in level 0 start a compaction. Each further one adds a filter to every read, and saves
    /// rewriting of level 1.
    /// </summary>
    public int Level0Tables { get; init; } = 6;

    /// <summary>
    /// Bytes that level 1 may have, or as many as came down from level 0 at once, if these are more: a larger
    /// amount would only pass through the level, and be written twice. Each level below it may have <see
    /// cref="LevelFactor"/> times more.
    /// </summary>
    public long LevelBaseBytes { get; init; } = 64 << 20;

    /// <summary>How much larger a level may be than the one above.</summary>
    public int LevelFactor { get; init; } = 10;

    /// <summary>A new table ends at the first new key behind so many bytes.</summary>
    public long TableBytes { get; init; } = 16 << 20;

    /// <summary>
    /// So large a share of deletes among its entries sends a table down even when its level is small enough,
    /// so that the space of what was deleted comes back.
    /// </summary>
    public double DeleteShare { get; init; } = 0.3;

    /// <summary>
    /// Level 0 gives its oldest tables up to so many bytes to a compaction, at least one.
    /// </summary>
    public long Level0BytesMax { get; init; } = 512 << 20;

    /// <summary>
    /// A new table ends before it overlaps more than this in the level below its own, so that its own
    /// compaction stays small.
    /// </summary>
    public long InputBytesMax { get; init; } = 256 << 20;

    /// <summary>Bytes read at once from each input.</summary>
    public int ReadAheadBytes { get; init; } = 256 << 10;

    /// <summary>
    /// Bytes that a level from 1 on may have, when so many came down from level 0 at once.
    /// </summary>
    public long LevelBytes(int level, long level0Bytes)
    {
        var bytes = Math.Max(LevelBaseBytes, level0Bytes);
        for (var i = 1; i < level && bytes < long.MaxValue / LevelFactor; i++)
            bytes *= LevelFactor;
        return bytes;
    }
}
