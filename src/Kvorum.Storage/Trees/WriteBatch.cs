using System.Runtime.InteropServices;

namespace Kvorum.Storage.Trees;

/// <summary>Changes that become visible together. Reusable after <see cref="Clear"/>. One owner.</summary>
public sealed class WriteBatch
{
    private readonly List<Change> _changes = [];
    private byte[] _keys = [];
    private int _keyBytes;

    /// <summary>Number of changes.</summary>
    public int Count => _changes.Count;

    internal ReadOnlySpan<Change> Changes => CollectionsMarshal.AsSpan(_changes);

    /// <summary>Sets a key. The bytes are copied.</summary>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Add(key, value.ToArray());

    /// <summary>
    /// Sets a key to two pieces joined, so that the caller need not join them. The bytes are copied.
    /// </summary>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> valueHead, ReadOnlySpan<byte> valueBody)
    {
        byte[] value = GC.AllocateUninitializedArray<byte>(checked(valueHead.Length + valueBody.Length));
        valueHead.CopyTo(value);
        valueBody.CopyTo(value.AsSpan(valueHead.Length));
        Add(key, value);
    }

    /// <summary>Removes a key, present or not.</summary>
    public void Delete(ReadOnlySpan<byte> key) => Add(key, null);

    /// <summary>Forgets all changes.</summary>
    public void Clear()
    {
        _changes.Clear();
        _keyBytes = 0;
    }

    internal ReadOnlySpan<byte> KeyOf(in Change change) => _keys.AsSpan(change.KeyStart, change.KeyLength);

    // The value's array goes into the tree as it is; the key's bytes are only copied there if the key is new.
    private void Add(ReadOnlySpan<byte> key, byte[]? value)
    {
        int end = checked(_keyBytes + key.Length);
        if (end > _keys.Length)
            Array.Resize(ref _keys, Math.Max(end, Math.Max(256, _keys.Length * 2)));
        key.CopyTo(_keys.AsSpan(_keyBytes));
        _changes.Add(new Change(_keyBytes, key.Length, value));
        _keyBytes = end;
    }

    /// <summary>One change; no value means delete.</summary>
    internal readonly record struct Change(int KeyStart, int KeyLength, byte[]? Value);
}
