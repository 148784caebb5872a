namespace Kvorum.Storage.Lsm.Compaction;

/// <summary>When and how tables are compacted.</summary>
internal sealed record CompactionOptions
{
    /// <summary>So many tables in level 0 call for a compaction.</summary>
    public int Level0Tables { get; init; } = 4;

    /// <summary>
    /// Bytes that level 1 may have; each level below it may have <see cref="LevelFactor"/> times more.
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
    /// Level 0 gives its oldest tables up to so many bytes to a compaction, at least one; and a new table
    /// ends before it overlaps more than this in the level below its own, so that its own compaction stays
    /// small.
    /// </summary>
    public long InputBytesMax { get; init; } = 256 << 20;

    /// <summary>Bytes read at once from each input.</summary>
    public int ReadAheadBytes { get; init; } = 256 << 10;

    /// <summary>Bytes that a level from 1 on may have.</summary>
    public long LevelBytes(int level)
    {
        long bytes = LevelBaseBytes;
        for (int i = 1; i < level && bytes < long.MaxValue / LevelFactor; i++)
            bytes *= LevelFactor;
        return bytes;
    }
}
