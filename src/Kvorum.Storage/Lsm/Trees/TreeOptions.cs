using Kvorum.Storage.Lsm.Compaction;
using Kvorum.Storage.Lsm.Tables;

namespace Kvorum.Storage.Lsm.Trees;

/// <summary>Settings of a tree.</summary>
public sealed record TreeOptions
{
    /// <summary>Bytes of a table's data block, each with a checksum: the unit of reads from disk.</summary>
    public int BlockBytes { get; init; } = 4096;

    /// <summary>Bytes of a table that a compaction writes, about.</summary>
    public long TableBytes { get; init; } = 16 << 20;

    /// <summary>
    /// Bytes of level 1, or as many as are merged into it at once; each further one may have ten times more.
    /// </summary>
    public long LevelBaseBytes { get; init; } = 64 << 20;

    /// <summary>Flushed tables that are gathered before they are merged into level 1.</summary>
    public int Level0Tables { get; init; } = 6;

    /// <summary>The first byte of the keys that <see cref="Tree.CountedKeys"/> counts; null: none.</summary>
    public byte? CountedPrefix { get; init; }

    /// <summary>How data blocks of new tables are stored; tables that are there stay as they are.</summary>
    public BlockCompression Compression { get; init; }

    internal TableOptions Tables => new() { BlockBytes = BlockBytes, Compression = Compression };

    internal CompactionOptions Compaction => new()
    {
        TableBytes = TableBytes,
        LevelBaseBytes = LevelBaseBytes,
        Level0Tables = Level0Tables,
    };
}
