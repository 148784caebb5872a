using Kvorum.Storage.Lsm.Caching;

namespace Kvorum.Tests.Storage.Lsm.Caching;

public class BlockCacheTests
{
    [Fact]
    public void Bytes_never_exceed_the_bound_and_what_is_held_stays()
    {
        var random = new Random(1);
        using var cache = new BlockCache(64 << 10);
        var held = new List<(long Offset, CachedBlock Block)>();
        for (var i = 0; i < 20_000; i++)
        {
            long offset = random.Next(300);
            var block = GetOrAdd(cache, 1, offset, 100 + (int)offset);
            Assert.InRange(cache.Bytes, 0, 64 << 10);
            CheckContent(block, offset);
            if (random.Next(50) == 0 && held.Count < 40)
                held.Add((offset, block));
            else
                block.Release();
            if (random.Next(50) == 0 && held.Count > 0)
            {
                CheckContent(held[0].Block, held[0].Offset);
                held[0].Block.Release();
                held.RemoveAt(0);
            }
        }

        Assert.True(cache.Hits > 1000);
        foreach (var (offset, block) in held)
        {
            CheckContent(block, offset);
            block.Release();
        }
    }

    [Fact]
    public void Blocks_used_again_and_again_outlive_a_scan()
    {
        using var cache = new BlockCache(1 << 20);
        for (var round = 0; round < 4; round++)
        {
            for (var i = 0; i < 50; i++)
                GetOrAdd(cache, 1, i, 4096).Release();
        }

        long offset = 0;
        for (var i = 0; i < 100; i++)
        {
            for (var n = 0; n < 20; n++)
                GetOrAdd(cache, 2, offset++, 4096).Release();
            for (var n = 0; n < 50; n += 5)
                GetOrAdd(cache, 1, (i + n) % 50, 4096).Release();
        }

        var kept = 0;
        for (var i = 0; i < 50; i++)
        {
            if (cache.TryGet(1, i, out var block))
                kept++;
            block.Release();
        }

        Assert.InRange(kept, 45, 50);
    }

    [Fact]
    public void Upkeep_takes_no_room_that_is_in_use()
    {
        using var cache = new BlockCache(1 << 20);
        for (var round = 0; round < 2; round++)
        {
            for (var i = 0; i < 150; i++)
                GetOrAdd(cache, 1, i, 4096).Release();
        }

        for (var i = 0; i < 10_000; i++)
        {
            if (!cache.TryGetUnused(2, i % 400, out var block))
                block = cache.AddUnused(2, i % 400, CachedBlock.Allocate(4096));
            block.Release();
            Assert.InRange(cache.Bytes, 0, 1 << 20);
        }

        for (var i = 0; i < 150; i++)
        {
            Assert.True(cache.TryGet(1, i, out var block));
            block.Release();
        }

        // What upkeep has brought has no use, so that a reader's block finds room at once.
        Assert.True(cache.Bytes > 1_000_000);
        for (var i = 0; i < 90; i++)
            GetOrAdd(cache, 3, i, 4096).Release();
        for (var i = 0; i < 90; i++)
        {
            Assert.True(cache.TryGet(3, i, out var block));
            block.Release();
        }
    }

    [Fact]
    public void A_block_larger_than_half_a_shard_is_used_but_not_kept()
    {
        using var cache = new BlockCache(1 << 20);
        var block = GetOrAdd(cache, 1, 0, 600_000);
        CheckContent(block, 0);
        block.Release();
        Assert.Equal(0, cache.Bytes);
    }

    [Fact]
    public void Two_threads_find_right_blocks_while_others_are_evicted()
    {
        using var cache = new BlockCache(256 << 10);
        var threads = Enumerable.Range(0, 2).Select(seed => new Thread(() =>
        {
            var random = new Random(seed);
            for (var i = 0; i < 200_000; i++)
            {
                long offset = random.Next(200);
                var block = GetOrAdd(cache, (ulong)random.Next(3), offset, 1000 + (int)offset);
                Assert.Equal(1000 + offset, block.Length);
                Assert.Equal((byte)offset, block.Bytes[^1]);
                block.Release();
            }
        })).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        Assert.InRange(cache.Bytes, 1, 256 << 10);
    }

    [Fact]
    public void Pins_have_half_of_the_cache_and_what_is_not_in_it_has_none()
    {
        using var cache = new BlockCache(1 << 20);
        var alone = CachedBlock.Allocate(100);
        Assert.False(cache.TryPin(alone));
        alone.Release();
        List<CachedBlock> pinned = [];
        for (var i = 0; i < 1000; i++)
        {
            var block = GetOrAdd(cache, 1, i, 4096);
            if (cache.TryPin(block))
                pinned.Add(block);
            else
                block.Release();
        }

        Assert.Equal((1 << 19) / 4096, pinned.Count);
        for (var i = 0; i < pinned.Count; i++)
        {
            CheckContent(pinned[i], i);
            cache.Unpin(pinned[i]);
            pinned[i].Release();
        }

        var again = GetOrAdd(cache, 2, 0, 4096);
        Assert.True(cache.TryPin(again));
        cache.Unpin(again);
        again.Release();
    }

    private static CachedBlock GetOrAdd(BlockCache cache, ulong file, long offset, int length)
    {
        if (cache.TryGet(file, offset, out var found))
            return found;
        var block = CachedBlock.Allocate(length);
        block.Bytes.Fill((byte)offset);
        return cache.Add(file, offset, block, isPrecious: false);
    }

    private static void CheckContent(CachedBlock block, long offset) =>
        Assert.False(block.Bytes.ContainsAnyExcept((byte)offset));
}
