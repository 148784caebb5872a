using System.Numerics;

namespace Kvorum.Node.State;

/// <summary>
/// Records in the order in which they came, each at its place, counted from the first one ever; the oldest
/// goes first. Found by client and request id through buckets, each of which names its newest record, and
/// that the one before it. Nothing is taken out of a bucket: a walk along it stops at a place that is no
/// longer kept. Owned by the node loop.
/// </summary>
/// <param name="recordsMax">How many are kept at most.</param>
internal sealed class SessionRing(int recordsMax)
{
    private const int RecordsMin = 16;

    // So many cost a fraction of a millisecond.
    private const ulong ChainedAtOnce = 4096;

    private SessionRecord[] _records = [];
    private uint[] _buckets = [0];
    private int _oldest;

    // The place up to which records are in their buckets. They are put there when one is looked for, or many
    // at once: one by one, each would be a cache miss.
    private ulong _chained;

    /// <summary>The place of the oldest record.</summary>
    public ulong First { get; private set; }

    /// <summary>The place that the next record gets.</summary>
    public ulong Next { get; private set; }

    public int Count => (int)(Next - First);

    /// <summary>The record at a place from <see cref="First"/> up to <see cref="Next"/>.</summary>
    public ref SessionRecord this[ulong place] => ref _records[IndexOf((int)(place - First))];

    /// <summary>Empty, and the next record gets this place.</summary>
    public void Clear(ulong next)
    {
        (_records, _buckets, _oldest) = ([], [0], 0);
        First = Next = _chained = next;
    }

    /// <summary>Adds a record behind all others.</summary>
    public void Add(in SessionRecord record)
    {
        if (Count == _records.Length)
            Grow();
        _records[IndexOf(Count)] = record;
        Next++;
        if (Next - _chained >= ChainedAtOnce)
            ChainAll();
    }

    /// <summary>The oldest one goes.</summary>
    public void RemoveOldest()
    {
        _records[_oldest] = default;
        _oldest = IndexOf(1);
        First++;
        _chained = Math.Max(_chained, First);
    }

    /// <summary>Where the newest record of this request is; null if there is none.</summary>
    public ulong? Find(SessionClient client, ulong requestId)
    {
        ChainAll();
        // In steps back from the next place, which only grow: what an old place is taken for is no loop.
        var distance = (uint)Next - _buckets[BucketOf(client, requestId)];
        for (var before = 0u; distance > before && distance <= Count;)
        {
            ref var record = ref this[Next - distance];
            if (record.RequestId == requestId && ReferenceEquals(record.Client, client))
                return Next - distance;
            before = distance;
            distance = (uint)Next - record.Previous;
        }

        return null;
    }

    private void ChainAll()
    {
        for (; _chained < Next; _chained++)
        {
            ref var record = ref this[_chained];
            ref var bucket = ref _buckets[BucketOf(record.Client, record.RequestId)];
            record.Previous = bucket;
            bucket = (uint)_chained;
        }
    }

    private int IndexOf(int fromOldest)
    {
        var at = _oldest + fromOldest;
        return at < _records.Length ? at : at - _records.Length;
    }

    private int BucketOf(SessionClient client, ulong requestId)
    {
        // The topmost bits depend on all of the id (Knuth, volume 3, 6.4: Fibonacci hashing).
        var mixed = (requestId + client.Hash) * 0x9E3779B97F4A7C15;
        return _buckets.Length == 1 ? 0 : (int)(mixed >> (64 - BitOperations.Log2((uint)_buckets.Length)));
    }

    private void Grow()
    {
        var count = Count;
        // One more than are kept: the newest comes before the oldest goes. A checkpoint may bring still more.
        var enough = Math.Max(RecordsMin, recordsMax + 1);
        var length = count < enough ? Math.Min(count * 2, enough) : count * 2;
        var grown = new SessionRecord[Math.Max(RecordsMin, length)];
        for (var i = 0; i < count; i++)
            grown[i] = _records[IndexOf(i)];
        (_records, _oldest) = (grown, 0);
        _buckets = new uint[BitOperations.RoundUpToPowerOf2((uint)grown.Length)];
        _chained = First;
    }
}
