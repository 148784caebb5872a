namespace Kvorum.Storage.Lsm.Merging;

/// <summary>
/// The entries of a run that a read view sees, between two bounds: of each key the newest version that is not
/// newer than the view, unless it is a delete. Each key comes once. Owns the run's
/// cursor and disposes it.
/// </summary>
/// <remarks>
/// Forward, the run's cursor stands at the present entry. Backward, versions come oldest first, so the entry
/// is copied while newer versions of its key are tried, and the run's cursor ends before all of them.
/// </remarks>
internal sealed class VisibleCursor : Cursor
{
    private readonly Cursor _source;
    private readonly ulong _sequence;
    private readonly byte[]? _from;
    private readonly byte[]? _end;
    private bool _isValid;
    private bool _isBackward;
    private Kept _kept = new();

    /// <summary>
    /// A view of the run at a sequence number. Keys from <paramref name="from"/>, if it is not null, and
    /// before
    /// <paramref name="end"/>, if it is not null.
    /// </summary>
    public VisibleCursor(Cursor source, ulong sequence, byte[]? from = null, byte[]? end = null)
    {
        (_source, _sequence, _from, _end) = (source, sequence, from, end);
    }

    /// <inheritdoc/>
    public override bool IsValid => _isValid;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Key => _isBackward ? _kept.Key : _source.Key;

    /// <inheritdoc/>
    public override ulong Sequence => _isBackward ? _kept.Sequence : _source.Sequence;

    /// <inheritdoc/>
    public override EntryKind Kind => EntryKind.Put;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Value => _isBackward ? _kept.Value : _source.Value;

    /// <inheritdoc/>
    public override void SeekToFirst()
    {
        if (_from is null)
            _source.SeekToFirst();
        else
            _source.Seek(_from, _sequence);
        FindForward(isPassing: false);
    }

    /// <inheritdoc/>
    public override void SeekToLast()
    {
        if (_end is null)
            _source.SeekToLast();
        else
            _source.SeekBefore(_end);
        FindBackward();
    }

    /// <inheritdoc/>
    public override void Seek(ReadOnlySpan<byte> key, ulong sequence = ulong.MaxValue)
    {
        if (_from is not null && key.SequenceCompareTo(_from) < 0)
        {
            SeekToFirst();
            return;
        }

        _source.Seek(key, _sequence);
        if (sequence >= _sequence)
        {
            FindForward(isPassing: false);
            return;
        }

        // The caller may be past the visible version of this key.
        _kept.KeepKey(key);
        FindForward(isPassing: false);
        if (_isValid && Sequence > sequence && Key.SequenceEqual(_kept.Key))
            Next();
    }

    /// <inheritdoc/>
    public override void SeekBefore(ReadOnlySpan<byte> key)
    {
        if (_end is not null && key.SequenceCompareTo(_end) > 0)
            _source.SeekBefore(_end);
        else
            _source.SeekBefore(key);
        FindBackward();
    }

    /// <inheritdoc/>
    public override void Next()
    {
        if (_isBackward)
        {
            _source.Seek(_kept.Key, 0);
        }
        else
        {
            _kept.KeepKey(_source.Key);
            _source.Next();
        }

        FindForward(isPassing: true);
    }

    /// <inheritdoc/>
    public override void Previous()
    {
        if (!_isBackward)
        {
            _kept.KeepKey(_source.Key);
            _source.SeekBefore(_kept.Key);
        }

        FindBackward();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _isValid = false;
        _source.Dispose();
    }

    // From where the run is to the first entry seen; with isPassing, past all of the kept key.
    private void FindForward(bool isPassing)
    {
        _isBackward = false;
        _isValid = false;
        for (; _source.IsValid; _source.Next())
        {
            var key = _source.Key;
            if (isPassing && key.SequenceEqual(_kept.Key))
                continue;
            isPassing = false;
            if (_end is not null && key.SequenceCompareTo(_end) >= 0)
                return;
            if (_source.Sequence > _sequence)
                continue;
            if (_source.Kind == EntryKind.Put)
            {
                _isValid = true;
                return;
            }

            _kept.KeepKey(key);
            isPassing = true;
        }
    }

    // From where the run is, at the oldest version of a key, back to the first key of which something is
    // seen.
    private void FindBackward()
    {
        _isBackward = true;
        _isValid = false;
        while (_source.IsValid && !_isValid)
        {
            if (_from is not null && _source.Key.SequenceCompareTo(_from) < 0)
                return;
            _kept.KeepKey(_source.Key);
            do
            {
                if (_source.Sequence > _sequence)
                    continue;
                _isValid = _source.Kind == EntryKind.Put;
                if (_isValid)
                    _kept.KeepValue(_source.Sequence, _source.Value);
            }
            while (Step() && _source.Key.SequenceEqual(_kept.Key));
        }
    }

    private bool Step()
    {
        _source.Previous();
        return _source.IsValid;
    }

    private struct Kept()
    {
        private byte[] _key = new byte[64];
        private byte[] _value = [];
        private int _keyBytes;
        private int _valueBytes;

        public readonly ReadOnlySpan<byte> Key => _key.AsSpan(0, _keyBytes);

        public readonly ReadOnlySpan<byte> Value => _value.AsSpan(0, _valueBytes);

        public ulong Sequence { get; private set; }

        public void KeepKey(ReadOnlySpan<byte> key) => Keep(key, ref _key, out _keyBytes);

        public void KeepValue(ulong sequence, ReadOnlySpan<byte> value)
        {
            Keep(value, ref _value, out _valueBytes);
            Sequence = sequence;
        }

        private static void Keep(ReadOnlySpan<byte> bytes, ref byte[] into, out int length)
        {
            if (into.Length < bytes.Length)
                into = new byte[Math.Max(bytes.Length, into.Length * 2)];
            bytes.CopyTo(into);
            length = bytes.Length;
        }
    }
}
