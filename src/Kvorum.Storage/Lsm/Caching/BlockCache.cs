using System.Numerics;
using System.Runtime.Intrinsics.X86;

namespace Kvorum.Storage.Lsm.Caching;

/// <summary>
/// Blocks of tables in memory, shared by all trees of a node and bounded in bytes. Safe for use by several
/// threads: shards, each with a lock that is held for a few pointers only, never while a disk is read.
/// </summary>
/// <remarks>
/// The blocks are in native memory, each with its links in front of it, so that the garbage collector sees
/// only one array of numbers per shard, even of a GiB. Readers hold a block by reference counting and read it
/// in place; a hit copies and allocates nothing. Eviction is CLOCK with small counters:
/// a new block starts at zero (an index or filter block at one), each hit adds one up to three, the hand
/// takes one away each time it passes and evicts blocks at zero. So one scan does not evict blocks that are
/// read often. Dispose it after all its readers; blocks that are still held live until they are released.
/// </remarks>
internal sealed unsafe class BlockCache : IDisposable
{
    private const int UsesMax = 3;
    private const int ShardsMax = 64;
    private const long ShardBytesMin = 4 << 20;

    // Smaller ones would not fill their slabs.
    private const long SlabsFromBytes = 64 << 20;

    /// <summary>
    /// What a block costs besides its bytes: header, the allocator's own, its share of the buckets.
    /// </summary>
    private const int BlockOverhead = 64 + 32;

    // Upkeep looks at so many blocks for room, then gives up.
    private const int PoliteTurns = 8;

    // Trailer, number of restarts and the last of them.
    private const int EndBytes = 16;

    private readonly Shard[] _shards;
    private ulong _files;
    private long _pinnedBytes;

    /// <summary>A cache of at most so many bytes, bookkeeping included.</summary>
    public BlockCache(long bytesMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytesMax);
        BytesMax = bytesMax;
        var wanted = Math.Clamp(bytesMax / ShardBytesMin, 1, ShardsMax);
        _shards = new Shard[1 << BitOperations.Log2((ulong)wanted)];
        for (var i = 0; i < _shards.Length; i++)
            _shards[i] = new Shard(bytesMax / _shards.Length);
    }

    /// <summary>The bound.</summary>
    public long BytesMax { get; }

    /// <summary>
    /// Bytes in the cache now; blocks that were evicted while held do not count.
    /// </summary>
    public long Bytes => _shards.Sum(shard => shard.Bytes);

    /// <summary>Lookups that found their block.</summary>
    public long Hits => _shards.Sum(shard => shard.Hits);

    /// <summary>Lookups that did not.</summary>
    public long Misses => _shards.Sum(shard => shard.Misses);

    /// <summary>A number for a newly opened file, never given twice by this cache.</summary>
    public ulong NewFile() => Interlocked.Increment(ref _files);

    /// <summary>Looks a block up; the caller releases what is found.</summary>
    public bool TryGet(ulong file, long offset, out CachedBlock block) =>
        TryGet(file, offset, 0, out block);

    /// <summary>
    /// The same, when it is known how long the block is: its end, where a search begins, is fetched into the
    /// processor's cache at once.
    /// </summary>
    public bool TryGet(ulong file, long offset, int length, out CachedBlock block)
    {
        var hash = HashOf(file, offset);
        return ShardOf(hash).TryGet(file, offset, length, hash, isUse: true, out block);
    }

    /// <summary>
    /// The same for upkeep, which passes through whole tables: the block's use counter does not rise.
    /// </summary>
    public bool TryGetUnused(ulong file, long offset, out CachedBlock block)
    {
        var hash = HashOf(file, offset);
        return ShardOf(hash).TryGet(file, offset, 0, hash, isUse: false, out block);
    }

    /// <summary>Room for a block that is to be put in.</summary>
    public CachedBlock Allocate(int length) =>
        BytesMax >= SlabsFromBytes ? CachedBlock.AllocateSlot(length) : CachedBlock.Allocate(length);

    /// <summary>
    /// Puts a block in. The result is the one to use and to release instead of the one given: another thread
    /// may have put the same block in first. Too large a block is not kept.
    /// </summary>
    public CachedBlock Add(ulong file, long offset, CachedBlock block, bool isPrecious)
    {
        var hash = HashOf(file, offset);
        return ShardOf(hash).Add(file, offset, hash, block, isPrecious ? 1 : 0, isPushing: true);
    }

    /// <summary>
    /// The same for upkeep: the block takes free room, or that of a block at zero which is found at once.
    /// </summary>
    public CachedBlock AddUnused(ulong file, long offset, CachedBlock block)
    {
        var hash = HashOf(file, offset);
        return ShardOf(hash).Add(file, offset, hash, block, uses: 0, isPushing: false);
    }

    /// <summary>
    /// True if the caller may keep its hold of the block for good, as a pin: the block is in the cache, and
    /// pinned blocks take at most half of it.
    /// </summary>
    public bool TryPin(CachedBlock block)
    {
        // A held block is not evicted, so a block that is in the cache now stays in.
        if (block.Head->File == 0)
            return false;
        if (Interlocked.Add(ref _pinnedBytes, block.Length) <= BytesMax / 2)
            return true;
        Interlocked.Add(ref _pinnedBytes, -block.Length);
        return false;
    }

    /// <summary>The end of a pin; the block is still held.</summary>
    public void Unpin(CachedBlock block) => Interlocked.Add(ref _pinnedBytes, -block.Length);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var shard in _shards)
            shard.Clear();
    }

    // The upper bits choose the shard, the lower ones the bucket.
    private Shard ShardOf(uint hash) => _shards[(int)(hash >> 26) & (_shards.Length - 1)];

    private static uint HashOf(ulong file, long offset)
    {
        var mixed = ((ulong)offset + (file * 0x9E3779B97F4A7C15)) * 0xD6E8FEB86659FD93;
        return (uint)(mixed >> 32) ^ (uint)(mixed >> 61);
    }

    private sealed class Shard(long bytesMax)
    {
        private readonly Lock _gate = new();
        private nint[] _buckets = new nint[64];
        private int _count;
        private CachedBlock.Header* _hand;

        public long Bytes { get; private set; }

        public long Hits { get; private set; }

        public long Misses { get; private set; }

        public bool TryGet(
            ulong file, long offset, int length, uint hash, bool isUse, out CachedBlock block)
        {
            lock (_gate)
            {
                // Mostly the first of the bucket is the one.
                if (Sse.IsSupported && length > 0 && First(hash) is var first and not 0)
                    Sse.Prefetch0((byte*)first + sizeof(CachedBlock.Header) + length - EndBytes);
                var found = Find(file, offset, hash);
                if (found is null)
                {
                    Misses++;
                    block = default;
                    return false;
                }

                Hits++;
                if (isUse && found->Uses < UsesMax)
                    found->Uses++;
                Interlocked.Increment(ref found->Holders);
                block = new CachedBlock(found);
                return true;
            }
        }

        public CachedBlock Add(
            ulong file, long offset, uint hash, CachedBlock block, int uses, bool isPushing)
        {
            var head = block.Head;
            var cost = Cost(head);
            if (cost > bytesMax / 2)
                return block;
            lock (_gate)
            {
                var other = Find(file, offset, hash);
                if (other is not null)
                {
                    Interlocked.Increment(ref other->Holders);
                    block.Release();
                    return new CachedBlock(other);
                }

                if (!MakeRoom(cost, isPushing))
                    return block;
                (head->File, head->Offset, head->Uses) = (file, offset, uses);
                head->Holders++; // not shared with other threads yet
                Link(head, hash);
                if (Invariant.Expensive)
                    CheckRing();
                return block;
            }
        }

        public void Clear()
        {
            lock (_gate)
            {
                while (_hand is not null)
                    Remove(_hand);
            }
        }

        private nint First(uint hash) => _buckets[hash & (uint)(_buckets.Length - 1)];

        private CachedBlock.Header* Find(ulong file, long offset, uint hash)
        {
            var at = (CachedBlock.Header*)First(hash);
            while (at is not null && (at->Offset != offset || at->File != file))
                at = at->NextInBucket;
            return at;
        }

        // Turns the hand until there is room; false if the remaining blocks are held. Without pushing no
        // counter falls, and the hand stops after a few blocks.
        private bool MakeRoom(long cost, bool isPushing)
        {
            var turns = isPushing ? (_count * (UsesMax + 1)) + 1 : PoliteTurns;
            while (Bytes + cost > bytesMax)
            {
                if (_hand is null || turns-- == 0)
                    return false;
                var at = _hand;
                _hand = at->NextInRing;
                if (at->Uses > 0)
                    at->Uses -= isPushing ? 1 : 0;
                else if (Volatile.Read(ref at->Holders) == 1)
                    Remove(at);
            }

            return true;
        }

        // Behind the hand: the hand comes to it last.
        private void Link(CachedBlock.Header* head, uint hash)
        {
            if (_count++ >= _buckets.Length)
                Grow();
            ref var bucket = ref _buckets[hash & (uint)(_buckets.Length - 1)];
            head->NextInBucket = (CachedBlock.Header*)bucket;
            bucket = (nint)head;
            if (_hand is null)
            {
                _hand = head->NextInRing = head->PreviousInRing = head;
            }
            else
            {
                head->NextInRing = _hand;
                head->PreviousInRing = _hand->PreviousInRing;
                head->PreviousInRing->NextInRing = head;
                _hand->PreviousInRing = head;
            }

            Bytes += Cost(head);
        }

        private void Remove(CachedBlock.Header* head)
        {
            var hash = HashOf(head->File, head->Offset);
            ref var bucket = ref _buckets[hash & (uint)(_buckets.Length - 1)];
            if (bucket == (nint)head)
            {
                bucket = (nint)head->NextInBucket;
            }
            else
            {
                var before = (CachedBlock.Header*)bucket;
                while (before->NextInBucket != head)
                    before = before->NextInBucket;
                before->NextInBucket = head->NextInBucket;
            }

            head->PreviousInRing->NextInRing = head->NextInRing;
            head->NextInRing->PreviousInRing = head->PreviousInRing;
            if (_hand == head)
                _hand = head->NextInRing == head ? null : head->NextInRing;
            _count--;
            Bytes -= Cost(head);
            Invariant.Check(_count >= 0 && Bytes >= 0 && (_count > 0) == (_hand is not null));
            new CachedBlock(head).Release();
        }

        private void Grow()
        {
            var old = _buckets;
            _buckets = new nint[old.Length * 2];
            foreach (var bucket in old)
            {
                CachedBlock.Header* next;
                for (var at = (CachedBlock.Header*)bucket; at is not null; at = next)
                {
                    next = at->NextInBucket;
                    var hash = HashOf(at->File, at->Offset);
                    ref var target = ref _buckets[hash & (uint)(_buckets.Length - 1)];
                    at->NextInBucket = (CachedBlock.Header*)target;
                    target = (nint)at;
                }
            }
        }

        // The ring, the buckets and the sums are about the same blocks.
        private void CheckRing()
        {
            var (count, bytes) = (0, 0L);
            var at = _hand;
            do
            {
                Invariant.Check(at->NextInRing->PreviousInRing == at);
                Invariant.Check(Find(at->File, at->Offset, HashOf(at->File, at->Offset)) == at);
                count++;
                bytes += Cost(at);
                at = at->NextInRing;
            }
            while (at != _hand);
            Invariant.Check(count == _count && bytes == Bytes);
        }

        private static long Cost(CachedBlock.Header* head) => head->Length + BlockOverhead;
    }
}
