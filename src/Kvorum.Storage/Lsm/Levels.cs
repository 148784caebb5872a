using System.Collections.Immutable;

namespace Kvorum.Storage.Lsm;

/// <summary>
/// Which tables hold a tree's content, by level; never changed, only replaced. Level 0: as they were flushed,
/// newest first, their keys may overlap. Level 1 and below: by key, disjoint. An entry in a
/// lower-numbered level is newer than entries of the same key in other levels.
/// </summary>
/// <param name="Tables">The tables of each level.</param>
internal sealed record Levels(ImmutableArray<ImmutableArray<TableInfo>> Tables)
{
    /// <summary>Number of levels.</summary>
    public const int Count = 7;

    /// <summary>No tables at all.</summary>
    public static Levels Empty { get; } = new([.. Enumerable.Repeat(ImmutableArray<TableInfo>.Empty, Count)]);
}
