namespace Kvorum.Storage.Lsm.Trees;

/// <summary>
/// A frozen state of a tree. Any thread may read it, several at once; its memory and files stay until
/// it is disposed.
/// </summary>
public sealed class ReadView : IDisposable
{
    private readonly TreeState _state;
    private int _closed;

    internal ReadView(TreeState held, ulong appliedIndex) => (_state, AppliedIndex) = (held, appliedIndex);

    /// <summary>The log index of the state.</summary>
    public ulong AppliedIndex { get; }

    /// <summary>About how many keys: those written several times may be counted several times.</summary>
    public long Count => _state.Keys;

    /// <summary>Looks a key up. The memory is the caller's.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, out ReadOnlyMemory<byte> value)
    {
        CheckOpen();
        var found = _state.Get(key, AppliedIndex, long.MaxValue, out _);
        value = found;
        return found is not null;
    }

    /// <summary>
    /// Keys from <paramref name="from"/> (inclusive) to <paramref name="end"/> (exclusive; empty: no bound),
    /// in byte order, or in the reverse of it. The memory is the caller's.
    /// </summary>
    public IEnumerable<KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>> Scan(
        ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> end, bool reverse = false)
    {
        using var cursor = OpenCursor(from.Span, end.Span);
        if (reverse)
            cursor.SeekToLast();
        else
            cursor.SeekToFirst();
        while (cursor.IsValid)
        {
            CheckOpen();
            yield return new(cursor.Key.ToArray(), cursor.Value.ToArray());
            if (reverse)
                cursor.Previous();
            else
                cursor.Next();
        }
    }

    /// <summary>
    /// A cursor over the keys from <paramref name="from"/> (inclusive) to <paramref name="end"/> (exclusive;
    /// empty: no bound): nothing is copied. Seek before the first use.
    /// </summary>
    public ViewCursor OpenCursor(ReadOnlySpan<byte> from = default, ReadOnlySpan<byte> end = default)
    {
        CheckOpen();
        return new ViewCursor(
            _state, AppliedIndex, from.IsEmpty ? null : from.ToArray(), end.IsEmpty ? null : end.ToArray());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
            _state.Release();
    }

    private void CheckOpen() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _closed) != 0, this);
}
