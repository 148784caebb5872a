namespace Kvorum.Node.Budgets;

/// <summary>
/// What all memtables of a node may hold together. Over half of it the largest ones are flushed first; at the
/// whole of it values are refused until flushes have made room; over twice of it a follower, which cannot
/// refuse what others have taken, leaves entries to be sent again later. A pure decider.
/// </summary>
/// <param name="bytes">The budget.</param>
internal sealed class MemoryBudget(long bytes)
{
    /// <summary>True if no value should be taken.</summary>
    public bool IsSpent(long held) => held >= bytes;

    /// <summary>True if not even entries of a leader should be.</summary>
    public bool IsOverrun(long held) => held / 2 >= bytes;

    /// <summary>
    /// Which memtable to flush now, by its place in the list; null for none. What is being flushed already is
    /// as good as gone, and a small one is not worth a table: it stays while others can be flushed.
    /// </summary>
    /// <param name="held">Bytes of all memtables of the node.</param>
    /// <param name="memTables">Bytes of each, and whether it is being flushed.</param>
    public int? PickFlush(long held, IReadOnlyList<(long Bytes, bool IsFlushing)> memTables)
    {
        var flushing = 0L;
        int? largest = null;
        for (var i = 0; i < memTables.Count; i++)
        {
            if (memTables[i].IsFlushing)
                flushing += memTables[i].Bytes;
            else if (largest is null || memTables[i].Bytes > memTables[largest.Value].Bytes)
                largest = i;
        }

        return held - flushing > bytes / 2 ? largest : null;
    }
}
