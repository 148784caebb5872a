using System.Collections.Immutable;

namespace Kvorum.Storage.Lsm.Compaction;

/// <summary>What to compact next.</summary>
/// <param name="Level">Where <paramref name="Inputs"/> are.</param>
/// <param name="OutputLevel">Where the new tables will be: the next level, or the same one.</param>
/// <param name="Inputs">Tables of the level, in its order.</param>
/// <param name="Overlapped">Tables of the output level with keys in the range of the inputs, by key.</param>
/// <param name="IsMove">The inputs can go to the output level as they are: no bytes need be written.</param>
/// <param name="Reason">Why.</param>
/// <param name="Turns">The turns for the next pick, once this compaction is done.</param>
internal sealed record CompactionChoice(
    int Level,
    int OutputLevel,
    ImmutableArray<TableInfo> Inputs,
    ImmutableArray<TableInfo> Overlapped,
    bool IsMove,
    CompactionReason Reason,
    CompactionTurns Turns)
{
    /// <summary>Bytes of all tables to be read.</summary>
    public long InputBytes => Inputs.Sum(table => table.Bytes) + Overlapped.Sum(table => table.Bytes);
}

/// <summary>Why tables are compacted.</summary>
internal enum CompactionReason
{
    /// <summary>Level 0 has many tables: reads must look into each.</summary>
    Count,

    /// <summary>A level is larger than it may be.</summary>
    Size,

    /// <summary>A table has many deletes: space may come back.</summary>
    Deletes,

    /// <summary>A table is encrypted otherwise than new ones.</summary>
    Key,
}

/// <summary>
/// State that is passed from one compaction to the next: up to which key each level has been compacted in its
/// present round, so that all tables get their turn, and how much came down from level 0. It is not durable:
/// losing it only costs fairness and some writing.
/// </summary>
/// <param name="Keys">Per level; empty: from the beginning.</param>
/// <param name="Level0Bytes">Bytes that level 0 gave to its last compaction.</param>
internal sealed record CompactionTurns(ImmutableArray<ReadOnlyMemory<byte>> Keys, long Level0Bytes)
{
    /// <summary>All levels from their beginning.</summary>
    public static CompactionTurns None { get; } =
        new([.. Enumerable.Repeat(ReadOnlyMemory<byte>.Empty, Levels.Count)], 0);
}
