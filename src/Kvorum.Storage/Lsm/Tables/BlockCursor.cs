namespace Kvorum.Storage.Lsm.Tables;

/// <summary>
/// A place in a block of entries, with its key put together. The block must be held as long as it is open
/// here. A mutable struct: keep it in a field, never copy it.
/// </summary>
internal unsafe struct BlockCursor
{
    private BlockView _block;
    private byte* _at;
    private byte* _next;
    private byte* _value;
    private int _valueBytes;
    private byte[]? _key;
    private int _keyBytes;
    private int _restart;

    /// <summary>True at an entry.</summary>
    public readonly bool IsValid => _at is not null;

    /// <summary>The key; good until the next move.</summary>
    public readonly ReadOnlySpan<byte> Key => _key.AsSpan(0, _keyBytes);

    /// <summary>The sequence number.</summary>
    public ulong Sequence { get; private set; }

    /// <summary>What the entry says.</summary>
    public EntryKind Kind { get; private set; }

    /// <summary>The value, in the block.</summary>
    public readonly ReadOnlySpan<byte> Value => new(_value, _valueBytes);

    /// <summary>Turns to a block; not at an entry yet.</summary>
    public void Open(BlockView block)
    {
        _block = block;
        _at = null;
    }

    /// <summary>Turns away from the block.</summary>
    public void Close() => _at = null;

    /// <summary>To the first entry.</summary>
    public void SeekToFirst()
    {
        _restart = 0;
        MoveTo(_block.First);
    }

    /// <summary>To the last entry.</summary>
    public void SeekToLast()
    {
        GoToRestart(_block.Restarts - 1);
        while (_next < _block.End)
            MoveTo(_next);
    }

    /// <summary>To the first entry at or behind (key, sequence); nowhere if all are before it.</summary>
    public void Seek(ReadOnlySpan<byte> key, ulong sequence)
    {
        GoToRestart(_block.LastRestartBefore(key, sequence));
        while (IsBefore(key, sequence))
        {
            Next();
            if (!IsValid)
                return;
        }
    }

    /// <summary>One entry forward; nowhere behind the last.</summary>
    public void Next()
    {
        if (_next < _block.End)
            MoveTo(_next);
        else
            _at = null;
    }

    /// <summary>One entry back; nowhere before the first.</summary>
    public void Previous()
    {
        var target = _at;
        if (target == _block.First)
        {
            _at = null;
            return;
        }

        GoToRestart(_block.Restart(_restart) == target ? _restart - 1 : _restart);
        while (_next < target)
            MoveTo(_next);
    }

    private void GoToRestart(int restart)
    {
        _restart = restart;
        MoveTo(_block.Restart(restart));
    }

    private readonly bool IsBefore(ReadOnlySpan<byte> key, ulong sequence)
    {
        var order = Key.SequenceCompareTo(key);
        return order < 0 || (order == 0 && Sequence > sequence);
    }

    private void MoveTo(byte* at)
    {
        _at = at;
        if (_restart + 1 < _block.Restarts && _block.Restart(_restart + 1) == at)
            _restart++;
        var entry = new BlockEntry(at);
        var bytes = entry.Shared + entry.Suffix;
        if (_key is null || _key.Length < bytes)
            Array.Resize(ref _key, Math.Max(64, bytes * 2));
        new ReadOnlySpan<byte>(entry.SuffixStart, entry.Suffix).CopyTo(_key.AsSpan(entry.Shared));
        _keyBytes = bytes;
        _next = entry.End;
        entry.Read(
            _block.FirstSequence, out var sequence, out var kind, out var value);
        (Sequence, Kind) = (sequence, kind);
        _valueBytes = value.Length;
        _value = _next - value.Length;
    }
}
