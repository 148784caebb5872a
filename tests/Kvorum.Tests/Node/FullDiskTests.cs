using System.Globalization;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>
/// A disk that fills up: values are refused and nothing is lost, reads are served, deletes are taken, and all
/// is well again when there is room.
/// </summary>
public class FullDiskTests
{
    private const long Megabyte = 1 << 20;
    private static readonly string Value = new('v', 20_000);

    [Fact]
    public void Full_disks_refuse_values_take_deletes_and_recover_by_themselves()
    {
        using var cluster = Start(3);
        SortedDictionary<string, string> acked = [];
        for (var node = 0; node < 3; node++)
            cluster.DiskOf(node).BytesMax = cluster.DiskOf(node).BytesInUse + (20 * Megabyte);
        var refused = WriteUntilRefused(cluster, acked);
        Assert.Equal(ReplyStatus.OutOfSpace, refused.Status);
        Assert.Contains("almost full", refused.Message, StringComparison.Ordinal);
        Assert.True(acked.Count > 50, $"{acked.Count} writes were taken");

        Assert.All(acked, pair => Assert.Equal(pair.Value, cluster.Get(1, pair.Key)));
        var first = acked.Keys.First();
        Assert.Equal(ReplyStatus.Ok, Delete(cluster, first).Status);
        acked.Remove(first);
        Assert.Contains(cluster.Status(0).HealthIssues, Says("the disk of the data folder is almost full"));
        Assert.True(cluster.Status(0).IsReady);

        for (var node = 0; node < 3; node++)
            cluster.DiskOf(node).BytesMax = long.MaxValue;
        cluster.Run(5000);
        Assert.Empty(cluster.Status(0).HealthIssues);
        Assert.Equal(ReplyStatus.Ok, cluster.Put(0, "again", "there").Status);
        Assert.All(acked, pair => Assert.Equal(pair.Value, cluster.Get(2, pair.Key)));
        Assert.Null(cluster.Get(0, first));
        Assert.All(Enumerable.Range(0, 3), node => Assert.Null(cluster.FatalOf(node)));
    }

    [Fact]
    public void The_cluster_tells_whose_disk_is_almost_full()
    {
        using var cluster = Start(3);
        var disk = cluster.DiskOf(1);
        disk.BytesMax = disk.BytesInUse + (Megabyte / 2);
        cluster.RunUntil(
            () => cluster.Administer(0, new ShowCluster()).Cluster!.Members is [var first, var full, _]
                && full is { Name: "node-2", RoomBytes: 0, State: "up" }
                && full.Reason.StartsWith("its disk is full or almost full", StringComparison.Ordinal)
                && first.Reason.Length == 0,
            20_000, "the word of the leader");
        disk.BytesMax = long.MaxValue;
        cluster.RunUntil(
            () => cluster.Administer(0, new ShowCluster()).Cluster!.Members[1].Reason.Length == 0, 20_000,
            "that there is room again");
    }

    [Fact]
    public void One_full_disk_costs_no_write()
    {
        using var cluster = Start(3);
        cluster.Run(5000);
        var full = cluster.LeaderOf("k0");
        cluster.DiskOf(full).BytesMax = cluster.DiskOf(full).BytesInUse + (8 * Megabyte);
        for (var n = 0; n < 300; n++)
        {
            Assert.Equal(ReplyStatus.Ok, cluster.Put(n % 3, $"k{n}", Value).Status);
            cluster.Run(10);
        }

        Assert.Equal(0, Led(cluster, full));
        Assert.Null(cluster.FatalOf(full));

        cluster.DiskOf(full).BytesMax = long.MaxValue;
        cluster.RunUntil(() => Applied(cluster, full) == Applied(cluster, (full + 1) % 3), 20_000);
        cluster.RunUntil(() => Led(cluster, full) > 0, 20_000);
        for (var n = 0; n < 300; n++)
            Assert.Equal(Value, cluster.Get(full, $"k{n}"));
    }

    [Fact]
    public void Nothing_acked_is_lost_when_no_byte_is_left()
    {
        using var cluster = Start(3);
        SortedDictionary<string, string> acked = [];
        List<TestCall> calls = [];
        for (var round = 0; round < 3; round++)
        {
            // All at once, with what is under way.
            for (var node = 0; node < 3; node++)
                cluster.DiskOf(node).BytesMax = cluster.DiskOf(node).BytesInUse + (round * 30_000);
            for (var n = 0; n < 200; n++)
            {
                var put = new PutRequest
                {
                    Key = TestCluster.Bytes($"{round}-{n}"),
                    Value = TestCluster.Bytes(Value),
                };
                calls.Add(cluster.Submit(n % 3, put));
            }

            cluster.Run(8000);
            Assert.All(Enumerable.Range(0, 3), node => Assert.Null(cluster.FatalOf(node)));
            for (var node = 0; node < 3; node++)
                cluster.DiskOf(node).BytesMax = long.MaxValue;
            cluster.Run(5000);
        }

        for (var node = 0; node < 3; node++)
        {
            cluster.Crash(node, seed: 5 + node);
            cluster.Start(node);
        }

        cluster.RunUntilReady();
        Assert.All(calls, call => Assert.NotNull(call.Reply));
        foreach (var call in calls.Where(call => call.Reply!.Status == ReplyStatus.Ok))
        {
            var key = System.Text.Encoding.UTF8.GetString(call.Request.Key.Span);
            Assert.Equal(Value, cluster.Get(0, key));
        }

        Assert.Equal(ReplyStatus.Ok, cluster.Put(0, "after", "all").Status);
    }

    [Fact]
    public void A_move_to_a_disk_that_fills_up_is_stuck_with_its_reason_and_goes_on_with_room()
    {
        using var cluster = new TestCluster(
            1,
            options => options with
            {
                CheckpointLogBytes = 100_000,
                TrailingLogBytes = 0,
                SnapshotChunkBytes = 20_000,
                SnapshotBytesPerSecond = 200_000,
            },
            others: 1);
        cluster.RunUntilReady();
        for (var n = 0; n < 120; n++)
        {
            Assert.Equal(ReplyStatus.Ok, cluster.Put(0, $"k{n}", Value).Status);
            cluster.Run(10);
        }

        cluster.Start(1);
        var disk = cluster.DiskOf(1);
        cluster.RunUntil(
            () => disk.BytesInUse > (2 << 20) + 100_000, 30_000, "some of the checkpoints to come");
        // Not one of them has room, be all others given up.
        disk.BytesMax = (2 << 20) + 400_000;
        cluster.RunUntil(
            () => Obstacles(cluster).Contains("no progress for", StringComparison.Ordinal), 300_000,
            "that the move is said to be stuck");
        Assert.Contains("the disk of node-2 has room for ", Obstacles(cluster), StringComparison.Ordinal);
        Assert.Equal(Value, cluster.Get(1, "k7"));
        // Longer than a move is tried that another node could take.
        cluster.Run(90_000);
        Assert.Contains("the disk of node-2 has room for ", Obstacles(cluster), StringComparison.Ordinal);
        Assert.Null(cluster.FatalOf(1));
        disk.BytesMax = long.MaxValue;
        cluster.RunUntil(
            () => cluster.Administer(0, new ShowCluster()).Cluster! is { Moves.Count: 0, Obstacles.Count: 0 },
            120_000, "that all replicas are where they should be");
        Assert.True(cluster.HasReplicas(voters: 1, learners: 1));
    }

    private static string Obstacles(TestCluster cluster) => string.Join(
        '\n', cluster.Administer(0, new ShowCluster()).Cluster!.Obstacles.Select(static one => one.Text));

    private static TestCluster Start(int nodes)
    {
        var cluster = new TestCluster(nodes, options => options with { CheckpointLogBytes = 300_000 });
        cluster.RunUntilReady();
        return cluster;
    }

    private static Reply WriteUntilRefused(TestCluster cluster, SortedDictionary<string, string> acked)
    {
        for (var n = 0; n < 5000; n++)
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"key-{n}");
            var reply = cluster.Put(n % 3, key, Value);
            if (reply.Status != ReplyStatus.Ok)
                return reply;
            acked[key] = Value;
            // A disk takes time.
            cluster.Run(10);
        }

        throw new InvalidOperationException("the disks have not filled up");
    }

    private static Reply Delete(TestCluster cluster, string key) =>
        cluster.Ask(0, new DeleteRequest { Key = TestCluster.Bytes(key) });

    private static int Led(TestCluster cluster, int node) =>
        cluster.Status(node).Partitions.Count(partition => partition.Role == "leader");

    private static string Applied(TestCluster cluster, int node) =>
        string.Join(' ', cluster.Status(node).Partitions.Select(partition => partition.Applied));

    private static Predicate<string> Says(string what) =>
        text => text.Contains(what, StringComparison.Ordinal);
}
