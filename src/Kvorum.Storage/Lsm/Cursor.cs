namespace Kvorum.Storage.Lsm;

/// <summary>
/// A place in an ordered run of entries: of a memtable, a table, or several merged. Entries are ordered by
/// key (bytes, ascending), then by sequence number (descending: the newest version of a key comes first). No
/// two entries of a run have the same key and sequence number. The sequence number is the log index of the
/// write. One thread at a time. It holds what it reads until it is disposed.
/// </summary>
internal abstract class Cursor : IDisposable
{
    /// <summary>False before the first move and past either end: then only seeks are allowed.</summary>
    public abstract bool IsValid { get; }

    /// <summary>The key; valid until the next move.</summary>
    public abstract ReadOnlySpan<byte> Key { get; }

    /// <summary>The log index of the write.</summary>
    public abstract ulong Sequence { get; }

    /// <summary>What the entry says.</summary>
    public abstract EntryKind Kind { get; }

    /// <summary>The value, empty for a delete; valid until the next move.</summary>
    public abstract ReadOnlySpan<byte> Value { get; }

    /// <summary>Moves to the first entry of all.</summary>
    public abstract void SeekToFirst();

    /// <summary>Moves to the last entry of all.</summary>
    public abstract void SeekToLast();

    /// <summary>
    /// Moves to the first entry at or behind (key, sequence): with the greatest sequence, to the newest
    /// version of the first key that is not less.
    /// </summary>
    public abstract void Seek(ReadOnlySpan<byte> key, ulong sequence = ulong.MaxValue);

    /// <summary>Moves to the last entry whose key is less than this one.</summary>
    public abstract void SeekBefore(ReadOnlySpan<byte> key);

    /// <summary>Moves one entry forward.</summary>
    public abstract void Next();

    /// <summary>Moves one entry back.</summary>
    public abstract void Previous();

    /// <inheritdoc/>
    public abstract void Dispose();
}
