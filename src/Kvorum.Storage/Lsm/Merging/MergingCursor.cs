namespace Kvorum.Storage.Lsm.Merging;

/// <summary>
/// Several runs as one: the entries of all, in order. A binary heap holds the children that are at an entry,
/// the next one on top: the least when going forward, the greatest when going back. A change of direction
/// places all other children on the other side of the present entry, which costs a seek in each. Owns its
/// children and disposes them. After an exception only seeks are allowed.
/// </summary>
internal sealed class MergingCursor : Cursor
{
    private readonly Cursor[] _children;
    private readonly Head[] _heap;
    private int _count;

    // The place in the heap of the head that comes after the top: 1 or 2; 0 if not known.
    private int _next;
    private bool _isBackward;
    private byte[] _key = new byte[64];

    /// <summary>Merges these; no two of them have an entry of the same key and sequence number.</summary>
    public MergingCursor(IEnumerable<Cursor> children)
    {
        _children = [.. children];
        _heap = new Head[_children.Length];
    }

    /// <inheritdoc/>
    public override bool IsValid => _count > 0;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Key => _heap[0].Cursor.Key;

    /// <inheritdoc/>
    public override ulong Sequence => _heap[0].Cursor.Sequence;

    /// <inheritdoc/>
    public override EntryKind Kind => _heap[0].Cursor.Kind;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Value => _heap[0].Cursor.Value;

    /// <inheritdoc/>
    public override void SeekToFirst()
    {
        Begin(isBackward: false);
        foreach (var child in _children)
        {
            child.SeekToFirst();
            Take(child);
        }

        Order();
    }

    /// <inheritdoc/>
    public override void SeekToLast()
    {
        Begin(isBackward: true);
        foreach (var child in _children)
        {
            child.SeekToLast();
            Take(child);
        }

        Order();
    }

    /// <inheritdoc/>
    public override void Seek(ReadOnlySpan<byte> key, ulong sequence = ulong.MaxValue)
    {
        Begin(isBackward: false);
        foreach (var child in _children)
        {
            child.Seek(key, sequence);
            Take(child);
        }

        Order();
    }

    /// <inheritdoc/>
    public override void SeekBefore(ReadOnlySpan<byte> key)
    {
        Begin(isBackward: true);
        foreach (var child in _children)
        {
            child.SeekBefore(key);
            Take(child);
        }

        Order();
    }

    /// <inheritdoc/>
    public override void Next()
    {
        if (_isBackward)
            TurnRound(isBackward: false);
        var top = _heap[0].Cursor;
        top.Next();
        Replace(top);
    }

    /// <inheritdoc/>
    public override void Previous()
    {
        if (!_isBackward)
            TurnRound(isBackward: true);
        var top = _heap[0].Cursor;
        top.Previous();
        Replace(top);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _count = 0;
        foreach (var child in _children)
            child.Dispose();
    }

    // Afterwards the present entry is on top, and all others are at the first one on their side of it.
    private void TurnRound(bool isBackward)
    {
        var current = _heap[0].Cursor;
        var sequence = current.Sequence;
        var key = KeepKey(current.Key);
        Begin(isBackward);
        foreach (var child in _children)
        {
            if (child != current)
            {
                child.Seek(key, sequence);
                if (isBackward)
                    StepBack(child);
            }

            Take(child);
        }

        Order();
    }

    private static void StepBack(Cursor child)
    {
        if (child.IsValid)
            child.Previous();
        else
            child.SeekToLast();
    }

    private ReadOnlySpan<byte> KeepKey(ReadOnlySpan<byte> key)
    {
        if (_key.Length < key.Length)
            _key = new byte[key.Length * 2];
        key.CopyTo(_key);
        return _key.AsSpan(0, key.Length);
    }

    private void Begin(bool isBackward)
    {
        _count = _next = 0;
        _isBackward = isBackward;
    }

    private void Take(Cursor child)
    {
        if (child.IsValid)
            _heap[_count++] = new Head(child);
    }

    private void Order()
    {
        for (var i = (_count / 2) - 1; i >= 0; i--)
            SiftDown(i);
    }

    // The top has moved: it sinks to its place, or leaves the heap at its end. While it stays on top the next
    // head is known, so that a run of entries from one child costs one comparison each.
    private void Replace(Cursor top)
    {
        if (!top.IsValid)
        {
            _next = 0;
            if (--_count > 0)
                _heap[0] = _heap[_count];
            if (_count > 1)
                SiftDown(0);
            return;
        }

        if (_count == 1)
            return;
        var moved = new Head(top);
        if (_next == 0)
            _next = _count > 2 && IsBefore(_heap[2], _heap[1]) ? 2 : 1;
        _heap[0] = moved;
        if (!IsBefore(_heap[_next], moved))
            return;
        _heap[0] = _heap[_next];
        _heap[_next] = moved;
        SiftDown(_next);
        _next = 0;
    }

    private void SiftDown(int at)
    {
        var moving = _heap[at];
        while (true)
        {
            var child = (2 * at) + 1;
            if (child >= _count)
                break;
            if (child + 1 < _count && IsBefore(_heap[child + 1], _heap[child]))
                child++;
            if (!IsBefore(_heap[child], moving))
                break;
            _heap[at] = _heap[child];
            at = child;
        }

        _heap[at] = moving;
    }

    private bool IsBefore(in Head a, in Head b)
    {
        if (a.Prefix != b.Prefix)
            return a.Prefix < b.Prefix != _isBackward;
        var order = a.Cursor.Key.SequenceCompareTo(b.Cursor.Key);
        if (order == 0)
            order = b.Cursor.Sequence.CompareTo(a.Cursor.Sequence);
        return order < 0 != _isBackward;
    }

    // The first eight bytes of the key decide most comparisons without a look at the child.
    private readonly struct Head(Cursor cursor)
    {
        public readonly Cursor Cursor = cursor;
        public readonly ulong Prefix = KeyPrefix.Of(cursor.Key);
    }
}
