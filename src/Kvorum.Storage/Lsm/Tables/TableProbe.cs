using Kvorum.Storage.Lsm.Caching;

namespace Kvorum.Storage.Lsm.Tables;

/// <summary>
/// Looks up many keys in one table in ascending order: it keeps its place in the table, and holds the filter,
/// the index block and the data block at that place. Data blocks come through the cache, but evict none that
/// is in use there. One thread at a time.
/// </summary>
internal sealed class TableProbe(TableReader table) : IDisposable
{
    private const int NoBlock = -1;

    private int _group;
    private GroupHandle _handles;
    private bool _isInGroup;
    private CachedBlock _filter;
    private CachedBlock _index;
    private bool _isFilterPinned;
    private bool _isIndexPinned;
    private int _block;
    private int _dataOf = NoBlock;
    private CachedBlock _data;

    /// <summary>
    /// The kind of the newest version of a key; false if the table has none. Keys never descend from call to
    /// call, and are sought with the greatest sequence number.
    /// </summary>
    public bool TryFind(in SoughtKey sought, ulong hash, out EntryKind kind)
    {
        kind = default;
        return EnterGroup(sought) && MayHave(hash) && EnterBlock(sought) && Find(sought, out kind);
    }

    /// <inheritdoc/>
    public void Dispose() => LeaveGroup();

    private bool EnterGroup(in SoughtKey sought)
    {
        var top = table.Top;
        var group = top.FirstRestartNotBefore(sought, _group);
        if (group == _group && _isInGroup)
            return true;
        LeaveGroup();
        _group = group;
        if (group == top.Restarts)
            return false;
        _handles = GroupHandle.Read(top.EntryAt(group));
        _block = 0;
        return _isInGroup = true;
    }

    private bool MayHave(ulong hash)
    {
        if (_handles.Filter.Bytes == 0)
            return true;
        if (!_filter.Exists)
            _filter = table.LoadFilter(_handles.Filter, _group, out _isFilterPinned);
        return BloomFilter.MayHave(_filter.Bytes[..^TableFormat.TrailerBytes], hash);
    }

    private bool EnterBlock(in SoughtKey sought)
    {
        if (!_index.Exists)
            _index = table.LoadIndex(_handles.Index, _group, out _isIndexPinned);
        var index = TableReader.ViewOf(_index);
        _block = index.FirstRestartNotBefore(sought, _block);
        if (_block == index.Restarts)
            return false;
        if (_block == _dataOf)
            return true;
        LeaveBlock();
        _data = table.Load(TableReader.ReadHandle(index.EntryAt(_block)), BlockUse.Passed);
        _dataOf = _block;
        return true;
    }

    private bool Find(in SoughtKey sought, out EntryKind kind)
    {
        var data = TableReader.ViewOf(_data);
        kind = default;
        if (!data.Find(sought.Key, sought.Sequence, out var entry, out var hasKey) || !hasKey)
            return false;
        entry.Read(data.FirstSequence, out _, out kind, out _);
        return true;
    }

    private void LeaveBlock()
    {
        _data.Release();
        _data = default;
        _dataOf = NoBlock;
    }

    // Pinned blocks are held by the table.
    private void LeaveGroup()
    {
        LeaveBlock();
        if (!_isFilterPinned)
            _filter.Release();
        if (!_isIndexPinned)
            _index.Release();
        _filter = _index = default;
        _isInGroup = _isFilterPinned = _isIndexPinned = false;
    }
}
