using System.Collections.Immutable;

namespace Kvorum.Storage.Lsm.Compaction;

/// <summary>
/// Decides what to compact next: a stateless function of the levels. The level that exceeds
/// its bound the most comes first; in it, tables with many deletes, then each in its turn. If no level
/// exceeds its bound, tables with many deletes go down, or are written anew where nothing lies below them.
/// One compaction of a tree at a time; flushes may go on beside it.
/// </summary>
internal static class CompactionPicker
{
    /// <summary>The next compaction; null if the tree is in order.</summary>
    /// <param name="levels">All tables.</param>
    /// <param name="turns">The turns of the last choice.</param>
    /// <param name="oldestView">
    /// The least sequence number a view is open at; the greatest number if none is.
    /// </param>
    /// <param name="options">Bounds.</param>
    /// <param name="isStale">
    /// True for a table that is encrypted otherwise than new ones, and to be written anew; null: none is.
    /// </param>
    public static CompactionChoice? Pick(
        Levels levels, CompactionTurns turns, ulong oldestView, CompactionOptions options,
        Func<TableInfo, bool>? isStale = null)
    {
        var level = Fullest(levels, turns, options, out var score);
        if (score < 1)
            return PickDeletes(levels, turns, oldestView, options)
                ?? (isStale is null ? null : PickStale(levels, turns, options, isStale));
        if (level == 0)
            return Down(levels, turns, 0, Oldest(levels.Tables[0], options), CompactionReason.Count);
        var heavy = Heaviest(levels.Tables[level], options);
        var table = heavy ?? Next(levels.Tables[level], turns.Keys[level].Span);
        var reason = heavy is null ? CompactionReason.Size : CompactionReason.Deletes;
        return Down(levels, turns, level, [table], reason);
    }

    /// <summary>
    /// How urgent a compaction is: 1 and more, when some level is at or beyond its bound. Trees with a higher
    /// score should go first; writes should slow down when it is far above 1.
    /// </summary>
    public static double Score(Levels levels, CompactionTurns turns, CompactionOptions options)
    {
        Fullest(levels, turns, options, out var score);
        return score;
    }

    // The last level has no bound: there is no level below it.
    private static int Fullest(
        Levels levels, CompactionTurns turns, CompactionOptions options, out double score)
    {
        var fullest = 0;
        score = (double)levels.Tables[0].Length / options.Level0Tables;
        for (var level = 1; level < Levels.Count - 1; level++)
        {
            var other = (double)levels.Tables[level].Sum(table => table.Bytes) /
                options.LevelBytes(level, turns.Level0Bytes);
            if (other > score)
                (fullest, score) = (level, other);
        }

        return fullest;
    }

    private static CompactionChoice? PickDeletes(
        Levels levels, CompactionTurns turns, ulong oldestView, CompactionOptions options)
    {
        var level0 = levels.Tables[0];
        if (Heaviest(level0, options) is not null)
            return Down(levels, turns, 0, Oldest(level0, options), CompactionReason.Deletes);
        for (var level = 1; level < Levels.Count; level++)
        {
            foreach (var table in levels.Tables[level])
            {
                if (!IsHeavy(table, options))
                    continue;
                if (LiesOnSomething(levels, level, table))
                    return Down(levels, turns, level, [table], CompactionReason.Deletes);
                // Rewritten, it has no deletes left. With a view that still needs them it would be rewritten
                // again and again.
                if (table.LargestSequence <= oldestView)
                    return new CompactionChoice(
                        level, level, [table], [], IsMove: false, CompactionReason.Deletes, turns);
            }
        }

        return null;
    }

    private static CompactionChoice? PickStale(
        Levels levels, CompactionTurns turns, CompactionOptions options, Func<TableInfo, bool> isStale)
    {
        if (levels.Tables[0].Any(isStale))
        {
            var down = Down(levels, turns, 0, Oldest(levels.Tables[0], options), CompactionReason.Key);
            return down with { IsMove = false };
        }

        for (var level = 1; level < Levels.Count; level++)
        {
            if (levels.Tables[level].FirstOrDefault(isStale) is { } table)
                return new CompactionChoice(
                    level, level, [table], [], IsMove: false, CompactionReason.Key, turns);
        }

        return null;
    }

    private static CompactionChoice Down(
        Levels levels,
        CompactionTurns turns,
        int level,
        ImmutableArray<TableInfo> inputs,
        CompactionReason reason)
    {
        var overlapped = Overlapping(levels.Tables[level + 1], inputs);
        var isMove = overlapped.IsEmpty && AreDisjoint(inputs);
        var after = level == 0
            ? turns with { Level0Bytes = inputs.Sum(static table => table.Bytes) }
            : turns with { Keys = turns.Keys.SetItem(level, inputs[^1].Largest) };
        return new CompactionChoice(level, level + 1, inputs, overlapped, isMove, reason, after);
    }

    // Only the oldest tables may leave level 0: the remaining ones must be newer than those below.
    private static ImmutableArray<TableInfo> Oldest(
        ImmutableArray<TableInfo> level0, CompactionOptions options)
    {
        var first = level0.Length - 1;
        var bytes = level0[first].Bytes;
        while (first > 0 && bytes + level0[first - 1].Bytes <= options.Level0BytesMax)
            bytes += level0[--first].Bytes;
        return level0[first..];
    }

    private static TableInfo Next(ImmutableArray<TableInfo> tables, ReadOnlySpan<byte> turn)
    {
        foreach (var table in tables)
        {
            if (turn.IsEmpty || table.Smallest.Span.SequenceCompareTo(turn) > 0)
                return table;
        }

        return tables[0];
    }

    private static TableInfo? Heaviest(ImmutableArray<TableInfo> tables, CompactionOptions options) =>
        tables.Where(table => IsHeavy(table, options)).MaxBy(table => (double)table.Deletes / table.Entries);

    private static bool IsHeavy(TableInfo table, CompactionOptions options) =>
        table.Deletes > 0 && table.Deletes >= table.Entries * options.DeleteShare;

    private static bool LiesOnSomething(Levels levels, int level, TableInfo table) =>
        levels.Tables.Skip(level + 1).Any(below => !Overlapping(below, [table]).IsEmpty);

    private static bool AreDisjoint(ImmutableArray<TableInfo> tables)
    {
        TableInfo[] byKey = [.. tables];
        Array.Sort(byKey, (a, b) => a.Smallest.Span.SequenceCompareTo(b.Smallest.Span));
        for (var i = 1; i < byKey.Length; i++)
        {
            if (byKey[i - 1].Largest.Span.SequenceCompareTo(byKey[i].Smallest.Span) >= 0)
                return false;
        }

        return true;
    }

    // The range from the least to the greatest key of all, gaps included: the new tables may lie anywhere in
    // it.
    private static ImmutableArray<TableInfo> Overlapping(
        ImmutableArray<TableInfo> tables, ImmutableArray<TableInfo> inputs)
    {
        var smallest = inputs[0].Smallest;
        var largest = inputs[0].Largest;
        foreach (var input in inputs)
        {
            if (input.Smallest.Span.SequenceCompareTo(smallest.Span) < 0)
                smallest = input.Smallest;
            if (input.Largest.Span.SequenceCompareTo(largest.Span) > 0)
                largest = input.Largest;
        }

        return
        [
            .. tables.Where(table => table.Largest.Span.SequenceCompareTo(smallest.Span) >= 0 &&
                table.Smallest.Span.SequenceCompareTo(largest.Span) <= 0),
        ];
    }
}
