using Kvorum.Storage.Lsm.Merging;
using Kvorum.Storage.Lsm.Tables;

namespace Kvorum.Storage.Lsm.Versions;

/// <summary>
/// The tables of a tree at one time, open; never changed, held by each reader. Any thread.
/// </summary>
internal sealed class TableSet
{
    private readonly TableLevel[] _levels;
    private int _holders = 1;

    /// <summary>Tables by level as in <paramref name="levels"/>; holds each of them.</summary>
    public TableSet(Levels levels, Mark? mark, IReadOnlyDictionary<ulong, TableFile> files)
    {
        (Levels, Mark) = (levels, mark);
        _levels =
        [
            .. levels.Tables.Select(level => level.IsEmpty
                ? TableLevel.Empty : new TableLevel([.. level.Select(table => files[table.Number])])),
        ];
        IsEmpty = _levels.All(static level => level.Files.Length == 0);
        foreach (var file in Files)
            file.Hold();
    }

    /// <summary>Which tables.</summary>
    public Levels Levels { get; }

    /// <summary>Up to where the log is in them; null if nothing was ever written.</summary>
    public Mark? Mark { get; }

    /// <summary>All tables, level by level, in the order of <see cref="Levels"/>.</summary>
    public IEnumerable<TableFile> Files => _levels.SelectMany(static level => level.Files);

    /// <summary>Bytes on disk.</summary>
    public long Bytes => Levels.Tables.Sum(static level => level.Sum(static table => table.Bytes));

    /// <summary>Keys, as far as the entries tell: a key in several tables is counted several times.</summary>
    public long Keys => Math.Max(0, Levels.Tables.Sum(static level => level.Sum(KeysOf)));

    /// <summary>True if there is no table.</summary>
    public bool IsEmpty { get; }

    /// <summary>One more holder; only while another holds it.</summary>
    public void Hold() => Interlocked.Increment(ref _holders);

    /// <summary>One holder less; the last one releases the tables.</summary>
    public void Release()
    {
        var holders = Interlocked.Decrement(ref _holders);
        Invariant.Check(holders >= 0);
        if (holders != 0)
            return;
        foreach (var file in Files)
            file.Release();
    }

    /// <summary>
    /// What tells the tables that are encrypted otherwise than with this data key (0: plain); null if none
    /// is.
    /// </summary>
    public Func<TableInfo, bool>? Stale(ulong? key)
    {
        if (key is null || Files.All(file => file.Reader.Key == key))
            return null;
        HashSet<ulong> stale =
            [.. Files.Where(file => file.Reader.Key != key).Select(static file => file.Info.Number)];
        return table => stale.Contains(table.Number);
    }

    /// <summary>Finds the newest version of a key; the caller disposes what is found.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, out FoundEntry found)
    {
        found = default;
        if (IsEmpty)
            return false;
        var hash = BloomFilter.Hash(key);
        var prefix = KeyPrefix.Of(key);
        var level0 = _levels[0];
        for (var i = 0; i < level0.Files.Length; i++)
        {
            if (level0.Covers(i, key, prefix) &&
                level0.Files[i].Reader.TryGet(key, hash, ulong.MaxValue, out found))
                return true;
        }

        for (var level = 1; level < _levels.Length; level++)
        {
            if (_levels[level].Find(key, prefix)?.Reader.TryGet(key, hash, ulong.MaxValue, out found) == true)
                return true;
        }

        return false;
    }

    /// <summary>For the lookup of many keys in ascending order, while this is held.</summary>
    public AscendingLookup OpenLookup() => new(_levels);

    /// <summary>Cursors over everything: one per table of level 0, one per further level.</summary>
    public IEnumerable<Cursor> OpenCursors(int readAheadBytes = 0)
    {
        foreach (var file in _levels[0].Files)
            yield return file.Reader.OpenCursor(readAheadBytes);
        for (var level = 1; level < _levels.Length; level++)
        {
            var files = _levels[level].Files;
            if (files.Length == 0)
                continue;
            var tables = Levels.Tables[level];
            yield return new LevelCursor(
                tables, table => files[tables.IndexOf(table)].Reader.OpenCursor(readAheadBytes));
        }
    }

    // A delete removes a key that another table has.
    private static long KeysOf(TableInfo table) => table.Entries - (2 * table.Deletes);
}
