using System.Collections.Immutable;

namespace Kvorum.Storage.Lsm.Versions;

/// <summary>Up to where the log is flushed into the tables, with the tag of the tree's owner.</summary>
/// <param name="AppliedIndex">The log index.</param>
/// <param name="Tag">Opaque bytes.</param>
/// <param name="CountedKeys">How many keys of the counted prefix there are.</param>
internal sealed record Mark(ulong AppliedIndex, ReadOnlyMemory<byte> Tag, long CountedKeys)
{
    /// <summary>
    /// True if it came from another replica: the log of this one may end before it.
    /// </summary>
    public bool IsInstalled { get; init; }
}

/// <summary>An atomic change of the set of tables.</summary>
internal sealed record VersionEdit
{
    /// <summary>The mark from now on; null: as it was.</summary>
    public Mark? Mark { get; init; }

    /// <summary>Tables that are no longer in it.</summary>
    public ImmutableArray<LevelTable> Removed { get; init; } = [];

    /// <summary>Tables that are new, or at another level.</summary>
    public ImmutableArray<LevelTable> Added { get; init; } = [];

    /// <summary>The edit that makes all of this from an empty tree.</summary>
    public static VersionEdit Whole(Levels levels, Mark? mark) => new()
    {
        Mark = mark,
        Added =
        [
            .. levels.Tables.SelectMany(
                static (tables, level) => tables.Select(table => new LevelTable(level, table))),
        ],
    };

    /// <summary>The levels after the edit; a <see cref="FormatException"/> if it does not fit them.</summary>
    public Levels ApplyTo(Levels levels)
    {
        var tables = levels.Tables.Select(level => level.ToList()).ToArray();
        foreach (var removed in Removed)
        {
            if (tables[removed.Level].RemoveAll(table => table.Number == removed.Table.Number) != 1)
                throw new FormatException($"table {removed.Table.Number} is not in level {removed.Level}");
        }

        foreach (var added in Added)
            tables[added.Level].Add(added.Table);
        tables[0].Sort(static (a, b) => b.LargestSequence.CompareTo(a.LargestSequence));
        foreach (var level in tables.AsSpan(1))
        {
            level.Sort(static (a, b) => a.Smallest.Span.SequenceCompareTo(b.Smallest.Span));
            for (var i = 1; i < level.Count; i++)
            {
                if (level[i - 1].Largest.Span.SequenceCompareTo(level[i].Smallest.Span) >= 0)
                    throw new FormatException($"tables {level[i - 1].Number} and {level[i].Number} overlap");
            }
        }

        return new Levels([.. tables.Select(level => level.ToImmutableArray())]);
    }
}

/// <summary>A table and its level; of a removed one only the number counts.</summary>
internal readonly record struct LevelTable(int Level, TableInfo Table);
