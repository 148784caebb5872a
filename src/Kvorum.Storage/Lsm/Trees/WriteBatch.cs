using System.Runtime.InteropServices;

namespace Kvorum.Storage.Lsm.Trees;

/// <summary>
/// Changes that become visible together; of several for one key the last one counts. Reusable after <see
/// cref="Clear"/>, with the memory it has. One owner.
/// </summary>
public sealed class WriteBatch
{
    // A larger buffer is released by Clear: the memory of one huge value must not stay for ever.
    private const int KeptBytes = 1 << 20;

    private readonly List<Change> _changes = [];
    private byte[] _bytes = [];
    private int _used;

    /// <summary>Number of changes.</summary>
    public int Count => _changes.Count;

    internal ReadOnlySpan<Change> Changes => CollectionsMarshal.AsSpan(_changes);

    /// <summary>The key of a change, in the order of adding; good until the batch is changed.</summary>
    public ReadOnlySpan<byte> KeyAt(int index) => KeyOf(Changes[index]);

    /// <summary>What the change sets the key to; good until the batch is changed.</summary>
    public ReadOnlySpan<byte> ValueAt(int index) => ValueOf(Changes[index]);

    /// <summary>True if the change removes its key.</summary>
    public bool IsDeleteAt(int index) => Changes[index].Kind == EntryKind.Delete;

    /// <summary>Sets a key. The bytes are copied.</summary>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Put(key, value, default);

    /// <summary>
    /// Sets a key to two pieces joined, so that the caller need not join them. The bytes are copied.
    /// </summary>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> valueHead, ReadOnlySpan<byte> valueBody)
    {
        var start = _used;
        Append(key);
        Append(valueHead);
        Append(valueBody);
        _changes.Add(new Change(start, key.Length, valueHead.Length + valueBody.Length, EntryKind.Put));
    }

    /// <summary>Removes a key, present or not.</summary>
    public void Delete(ReadOnlySpan<byte> key)
    {
        var start = _used;
        Append(key);
        _changes.Add(new Change(start, key.Length, 0, EntryKind.Delete));
    }

    /// <summary>Forgets all changes.</summary>
    public void Clear()
    {
        _changes.Clear();
        _used = 0;
        if (_bytes.Length > KeptBytes)
            _bytes = [];
    }

    internal ReadOnlySpan<byte> KeyOf(in Change change) => _bytes.AsSpan(change.Start, change.KeyBytes);

    internal ReadOnlySpan<byte> ValueOf(in Change change) =>
        _bytes.AsSpan(change.Start + change.KeyBytes, change.ValueBytes);

    private void Append(ReadOnlySpan<byte> bytes)
    {
        var end = checked(_used + bytes.Length);
        if (end > _bytes.Length)
        {
            var doubled = Math.Min(Array.MaxLength, Math.Max(256, _bytes.Length * 2L));
            Array.Resize(ref _bytes, Math.Max(end, (int)doubled));
        }

        bytes.CopyTo(_bytes.AsSpan(_used));
        _used = end;
    }

    /// <summary>One change: where its key is, and right behind it the value.</summary>
    internal readonly record struct Change(int Start, int KeyBytes, int ValueBytes, EntryKind Kind);
}
