using Kvorum.Client;
using Kvorum.Protocol;

namespace Kvorum.Tests.Client;

/// <summary>What the client remembers of versions, and says with its writes to quorum keyspaces.</summary>
public class QuorumVersionsTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_write_says_the_highest_version_seen_in_its_keyspace()
    {
        await using var cluster = new FakeCluster(nodes: 1);
        await using var client = cluster.Connect();
        var (version, asked) = (0ul, new List<(string Keyspace, ulong After)>());
        cluster.Nodes[0].Instead = call =>
        {
            if (call.Request is WriteRequest write)
                asked.Add((write.Keyspace, write.After));
            return new()
            {
                Status = ReplyStatus.Ok,
                Version = version,
                Writer = call.Request.Keyspace == "strong" ? 0ul : 7,
                Mode = call.Request.Keyspace == "strong" ? ReplicationMode.Strong : ReplicationMode.Quorum,
            };
        };
        version = 50;
        await client.PutAsync("k", "v", new() { Keyspace = "cache" }, Cancelled);
        version = 40;
        await client.PutAsync("k", "v", new() { Keyspace = "cache" }, Cancelled);
        version = 60;
        await client.GetAsync("k", new() { Keyspace = "cache" }, Cancelled);
        await client.DeleteAsync("k", new() { Keyspace = "cache" }, Cancelled);
        await client.PutAsync("k", "v", new() { Keyspace = "other" }, Cancelled);
        await client.PutAsync("k", "v", new() { Keyspace = "strong" }, Cancelled);
        await client.PutAsync("k", "v", new() { Keyspace = "strong" }, Cancelled);
        Assert.Equal(
            [("cache", 0), ("cache", 50), ("cache", 60), ("other", 0), ("strong", 0), ("strong", 0)], asked);
    }

    [Fact]
    public async Task An_indeterminate_write_is_repeated_with_the_version_that_was_tried()
    {
        await using var cluster = new FakeCluster(nodes: 2);
        await using var client = cluster.Connect();
        var asked = new List<(WriteVersion? Tried, ulong RequestId)>();
        foreach (var node in cluster.Nodes)
        {
            node.Instead = call =>
            {
                var write = (WriteRequest)call.Request;
                lock (asked)
                {
                    asked.Add((write.Tried, write.RequestId));
                    return asked.Count == 1
                        ? new()
                        {
                            Status = ReplyStatus.OutcomeUnknown,
                            Version = 50,
                            Writer = 7,
                            Mode = ReplicationMode.Quorum,
                        }
                        : new() { Status = ReplyStatus.Ok, Version = 50, Writer = 7 };
                }
            };
        }

        var done = await client.PutAsync("k", "v", cancellationToken: Cancelled);
        Assert.Equal(50ul, done.Version);
        Assert.Equal([(null, asked[0].RequestId), (new WriteVersion(50, 7), asked[0].RequestId)], asked);
    }

    [Fact]
    public async Task Where_it_is_not_repeated_the_failure_tells_the_version_that_was_tried()
    {
        await using var cluster = new FakeCluster(nodes: 1);
        await using var client = cluster.Connect(static options => options with { ClientId = "" });
        WriteVersion? asked = null;
        cluster.Nodes[0].Instead = call =>
        {
            asked = ((WriteRequest)call.Request).Tried;
            return new() { Status = ReplyStatus.OutcomeUnknown, Version = 50, Writer = 7 };
        };
        var failure = await Assert.ThrowsAsync<KvorumException>(
            async () => await client.PutAsync("k", "v", cancellationToken: Cancelled));
        Assert.Equal(new WriteVersion(50, 7), failure.Tried);
        await Assert.ThrowsAsync<KvorumException>(async () => await client.PutAsync(
            "k", "v", new() { Tried = failure.Tried }, Cancelled));
        Assert.Equal(failure.Tried, asked);
    }

    [Fact]
    public async Task A_write_with_a_timestamp_is_repeated_with_it_alone()
    {
        await using var cluster = new FakeCluster(nodes: 1);
        await using var client = cluster.Connect();
        var asked = new List<(ulong Timestamp, WriteVersion? Tried)>();
        cluster.Nodes[0].Instead = call =>
        {
            var write = (WriteRequest)call.Request;
            asked.Add((write.Timestamp, write.Tried));
            return new()
            {
                Status = asked.Count == 1 ? ReplyStatus.OutcomeUnknown : ReplyStatus.Ok,
                Version = 50,
                Writer = 7,
                Mode = ReplicationMode.Quorum,
            };
        };
        await client.PutAsync("k", "v", new() { Timestamp = 50 }, Cancelled);
        await client.DeleteAsync("k", new() { Timestamp = 51 }, Cancelled);
        await client.DeleteAsync("k", cancellationToken: Cancelled);
        Assert.Equal([(50, null), (50, null), (51, null), (0, null)], asked);
    }

    [Fact]
    public async Task A_quorum_and_a_receipt_travel_both_ways()
    {
        await using var cluster = new FakeCluster(nodes: 1);
        await using var client = cluster.Connect();
        Request? asked = null;
        cluster.Nodes[0].Instead = call =>
        {
            asked = call.Request;
            return new()
            {
                Status = ReplyStatus.Ok,
                Value = call.Request is ScanRequest ? ScanPageCodec.Join(default, 0, default) : default,
                Receipt = new()
                {
                    Mode = ReplicationMode.Quorum,
                    Nodes = ["n1"],
                    Needed = 1,
                    Replicas = 3,
                },
            };
        };
        var put = await client.SetWithQuorumAsync(
            "k", "v", QuorumLevel.One, new() { WantsReceipt = true }, Cancelled);
        Assert.Equal((QuorumLevel.One, true, 3), (asked!.Quorum, asked.WantsReceipt, put.Receipt!.Replicas));
        var get = await client.GetAsync(
            "k", new() { Quorum = QuorumLevel.All, WantsReceipt = true }, Cancelled);
        Assert.Equal(
            (QuorumLevel.All, true, "n1"), (asked.Quorum, asked.WantsReceipt, get.Receipt!.Nodes[0]));
        var page = await client.ScanPageAsync(
            new() { Quorum = QuorumLevel.Count(2), WantsReceipt = true }, Cancelled);
        Assert.Equal(
            (QuorumLevel.Count(2), true, 1), (asked.Quorum, asked.WantsReceipt, page.Receipt!.Needed));
    }
}
