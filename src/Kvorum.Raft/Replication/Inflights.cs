namespace Kvorum.Raft.Replication;

/// <summary>
/// The append messages under way to one follower, oldest first: a sliding window bounded in messages and in bytes
/// (a last message may exceed the bytes). A ring that grows up to its bound.
/// </summary>
internal sealed class Inflights(int messagesMax, long bytesMax)
{
    private (ulong Last, long Bytes)[] ring = new (ulong, long)[Math.Min(messagesMax, 8)];
    private int head;

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
        if (Count == ring.Length) Grow();
        ring[(head + Count) % ring.Length] = (last, bytes);
        Count++;
        Bytes += bytes;
    }

    /// <summary>Everything up to <paramref name="index"/> was acknowledged.</summary>
    public void FreeTo(ulong index)
    {
        while (Count > 0 && ring[head].Last <= index)
        {
            Bytes -= ring[head].Bytes;
            head = (head + 1) % ring.Length;
            Count--;
        }
        Invariant.Check(Bytes >= 0 && (Count > 0 || Bytes == 0));
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        head = Count = 0;
        Bytes = 0;
    }

    private void Grow()
    {
        var larger = new (ulong, long)[Math.Min(messagesMax, ring.Length * 2)];
        for (var i = 0; i < Count; i++) larger[i] = ring[(head + i) % ring.Length];
        ring = larger;
        head = 0;
    }
}
