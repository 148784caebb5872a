using Kvorum.Storage.Lsm.Tables;

namespace Kvorum.Storage.Lsm.Versions;

/// <summary>
/// Looks many keys up in the tables of a tree, in ascending order, which is much cheaper than one by one:
/// each table keeps its place. Dispose it while the tables are still held. One thread at a time.
/// </summary>
internal sealed class AscendingLookup : IDisposable
{
    private readonly TableLevel[] _levels;
    private readonly TableProbe?[] _level0;

    // For each level below: the present table, and its probe if it was used.
    private readonly int[] _at;
    private readonly TableProbe?[] _probes;

    /// <summary>Over these levels; the tables of level 0 are searched from the first to the last.</summary>
    public AscendingLookup(TableLevel[] levels)
    {
        _levels = levels;
        _level0 = new TableProbe?[levels[0].Files.Length];
        _at = new int[levels.Length];
        _probes = new TableProbe?[levels.Length];
    }

    /// <summary>
    /// The kind of the newest version of a key; false if no table has one. Keys never descend from call to
    /// call.
    /// </summary>
    public bool TryFind(ReadOnlySpan<byte> key, out EntryKind kind)
    {
        var sought = new SoughtKey(key, ulong.MaxValue);
        var hash = BloomFilter.Hash(key);
        var level0 = _levels[0];
        for (var i = 0; i < _level0.Length; i++)
        {
            if (level0.Covers(i, key, sought.Prefix) &&
                (_level0[i] ??= new TableProbe(level0.Files[i].Reader)).TryFind(sought, hash, out kind))
                return true;
        }

        for (var level = 1; level < _levels.Length; level++)
        {
            if (_levels[level].Files.Length > 0 && TryFind(level, sought, hash, out kind))
                return true;
        }

        kind = default;
        return false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var probe in _level0)
            probe?.Dispose();
        foreach (var probe in _probes)
            probe?.Dispose();
    }

    private bool TryFind(int level, in SoughtKey sought, ulong hash, out EntryKind kind)
    {
        var tables = _levels[level];
        while (_at[level] < tables.Files.Length && tables.IsBefore(_at[level], sought.Key, sought.Prefix))
        {
            _probes[level]?.Dispose();
            _probes[level] = null;
            _at[level]++;
        }

        kind = default;
        var at = _at[level];
        return at < tables.Files.Length && tables.Covers(at, sought.Key, sought.Prefix) &&
            (_probes[level] ??= new TableProbe(tables.Files[at].Reader)).TryFind(sought, hash, out kind);
    }
}
