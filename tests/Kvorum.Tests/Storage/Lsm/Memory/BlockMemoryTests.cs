using System.Runtime.CompilerServices;
using Kvorum.Storage.Lsm.Caching;

namespace Kvorum.Tests.Storage.Lsm.Memory;

public class BlockMemoryTests
{
    // Around the sizes of slots, and some that fit none.
    private static readonly int[] Lengths =
        [4000, 4096, 4097, 4600, 4608, 4609, 9000, 9216, 9217, 1, 20_000];

    [Fact]
    public void A_block_has_one_line_before_its_bytes() =>
        Assert.Equal(64, Unsafe.SizeOf<CachedBlock.Header>());

    [Fact]
    public void Blocks_keep_their_bytes_while_others_come_and_go_on_other_threads()
    {
        // One thread makes and fills, another one looks and releases: slots come back on any thread.
        var made = new Queue<(CachedBlock Block, byte Content)>[4];
        var makers = new Thread[made.Length];
        for (var n = 0; n < made.Length; n++)
        {
            var number = n;
            made[n] = new Queue<(CachedBlock, byte)>();
            makers[n] = new Thread(() => ComeAndGo(number, made[number]));
            makers[n].Start();
        }

        foreach (var maker in makers)
            maker.Join();
        foreach (var left in made)
        {
            foreach (var (block, content) in left)
                CheckAndRelease(block, content);
        }
    }

    // More than a slab of each size at a time.
    private static void ComeAndGo(int number, Queue<(CachedBlock Block, byte Content)> made)
    {
        var random = new Random(number);
        for (var i = 0; i < 10_000; i++)
        {
            var block = CachedBlock.AllocateSlot(Lengths[random.Next(Lengths.Length)]);
            var content = (byte)random.Next(256);
            block.Bytes.Fill(content);
            made.Enqueue((block, content));
            if (made.Count > 2000 || (i % 3000 > 1500 && random.Next(2) == 0))
            {
                var (oldest, expected) = made.Dequeue();
                CheckAndRelease(oldest, expected);
            }
        }
    }

    private static unsafe void CheckAndRelease(CachedBlock block, byte content)
    {
        Assert.Equal(0, (nint)block.Start % 64);
        Assert.False(block.Bytes.ContainsAnyExcept(content));
        block.Release();
    }
}
