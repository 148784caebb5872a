using System.Text;
using Kvorum.Client;
using Kvorum.Protocol;

namespace Kvorum.Tests.Client;

public sealed class AskNodeTests
{
    private static readonly PutRequest Put = new()
    {
        Key = Encoding.UTF8.GetBytes("k"),
        Value = Encoding.UTF8.GetBytes("v"),
        ClientId = "c",
        RequestId = 1,
    };

    private static CancellationToken Ending => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_refusal_of_the_named_node_is_the_reply_and_no_other_node_is_asked()
    {
        await using var cluster = new FakeCluster(partitions: 1);
        await using var client = cluster.Connect();
        var reply = await client.AskNodeAsync(cluster.Nodes[1].Address, Put, cancellationToken: Ending);
        Assert.Equal((ReplyStatus.NotLeader, cluster.Nodes[0].Address), (reply.Status, reply.Leader));
        Assert.Equal(0, cluster.Applied);
        Assert.Equal([0, 1, 0], cluster.Nodes.Select(node => node.Double.Seen.Count));
    }

    [Fact]
    public async Task A_node_that_serves_answers_with_the_request_as_it_was_given()
    {
        await using var cluster = new FakeCluster(nodes: 1);
        await using var client = cluster.Connect();
        var reply = await client.AskNodeAsync(cluster.Addresses, Put, cancellationToken: Ending);
        Assert.Equal(ReplyStatus.Ok, reply.Status);
        var seen = Assert.IsType<PutRequest>(Assert.Single(cluster.Nodes[0].Double.Seen).Request);
        Assert.Equal((Put.ClientId, Put.RequestId), (seen.ClientId, seen.RequestId));
    }

    [Fact]
    public async Task A_node_that_is_gone_leaves_the_write_undone()
    {
        await using var cluster = new FakeCluster(nodes: 2);
        await using var client = cluster.Connect();
        await cluster.Nodes[1].Kill();
        var e = await Assert.ThrowsAsync<KvorumException>(async () =>
            await client.AskNodeAsync(cluster.Nodes[1].Address, Put, cancellationToken: Ending));
        Assert.Equal((ReplyStatus.Unavailable, RetryAdvice.Safe), (e.Status, e.Retry));
        Assert.Contains(cluster.Nodes[1].Address, e.Message, StringComparison.Ordinal);
        Assert.Empty(cluster.Nodes[0].Double.Seen);
    }

    [Fact]
    public async Task A_node_that_stays_silent_leaves_the_outcome_open()
    {
        await using var cluster = new FakeCluster(nodes: 1);
        await using var client = cluster.Connect();
        cluster.Nodes[0].IsStuck = true;
        var e = await Assert.ThrowsAsync<KvorumException>(async () => await client.AskNodeAsync(
            cluster.Addresses, Put, TimeSpan.FromMilliseconds(100), Ending));
        Assert.Equal((ReplyStatus.DeadlineExceeded, RetryAdvice.SameIds), (e.Status, e.Retry));
        Assert.Contains("may have happened", e.Message, StringComparison.Ordinal);
        Assert.Single(cluster.Nodes[0].Double.Seen);
    }

    [Fact]
    public async Task What_is_no_address_is_refused()
    {
        await using var cluster = new FakeCluster(nodes: 1);
        await using var client = cluster.Connect();
        await Assert.ThrowsAsync<ArgumentException>(async () =>
            await client.AskNodeAsync("nowhere", Put, cancellationToken: Ending));
    }
}
