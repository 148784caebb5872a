namespace Kvorum.Storage.Lsm.MemTables;

/// <summary>
/// Walks a memtable in the order of keys while its writer goes on. It keeps the path from the root, and asks
/// each node again for its next child, so that small nodes may be unsorted.
/// </summary>
internal sealed unsafe class MemTableCursor(MemTable table, ulong limit) : Cursor
{
    private const int Before = RadixNode.ValuePlace - 1;
    private const int Behind = 256;

    // The nodes above the leaf, each with the place of the child that was taken.
    private Step[] _path = new Step[16];
    private int _depth;
    private Leaf* _leaf;
    private KeyVersion* _version;

    // The versions of one leaf, newest first, for walking back.
    private nint[] _versions = [];
    private int _versionCount;
    private int _at;
    private Leaf* _versionsOf;
    private bool _isDisposed;

    private struct Step
    {
        public RadixNode* Node;
        public int Place;
    }

    /// <inheritdoc/>
    public override bool IsValid => _version is not null;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Key => Leaf.KeyOf(_leaf);

    /// <inheritdoc/>
    public override ulong Sequence => _version->Sequence;

    /// <inheritdoc/>
    public override EntryKind Kind => _version->Kind;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Value => KeyVersion.ValueOf(_version);

    /// <inheritdoc/>
    public override void SeekToFirst()
    {
        Begin();
        LeafAtOrBehind(table.Root);
        SkipToVisible();
    }

    /// <inheritdoc/>
    public override void SeekToLast()
    {
        Begin();
        LeafAtOrBefore(table.Root);
        SkipBackToVisible();
    }

    /// <inheritdoc/>
    public override void Seek(ReadOnlySpan<byte> key, ulong sequence = ulong.MaxValue)
    {
        Begin();
        var side = Descend(key, out var at);
        if (side < 0)
            NextLeaf();
        else
            LeafAtOrBehind(at);
        if (_leaf is not null && sequence < limit && Key.SequenceEqual(key))
        {
            _version = Leaf.VersionAt(_leaf, sequence);
            if (_version is not null)
                return;
            NextLeaf();
        }

        SkipToVisible();
    }

    /// <inheritdoc/>
    public override void SeekBefore(ReadOnlySpan<byte> key)
    {
        Begin();
        var side = Descend(key, out var at);
        if (side >= 0)
            PreviousLeaf();
        else
            LeafAtOrBefore(at);
        SkipBackToVisible();
    }

    /// <inheritdoc/>
    public override void Next()
    {
        _version = _version->Older;
        _versionsOf = null;
        if (_version is not null)
            return;
        NextLeaf();
        SkipToVisible();
    }

    /// <summary>Moves to the newest version of the next key.</summary>
    public void NextKey()
    {
        _versionsOf = null;
        NextLeaf();
        SkipToVisible();
    }

    /// <inheritdoc/>
    public override void Previous()
    {
        if (_versionsOf != _leaf)
            GatherVersions();
        while (_at > 0 && _versions[_at] != (nint)_version)
            _at--;
        if (_at > 0)
        {
            _version = (KeyVersion*)_versions[--_at];
            return;
        }

        PreviousLeaf();
        SkipBackToVisible();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        _leaf = null;
        _version = null;
        table.Release();
    }

    private void Begin()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _depth = 0;
        _leaf = _versionsOf = null;
        _version = null;
    }

    // The first version that is not too new, from this leaf on.
    private void SkipToVisible()
    {
        while (_leaf is not null && (_version = Leaf.VersionAt(_leaf, limit)) is null)
            NextLeaf();
        if (_leaf is null)
            _version = null;
    }

    // The oldest version of the leaf, if one is not too new, or of one before.
    private void SkipBackToVisible()
    {
        while (_leaf is not null && Leaf.VersionAt(_leaf, limit) is null)
            PreviousLeaf();
        _version = null;
        if (_leaf is null)
            return;
        GatherVersions();
        _version = (KeyVersion*)_versions[_at];
    }

    private void GatherVersions()
    {
        _versionCount = 0;
        for (var at = Leaf.VersionAt(_leaf, limit); at is not null; at = at->Older)
        {
            if (_versionCount == _versions.Length)
                Array.Resize(ref _versions, Math.Max(4, _versionCount * 2));
            _versions[_versionCount++] = (nint)at;
        }

        _at = _versionCount - 1;
        _versionsOf = _leaf;
    }

    // Descends to where the key would be. The result is below zero if all keys of the subtree found there are
    // before the key; else they are at or after it. If none is found, the path leads to the neighbours.
    private int Descend(ReadOnlySpan<byte> key, out nint at)
    {
        var depth = 0;
        at = table.Root;
        while (at != 0 && !RadixNode.IsLeaf(at))
        {
            var node = (RadixNode*)at;
            var prefix = RadixNode.PrefixOf(node);
            var common = key[depth..].CommonPrefixLength(prefix);
            depth += common;
            if (depth == key.Length)
                return 1;
            if (common < prefix.Length)
                return prefix[common] < key[depth] ? -1 : 1;
            var slot = RadixNode.Find(node, key[depth]);
            Push(node, key[depth++]);
            at = slot is null ? 0 : RadixNode.Read(slot);
        }

        return at == 0 ? 0 : Leaf.KeyOf(RadixNode.AsLeaf(at)).SequenceCompareTo(key);
    }

    private void LeafAtOrBehind(nint at)
    {
        if (at == 0)
        {
            NextLeaf();
            return;
        }

        while (!RadixNode.IsLeaf(at))
        {
            var node = (RadixNode*)at;
            Push(node, RadixNode.NextChild(node, Before, out at));
        }

        _leaf = RadixNode.AsLeaf(at);
    }

    private void LeafAtOrBefore(nint at)
    {
        if (at == 0)
        {
            PreviousLeaf();
            return;
        }

        while (!RadixNode.IsLeaf(at))
        {
            var node = (RadixNode*)at;
            Push(node, RadixNode.PreviousChild(node, Behind, out at));
        }

        _leaf = RadixNode.AsLeaf(at);
    }

    private void NextLeaf()
    {
        _leaf = null;
        while (_depth > 0 && _leaf is null)
        {
            ref var top = ref _path[_depth - 1];
            top.Place = RadixNode.NextChild(top.Node, top.Place, out var child);
            if (top.Place < Behind)
                LeafAtOrBehind(child);
            else
                _depth--;
        }
    }

    private void PreviousLeaf()
    {
        _leaf = null;
        while (_depth > 0 && _leaf is null)
        {
            ref var top = ref _path[_depth - 1];
            top.Place = RadixNode.PreviousChild(top.Node, top.Place, out var child);
            if (top.Place > Before)
                LeafAtOrBefore(child);
            else
                _depth--;
        }
    }

    private void Push(RadixNode* node, int place)
    {
        if (_depth == _path.Length)
            Array.Resize(ref _path, _depth * 2);
        _path[_depth++] = new Step { Node = node, Place = place };
    }
}
