using Kvorum.Server.Machine;

namespace Kvorum.Tests.Server.Machine;

public class MemoryPlanTests
{
    private const long MiB = 1 << 20;

    public static TheoryData<long> Limits =>
        [.. Enumerable.Range(0, 40).Select(n => MemoryPlan.LeastBytes + (n * 48 * MiB))];

    [Theory]
    [InlineData(256, 13, 13, 88)]
    [InlineData(300, 17, 17, 112)]
    [InlineData(512, 34, 34, 228)]
    [InlineData(1024, 64, 64, 510)]
    [InlineData(2048, 128, 64, 0)]
    [InlineData(4096, 256, 64, 0)]
    [InlineData(65536, 1024, 64, 0)]
    public void What_each_part_gets(long limit, long memTables, long cache, long heap)
    {
        var plan = MemoryPlan.Of(limit * MiB, partitions: 64);
        Assert.Equal(
            (memTables, cache, heap),
            (plan.MemTableBytes / MiB, plan.BlockCacheBytes / MiB, plan.HeapBytes / MiB));
    }

    // A follower's memtables may hold twice of theirs, and the log's entries in memory are as many bytes.
    [Theory]
    [MemberData(nameof(Limits))]
    public void All_parts_at_their_bounds_fit(long limit)
    {
        const int partitions = 64;
        const int peers = 2;
        var plan = MemoryPlan.Of(limit, partitions);
        var native = (2 * plan.MemTableBytes) + plan.BlockCacheBytes;
        var heap = (2 * plan.MemTableBytes) + ((partitions + 1) * plan.TrailingLogBytes)
            + (2L * plan.LogWriteBytes) + (peers * plan.PeerQueueBytes) + plan.ClientBytes;
        Assert.True(native + heap + MemoryPlan.BaseBytes <= limit, $"{native} + {heap} of {limit}");
        Assert.True(plan.HeapBytes == 0 || heap <= plan.HeapBytes, $"{heap} of {plan.HeapBytes}");
        Assert.InRange(plan.MemTableBytesMax, plan.MemTableBytes, limit / 4);
    }

    [Fact]
    public void More_memory_is_never_less_for_a_part()
    {
        var before = MemoryPlan.Of(MemoryPlan.LeastBytes, 64);
        for (var limit = MemoryPlan.LeastBytes; limit < 4096 * MiB; limit += 16 * MiB)
        {
            var plan = MemoryPlan.Of(limit, 64);
            long[] parts = PartsOf(plan), partsBefore = PartsOf(before);
            Assert.All(parts, (part, n) => Assert.True(part >= partsBefore[n], $"part {n} at {limit}"));
            before = plan;
        }
    }

    private static long[] PartsOf(MemoryPlan plan) =>
    [
        plan.MemTableBytes, plan.BlockCacheBytes, plan.LogQueueBytes, plan.PeerQueueBytes, plan.ClientBytes,
        plan.TrailingLogBytes, plan.LogWriteBytes,
    ];
}
