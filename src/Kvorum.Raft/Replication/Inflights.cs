namespace Kvorum.Raft.Replication;

/// <summary>
/// The append messages under way to one follower, oldest first: a sliding window bounded in messages and in
/// bytes (a last message may exceed the bytes). A ring that grows up to its bound.
/// </summary>
internal sealed class Inflights(int messagesMax, long bytesMax)
{
    private (ulong Last, long Bytes)[] _ring = new (ulong, long)[Math.Min(messagesMax, 8)];
    private int _head;

    /// <summary>Messages under way.</summary>
    public int Count { get; private set; }

    /// <summary>Entry data under way.</summary>
    public long Bytes { get; private set; }

    /// <summary>True if nothing more may be sent until something is acknowledged.</summary>
    public bool IsFull => Count == messagesMax || Bytes >= bytesMax;

    /// <summary>A message whose newest entry is <paramref name="last"/> was sent.</summary>
    public void Add(ulong last, long bytes)
    {
        Invariant.Check(!IsFull);
        if (Count == _ring.Length) Grow();
        _ring[(_head + Count) % _ring.Length] = (last, bytes);
        Count++;
        Bytes += bytes;
    }

    /// <summary>Everything up to <paramref name="index"/> was acknowledged.</summary>
    public void FreeTo(ulong index)
    {
        while (Count > 0 && _ring[_head].Last <= index)
        {
            Bytes -= _ring[_head].Bytes;
            _head = (_head + 1) % _ring.Length;
            Count--;
        }
        Invariant.Check(Bytes >= 0 && (Count > 0 || Bytes == 0));
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        _head = Count = 0;
        Bytes = 0;
    }

    private void Grow()
    {
        var larger = new (ulong, long)[Math.Min(messagesMax, _ring.Length * 2)];
        for (var i = 0; i < Count; i++) larger[i] = _ring[(_head + i) % _ring.Length];
        _ring = larger;
        _head = 0;
    }
}
