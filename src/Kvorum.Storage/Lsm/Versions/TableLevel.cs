namespace Kvorum.Storage.Lsm.Versions;

/// <summary>
/// The open tables of a level in their order, with the first eight bytes of their bounds in arrays: most
/// tables are chosen or skipped without reading the table objects. Never changed.
/// </summary>
internal sealed class TableLevel
{
    private readonly ulong[] _smallest;
    private readonly ulong[] _largest;

    /// <summary>Without tables: most levels of most trees.</summary>
    public static TableLevel Empty { get; } = new([]);

    /// <summary>Of these tables.</summary>
    public TableLevel(TableFile[] files)
    {
        Files = files;
        _smallest = [.. files.Select(file => KeyPrefix.Of(file.Info.Smallest.Span))];
        _largest = [.. files.Select(file => KeyPrefix.Of(file.Info.Largest.Span))];
    }

    /// <summary>The tables.</summary>
    public TableFile[] Files { get; }

    /// <summary>True if the key is within the bounds of a table.</summary>
    /// <param name="at">Which table.</param>
    /// <param name="key">The key.</param>
    /// <param name="prefix">Its <see cref="KeyPrefix.Of"/>.</param>
    public bool Covers(int at, ReadOnlySpan<byte> key, ulong prefix) =>
        (_smallest[at] < prefix || (_smallest[at] == prefix &&
            Files[at].Info.Smallest.Span.SequenceCompareTo(key) <= 0)) && !IsBefore(at, key, prefix);

    /// <summary>
    /// In a level whose tables are disjoint: the one that may have the key; null if none may.
    /// </summary>
    public TableFile? Find(ReadOnlySpan<byte> key, ulong prefix)
    {
        var low = 0;
        var high = Files.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (IsBefore(middle, key, prefix))
                low = middle + 1;
            else
                high = middle;
        }

        return low < Files.Length && Covers(low, key, prefix) ? Files[low] : null;
    }

    /// <summary>True if all keys of a table are before the key.</summary>
    public bool IsBefore(int at, ReadOnlySpan<byte> key, ulong prefix) =>
        _largest[at] < prefix ||
        (_largest[at] == prefix && Files[at].Info.Largest.Span.SequenceCompareTo(key) < 0);
}
