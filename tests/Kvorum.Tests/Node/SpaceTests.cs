using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>
/// The room of what was deleted or has ended comes back while the node runs, on every replica, and nobody has
/// to ask for it.
/// </summary>
public class SpaceTests
{
    private const int Keys = 400;
    private static readonly string Value = new('v', 20_000);

    [Theory]
    [InlineData(1, 500_000)]
    [InlineData(3, 500_000)]
    // Nothing but the room is a reason for another checkpoint.
    [InlineData(3, 1_900_000)]
    public void Ended_keys_give_their_room_back(int nodes, long checkpointBytes)
    {
        using var cluster = Start(nodes, checkpointBytes);
        for (var n = 0; n < Keys; n++)
            Assert.Equal(ReplyStatus.Ok, Put(cluster, n, ttlMs: 30_000).Status);
        var full = AllTreeBytes(cluster);
        Assert.All(full, bytes => Assert.True(bytes > Keys * Value.Length * 3L / 5, $"{bytes} are no test"));
        cluster.RunUntil(
            () => AllTreeBytes(cluster).All(bytes => bytes < Keys * Value.Length / 20), 90_000,
            "room that has come back");
        Assert.Null(cluster.Get(0, "key-7"));
        Assert.All(Enumerable.Range(0, nodes), node => Assert.Null(cluster.FatalOf(node)));
    }

    [Fact]
    public void Deleted_keys_give_their_room_back_and_the_others_stay()
    {
        using var cluster = Start(3, 1_900_000);
        for (var n = 0; n < Keys; n++)
            Assert.Equal(ReplyStatus.Ok, Put(cluster, n, ttlMs: 0).Status);
        for (var n = 0; n < Keys; n++)
        {
            if (n % 4 != 0)
                Assert.Equal(ReplyStatus.Ok, Delete(cluster, n).Status);
        }

        cluster.RunUntil(
            () => AllTreeBytes(cluster).All(bytes => bytes < Keys * Value.Length * 2L / 5), 60_000,
            "room that has come back");
        for (var n = 0; n < Keys; n++)
            Assert.Equal(n % 4 == 0 ? Value : null, cluster.Get(n % 3, $"key-{n}"));
    }

    private static TestCluster Start(int nodes, long checkpointBytes)
    {
        var cluster = new TestCluster(nodes, options => options with
        {
            CheckpointLogBytes = checkpointBytes,
            SegmentBytes = 8 << 20,
            ScrubBytesPerSecond = 0,
        });
        cluster.RunUntilReady();
        return cluster;
    }

    private static Reply Put(TestCluster cluster, int n, ulong ttlMs) =>
        cluster.Ask(n % cluster.Count, new PutRequest
        {
            Key = TestCluster.Bytes($"key-{n}"),
            Value = TestCluster.Bytes(Value),
            TtlMs = ttlMs,
        });

    private static Reply Delete(TestCluster cluster, int n) =>
        cluster.Ask(n % cluster.Count, new DeleteRequest { Key = TestCluster.Bytes($"key-{n}") });

    private static long[] AllTreeBytes(TestCluster cluster) =>
    [
        .. Enumerable.Range(0, cluster.Count).Select(node => cluster.DiskOf(node).Files()
            .Where(file => file.Path.StartsWith("trees/", StringComparison.Ordinal))
            .Sum(file => file.Length)),
    ];
}
