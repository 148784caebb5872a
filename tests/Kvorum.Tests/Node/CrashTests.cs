using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

public class CrashTests
{
    [Fact]
    public void The_survivors_of_a_leader_go_on_and_it_catches_up_when_it_is_back()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Put(0, "k", "before");
        var leader = cluster.LeaderOf("k");
        var survivor = (leader + 1) % 3;
        cluster.Crash(leader);
        var crashed = cluster.Clock.Ms;
        Assert.Equal(ReplyStatus.Ok, cluster.Put(survivor, "k", "after").Status);
        Assert.InRange(cluster.Clock.Ms - crashed, 0, 500);
        Assert.Equal("after", cluster.Get((leader + 2) % 3, "k"));

        cluster.Start(leader);
        cluster.RunUntilReady();
        cluster.RunUntil(() => Enumerable.Range(0, 3).All(node =>
            cluster.Status(node).Partitions.All(p => p.FollowerLag.Values.All(lag => lag == 0))));
        cluster.RunUntil(() => cluster.Ask(leader, new GetRequest { Key = TestCluster.Bytes("k"), Consistency = ReadConsistency.Stale }).Value.Span.SequenceEqual("after"u8));
    }

    [Fact]
    public void The_late_answer_to_a_call_of_an_earlier_life_is_no_answer_to_one_of_this()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        var leader = cluster.LeaderOf("k");
        var asked = (leader + 1) % 3;
        cluster.Network.Held = PeerFrameKind.ForwardReply;
        cluster.Submit(asked, new PutRequest { Key = TestCluster.Bytes("k"), Value = TestCluster.Bytes("v") });
        cluster.Run(100);
        cluster.Crash(asked);
        cluster.Start(asked);
        cluster.Run(1000);
        var read = cluster.Submit(asked, new GetRequest { Key = TestCluster.Bytes("k") });
        cluster.Run(100);
        cluster.Network.Held = null;
        cluster.RunUntil(() => read.Reply is not null);
        Assert.Equal("v", System.Text.Encoding.UTF8.GetString(read.Reply!.Value.Span));
    }

    [Fact]
    public void No_acked_write_is_lost_when_all_nodes_lose_power_at_once()
    {
        for (var seed = 1; seed <= 5; seed++)
        {
            using var cluster = new TestCluster(3);
            cluster.RunUntilReady();
            for (var i = 0; i < 20; i++)
                Assert.Equal(ReplyStatus.Ok, cluster.Put(i % 3, $"k{i}", $"v{i}", "c", (ulong)i + 1).Status);
            for (var node = 0; node < 3; node++)
                cluster.Crash(node, seed);
            for (var node = 0; node < 3; node++)
                cluster.Start(node);
            cluster.RunUntilReady();
            for (var i = 0; i < 20; i++)
                Assert.Equal($"v{i}", cluster.Get(i % 3, $"k{i}"));
            Assert.True(cluster.Put(0, "k3", "v3", "c", 4).Replayed);
        }
    }

    [Fact]
    public void A_replica_that_lags_too_far_is_sent_a_snapshot()
    {
        using var cluster = new TestCluster(3, options => options with { CheckpointLogBytes = 20_000, TrailingLogBytes = 10_000 });
        cluster.RunUntilReady();
        cluster.Crash(2);
        for (var i = 0; i < 5000; i++)
        {
            var calls = Enumerable.Range(0, 50).Select(n => cluster.Submit(n % 2, new PutRequest
            {
                Key = TestCluster.Bytes($"k{i++ % 400}"),
                Value = new byte[400],
                ClientId = "c",
                RequestId = (ulong)i,
            })).ToArray();
            cluster.RunUntil(() => calls.All(call => call.Reply is { Status: ReplyStatus.Ok }));
        }

        cluster.Start(2);
        cluster.RunUntil(() => Enumerable.Range(0, 3).All(node =>
            cluster.Status(node).Partitions.All(p => p.FollowerLag.Values.All(lag => lag == 0))));
        Assert.True(cluster.Network.Delivered[PeerFrameKind.SnapshotChunk] > 0, "no snapshot was sent");
        Assert.Contains(cluster.Notes, note => note.Contains("caught up by a snapshot", StringComparison.Ordinal));
        // About as many: what was set again since a checkpoint counts twice until the next.
        Assert.All(Enumerable.Range(0, 3), node => Assert.InRange(cluster.Status(node).Partitions.Sum(p => p.Keys), 400, 804));

        cluster.Crash(2, 3);
        cluster.Start(2);
        cluster.RunUntilReady();
        cluster.Crash(0);
        Assert.All(Enumerable.Range(0, 400), i => Assert.NotNull(cluster.Get(2, $"k{i}")));
        Assert.True(cluster.Put(2, "k4", "x", "c", 5000).Replayed);
    }

    [Fact]
    public void The_log_is_bounded_by_checkpoints()
    {
        using var cluster = new TestCluster(1, options => options with { CheckpointLogBytes = 50_000, SegmentBytes = 64 << 10 });
        cluster.RunUntilReady();
        for (var i = 0; i < 4000;)
        {
            var calls = Enumerable.Range(0, 50).Select(_ => cluster.Submit(0, new PutRequest { Key = TestCluster.Bytes($"k{i++ % 50}"), Value = new byte[400] })).ToArray();
            cluster.RunUntil(() => calls.All(call => call.Reply is { Status: ReplyStatus.Ok }));
        }

        cluster.Run(3000);
        Assert.InRange(cluster.Status(0).LogBytes, 1, 16 * (64 << 10));
        cluster.Crash(0);
        cluster.Start(0);
        cluster.RunUntilReady();
        Assert.NotNull(cluster.Get(0, "k49"));
    }

    [Fact]
    public void A_failed_sync_stops_the_node_without_an_ack()
    {
        using var cluster = new TestCluster(1);
        cluster.RunUntilReady();
        cluster.DiskOf(0).Fault = (operation, path) =>
            operation == "sync" && path.StartsWith("log/", StringComparison.Ordinal) ? new IOException("no luck") : null;
        var call = cluster.Submit(0, new PutRequest { Key = TestCluster.Bytes("k"), Value = default }, 1000);
        cluster.Run(3000);
        Assert.Null(call.Reply);
        Assert.Contains("no luck", cluster.FatalOf(0), StringComparison.Ordinal);
        var later = cluster.Submit(0, new PutRequest { Key = TestCluster.Bytes("k"), Value = default });
        Assert.Equal(ReplyStatus.Unavailable, later.Reply!.Status);
    }

    [Fact]
    public void A_folder_of_another_node_is_refused()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        var stolen = cluster.DiskOf(1);
        cluster.Crash(0);
        cluster.DiskOf(0).WriteAll("identity.json", stolen.ReadAll("identity.json"));
        var error = Assert.Throws<NodeStartException>(() => cluster.Start(0));
        Assert.Contains("node-2", error.Message, StringComparison.Ordinal);
    }
}
