namespace Kvorum.Storage.Lsm.MemTables;

/// <summary>
/// The writes since the last flush: an adaptive radix tree of keys in native memory, and under each key
/// its versions, newest first. One writer and any number of readers on other threads at the same time,
/// without locks. Nothing is ever removed: a delete is a version too.
/// </summary>
/// <remarks>
/// Each change is prepared aside and published by one release store of one slot, so a reader sees all of it
/// or none. A node that must change its size or its prefix is copied, and the slot that leads to it is
/// swapped; a reader that is still in the old node sees all entries that existed when it came, which are all
/// at or below the sequence number it reads at. Old nodes are freed with the arena, so no writer waits for
/// readers.
/// </remarks>
internal sealed unsafe class MemTable
{
    private readonly Arena _arena = new();
    private readonly int _countedPrefix;
    private nint _root;
    private long _entries;

    /// <summary>An empty one.</summary>
    /// <param name="countedPrefix">The first byte of the keys of <see cref="Counted"/>; null: none.</param>
    public MemTable(byte? countedPrefix = null) => _countedPrefix = countedPrefix ?? -1;

    /// <summary>Bytes of native memory. Any thread.</summary>
    public long Bytes => _arena.Bytes;

    /// <summary>Number of keys, those that are deleted too. Any thread.</summary>
    public long Keys { get; private set; }

    /// <summary>
    /// How many keys of the counted prefix these writes add, on the assumption that no key they set existed
    /// before, and each key they only delete did. Any thread.
    /// </summary>
    public long Counted { get; private set; }

    /// <summary>Versions added. Any thread.</summary>
    public long Entries => Volatile.Read(ref _entries);

    /// <summary>The greatest sequence number added. Writer, or any thread once it is sealed.</summary>
    public ulong LastSequence { get; private set; }

    /// <summary>One more holder; only while another holds it.</summary>
    public void Hold() => _arena.Hold();

    /// <summary>One holder less; with the last one the memory is gone.</summary>
    public void Release() => _arena.Release();

    /// <summary>
    /// Adds a version of a key; a second one of the same sequence number replaces the first. Sequence numbers
    /// never fall. Readers below this number do not see it. Writer only.
    /// </summary>
    public void Add(ReadOnlySpan<byte> key, ulong sequence, EntryKind kind, ReadOnlySpan<byte> value)
    {
        Invariant.Check(sequence >= LastSequence);
        _entries++;
        LastSequence = sequence;
        fixed (nint* root = &_root)
            Add(root, key, sequence, kind, value);
    }

    /// <summary>
    /// The newest version of a key not above the sequence number. The value is good as long as the table is
    /// held. Any thread.
    /// </summary>
    public bool TryGet(
        ReadOnlySpan<byte> key, ulong sequence, out EntryKind kind, out ReadOnlySpan<byte> value)
    {
        var leaf = Find(key);
        var version = leaf is null ? null : Leaf.VersionAt(leaf, sequence);
        kind = version is null ? default : version->Kind;
        value = version is null ? default : KeyVersion.ValueOf(version);
        return version is not null;
    }

    /// <summary>
    /// A cursor over the versions not above a sequence number; it holds the table until it is disposed. Any
    /// thread that holds the table.
    /// </summary>
    public Cursor OpenCursor(ulong sequence)
    {
        Hold();
        return new MemTableCursor(this, sequence);
    }

    /// <summary>The root, to start a walk at.</summary>
    internal nint Root => Volatile.Read(ref _root);

    private Leaf* Find(ReadOnlySpan<byte> key)
    {
        var depth = 0;
        var at = Root;
        while (at != 0 && !RadixNode.IsLeaf(at))
        {
            var node = (RadixNode*)at;
            if (node->PrefixBytes != 0)
            {
                if (!key[depth..].StartsWith(RadixNode.PrefixOf(node)))
                    return null;
                depth += node->PrefixBytes;
            }

            if (depth == key.Length)
            {
                at = RadixNode.Read(&node->Value);
                break;
            }

            var slot = RadixNode.Find(node, key[depth++]);
            at = slot is null ? 0 : RadixNode.Read(slot);
        }

        return at != 0 && Leaf.KeyOf(RadixNode.AsLeaf(at)).SequenceEqual(key) ? RadixNode.AsLeaf(at) : null;
    }

    private void Add(
        nint* slot, ReadOnlySpan<byte> key, ulong sequence, EntryKind kind, ReadOnlySpan<byte> value)
    {
        for (var depth = 0; ; depth++)
        {
            var at = *slot;
            if (at == 0)
            {
                RadixNode.Publish(slot, NewLeaf(key, sequence, kind, value));
                return;
            }

            if (RadixNode.IsLeaf(at))
            {
                AddAtLeaf(slot, depth, key, sequence, kind, value);
                return;
            }

            var node = (RadixNode*)at;
            var prefix = RadixNode.PrefixOf(node);
            var common = key[depth..].CommonPrefixLength(prefix);
            if (common < prefix.Length)
            {
                Split(slot, node, common, key, depth, NewLeaf(key, sequence, kind, value));
                return;
            }

            depth += common;
            var next = depth == key.Length ? &node->Value : RadixNode.Find(node, key[depth]);
            if (next is null)
            {
                AddChild(slot, node, key[depth], NewLeaf(key, sequence, kind, value));
                return;
            }

            slot = next;
        }
    }

    private void AddAtLeaf(
        nint* slot, int depth, ReadOnlySpan<byte> key, ulong sequence, EntryKind kind,
        ReadOnlySpan<byte> value)
    {
        var leaf = RadixNode.AsLeaf(*slot);
        var present = Leaf.KeyOf(leaf);
        if (present.SequenceEqual(key))
        {
            AddVersion(leaf, sequence, kind, value);
            return;
        }

        var common = key[depth..].CommonPrefixLength(present[depth..]);
        var fork = RadixNode.New(_arena, NodeSize.Four, key.Slice(depth, common));
        Hang(fork, present, depth + common, *slot);
        Hang(fork, key, depth + common, NewLeaf(key, sequence, kind, value));
        RadixNode.Publish(slot, (nint)fork);
    }

    // The node's prefix agrees with the key in its first bytes only: a fork takes its place.
    private void Split(nint* slot, RadixNode* node, int common, ReadOnlySpan<byte> key, int depth, nint leaf)
    {
        var prefix = RadixNode.PrefixOf(node);
        var fork = RadixNode.New(_arena, NodeSize.Four, prefix[..common]);
        var rest = RadixNode.WithPrefix(_arena, node, prefix[(common + 1)..]);
        RadixNode.Add(fork, prefix[common], (nint)rest);
        Hang(fork, key, depth + common, leaf);
        RadixNode.Publish(slot, (nint)fork);
    }

    private void AddChild(nint* slot, RadixNode* node, byte key, nint leaf)
    {
        if (!RadixNode.IsFull(node))
        {
            RadixNode.Add(node, key, leaf);
            return;
        }

        var grown = RadixNode.Grown(_arena, node);
        RadixNode.Add(grown, key, leaf);
        RadixNode.Publish(slot, (nint)grown);
    }

    private static void Hang(RadixNode* under, ReadOnlySpan<byte> key, int depth, nint leaf)
    {
        if (depth == key.Length)
            under->Value = leaf;
        else
            RadixNode.Add(under, key[depth], leaf);
    }

    // Key and first version side by side: mostly they are read together.
    private nint NewLeaf(ReadOnlySpan<byte> key, ulong sequence, EntryKind kind, ReadOnlySpan<byte> value)
    {
        var keyEnd = (Leaf.HeadBytes + key.Length + 7) & ~7;
        var room = _arena.Allocate(checked(keyEnd + KeyVersion.HeadBytes + value.Length));
        var leaf = (Leaf*)room;
        leaf->KeyBytes = key.Length;
        key.CopyTo(new Span<byte>(room + Leaf.HeadBytes, key.Length));
        leaf->Newest = Fill(room + keyEnd, null, sequence, kind, value);
        Keys++;
        if (IsCounted(key))
            Counted += kind == EntryKind.Put ? 1 : -1;
        return RadixNode.Of(leaf);
    }

    private void AddVersion(Leaf* leaf, ulong sequence, EntryKind kind, ReadOnlySpan<byte> value)
    {
        var older = leaf->Newest;
        if (older->Kind != kind && IsCounted(Leaf.KeyOf(leaf)))
            Counted += kind == EntryKind.Put ? 1 : -1;
        if (older->Sequence == sequence)
            older = older->Older;
        var room = _arena.Allocate(checked(KeyVersion.HeadBytes + value.Length));
        RadixNode.Publish((nint*)&leaf->Newest, (nint)Fill(room, older, sequence, kind, value));
    }

    private bool IsCounted(ReadOnlySpan<byte> key) => key.Length > 0 && key[0] == _countedPrefix;

    private static KeyVersion* Fill(
        byte* room, KeyVersion* older, ulong sequence, EntryKind kind, ReadOnlySpan<byte> value)
    {
        var version = (KeyVersion*)room;
        version->Older = older;
        version->Sequence = sequence;
        version->ValueBytes = value.Length;
        version->Kind = kind;
        value.CopyTo(new Span<byte>(room + KeyVersion.HeadBytes, value.Length));
        return version;
    }
}
