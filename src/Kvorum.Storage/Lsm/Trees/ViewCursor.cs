namespace Kvorum.Storage.Lsm.Trees;

/// <summary>
/// A position among the keys of a <see cref="ReadView"/>: for reading keys and values in place, without a
/// copy, and for many seeks. It holds the view's state itself. One thread at a time; dispose it. Damage is a
/// <see cref="TreeDamagedException"/>; after an exception only seeks are allowed.
/// </summary>
public sealed class ViewCursor : IDisposable
{
    private readonly TreeState _state;
    private readonly Cursor _cursor;
    private bool _isDisposed;

    internal ViewCursor(TreeState state, ulong sequence, byte[]? from, byte[]? end)
    {
        _state = state.Hold();
        _cursor = state.OpenCursor(sequence, from, end);
    }

    /// <summary>False before the first seek and past either end: then only seeks are allowed.</summary>
    public bool IsValid => _cursor.IsValid;

    /// <summary>The key, good until the next move.</summary>
    public ReadOnlySpan<byte> Key => _cursor.Key;

    /// <summary>The value, good until the next move.</summary>
    public ReadOnlySpan<byte> Value => _cursor.Value;

    /// <summary>To the first key.</summary>
    public void SeekToFirst() => _cursor.SeekToFirst();

    /// <summary>To the last key.</summary>
    public void SeekToLast() => _cursor.SeekToLast();

    /// <summary>To the first key that is not less than this one.</summary>
    public void Seek(ReadOnlySpan<byte> key) => _cursor.Seek(key);

    /// <summary>One key forward.</summary>
    public void Next() => _cursor.Next();

    /// <summary>One key back.</summary>
    public void Previous() => _cursor.Previous();

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        _cursor.Dispose();
        _state.Release();
    }
}
