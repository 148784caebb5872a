using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Kvorum.Client;
using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Tests.Client;

public class KvorumClientTests
{
    private static CancellationToken Ending => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_put_is_read_until_it_is_deleted()
    {
        await using var cluster = new FakeCluster();
        await using var client = cluster.Connect();
        for (var i = 0; i < 20; i++)
        {
            Assert.True((await client.PutAsync($"k{i}", $"v{i}", cancellationToken: Ending)).Version > 0);
            Assert.Equal($"v{i}", (await client.GetAsync($"k{i}", cancellationToken: Ending)).Text);
            await client.DeleteAsync($"k{i}", cancellationToken: Ending);
            Assert.Null((await client.GetAsync($"k{i}", cancellationToken: Ending)).Text);
        }

        Assert.Equal(40, cluster.Applied);
    }

    [Fact]
    public async Task Every_option_reaches_the_node()
    {
        await using var cluster = new FakeCluster(nodes: 1);
        await using var client = cluster.Connect(
            options => options with { ClientId = "me", Keyspace = KeyspaceName.Default });
        await client.PutAsync("k", "v", new()
        {
            Keyspace = "other",
            Ttl = TimeSpan.FromSeconds(3),
            IfVersion = 7,
            ReturnPrevious = true,
            RequestId = 99,
            Timeout = TimeSpan.FromSeconds(5),
        }, Ending);
        await client.GetAsync("k", new() { Consistency = ReadConsistency.Stale, Keyspace = "third" }, Ending);
        await client.DeleteAsync("k", new() { IfVersion = 0 }, Ending);
        var seen = cluster.Nodes[0].Double.Seen;
        var put = Assert.IsType<PutRequest>(seen[0].Request);
        Assert.Equal(
            ("other", 3000ul, 7ul, true, "me", 99ul),
            (put.Keyspace, put.TtlMs, put.IfVersion, put.ReturnPrevious, put.ClientId, put.RequestId));
        Assert.Equal(
            ("third", ReadConsistency.Stale),
            seen[1].Request is GetRequest get ? (get.Keyspace, get.Consistency) : default);
        Assert.Equal(0ul, Assert.IsType<DeleteRequest>(seen[2].Request).IfVersion);
        Assert.InRange(seen[0].Timeout.TotalMilliseconds, 1, 5000);
    }

    [Fact]
    public async Task Operators_ask_any_node_that_can_be_reached()
    {
        await using var cluster = new FakeCluster();
        await using var client = cluster.Connect();
        var request = new ChangeMember("node-2", MemberWish.Drain);
        var answer = await client.AdministerAsync(
            AdminJson.Encode(request), mayRepeat: false, cancellationToken: Ending);
        Assert.Equal(ReplyStatus.Ok, AdminJson.DecodeReply(answer.Span).Status);
        var asked = cluster.Nodes.SelectMany(static node => node.Double.Administered);
        Assert.Equal(request, Assert.Single(asked).Request);
    }

    [Fact]
    public async Task An_operator_is_told_that_nothing_was_done_if_no_node_is_there()
    {
        await using var client = KvorumClient.Connect(new()
        {
            Addresses = ["127.0.0.1:1"],
            Timeout = TimeSpan.FromMilliseconds(300),
        });
        var failure = await Assert.ThrowsAsync<KvorumException>(async () => await client.AdministerAsync(
            AdminJson.Encode(new ShowCluster()), mayRepeat: true, cancellationToken: Ending));
        Assert.Equal((ReplyStatus.Unavailable, RetryAdvice.Safe), (failure.Status, failure.Retry));
    }

    [Fact]
    public async Task Calls_go_straight_to_leaders_once_the_map_is_known()
    {
        await using var cluster = new FakeCluster(partitions: 64);
        await using var client = cluster.Connect();
        await Learned(cluster, client);
        var before = cluster.Nodes.Sum(node => node.Double.Seen.Count);
        for (var i = 0; i < 100; i++)
            await client.PutAsync($"k{i}", "v", cancellationToken: Ending);
        Assert.Equal(100, cluster.Nodes.Sum(node => node.Double.Seen.Count) - before);
    }

    [Fact]
    public async Task A_new_leader_is_found_by_the_hint_of_the_old_one()
    {
        await using var cluster = new FakeCluster(partitions: 1);
        await using var client = cluster.Connect();
        await Learned(cluster, client);
        cluster.Leaders[0] = 1; // The map still says 0.
        await client.PutAsync("k", "v", cancellationToken: Ending);
        var asked = cluster.Nodes[0].Double.Seen.Count;
        cluster.Publish(2);
        for (var i = 0; i < 10; i++)
            await client.PutAsync("k", "v", cancellationToken: Ending);
        Assert.InRange(cluster.Nodes[0].Double.Seen.Count - asked, 0, 1);
    }

    [Fact]
    public async Task A_write_is_repeated_with_the_same_ids_and_happens_once()
    {
        await using var cluster = new FakeCluster(partitions: 1);
        await using var client = cluster.Connect();
        await client.PutAsync("first", "v", cancellationToken: Ending);
        var left = 3;
        foreach (var node in cluster.Nodes)
        {
            node.Instead = call =>
            {
                if (Interlocked.Decrement(ref left) < 0 || call.Request is not WriteRequest)
                    return null;
                cluster.Apply(call.Request); // It happens, but the node cannot know.
                return new Reply { Status = ReplyStatus.OutcomeUnknown };
            };
        }

        var result = await client.PutAsync("k", "v", cancellationToken: Ending);
        Assert.True(result.IsReplayed);
        Assert.Equal(2, cluster.Applied);
        var ids = cluster.Nodes.SelectMany(node => node.Double.Seen)
            .Select(call => call.Request).OfType<PutRequest>()
            .Where(put => put.Key.Length == 1).Select(put => (put.ClientId, put.RequestId)).Distinct();
        Assert.Single(ids);
    }

    [Theory]
    [InlineData(ReplyStatus.Unavailable)]
    [InlineData(ReplyStatus.Overloaded)]
    [InlineData(ReplyStatus.ShuttingDown)]
    [InlineData(ReplyStatus.NotLeader)]
    public async Task What_is_safe_is_tried_again(ReplyStatus status)
    {
        await using var cluster = new FakeCluster();
        await using var client = cluster.Connect();
        var left = 4;
        foreach (var node in cluster.Nodes)
            node.Instead = _ => Interlocked.Decrement(ref left) >= 0 ? new Reply { Status = status } : null;
        await client.PutAsync("k", "v", cancellationToken: Ending);
        Assert.True(left < 0);
        Assert.Equal(1, cluster.Applied);
    }

    [Theory]
    [InlineData(ReplyStatus.InvalidArgument, RetryAdvice.Never)]
    [InlineData(ReplyStatus.UnknownKeyspace, RetryAdvice.Never)]
    [InlineData(ReplyStatus.ConditionFailed, RetryAdvice.Never)]
    [InlineData(ReplyStatus.SessionExpired, RetryAdvice.Never)]
    [InlineData(ReplyStatus.Internal, RetryAdvice.SameIds)]
    public async Task What_is_not_is_not(ReplyStatus status, RetryAdvice retry)
    {
        await using var cluster = new FakeCluster();
        await using var client = cluster.Connect();
        foreach (var node in cluster.Nodes)
            node.Instead = _ => new Reply { Status = status, Message = "why", Version = 5 };
        var e = await Assert.ThrowsAsync<KvorumException>(async () =>
            await client.PutAsync("k", "v", cancellationToken: Ending));
        Assert.Equal((status, retry, "why", 5ul), (e.Status, e.Retry, e.Message, e.Version));
        Assert.Equal(1, cluster.Nodes.Sum(node => node.Double.Seen.Count));
    }

    [Fact]
    public async Task The_deadline_holds_and_says_what_went_wrong()
    {
        await using var cluster = new FakeCluster();
        await using var client = cluster.Connect(
            options => options with { Timeout = TimeSpan.FromMilliseconds(300) });
        foreach (var node in cluster.Nodes)
            node.Instead = _ => new Reply { Status = ReplyStatus.Unavailable, Message = "1 of 3 nodes up." };
        var began = Stopwatch.GetTimestamp();
        var e = await Assert.ThrowsAsync<KvorumException>(async () =>
            await client.PutAsync("k", "v", cancellationToken: Ending));
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalMilliseconds, 250, 3000);
        Assert.Equal((ReplyStatus.DeadlineExceeded, RetryAdvice.Safe), (e.Status, e.Retry));
        Assert.Contains("1 of 3 nodes up", e.Message);
    }

    [Fact]
    public async Task A_write_that_may_have_happened_is_called_so()
    {
        await using var cluster = new FakeCluster(nodes: 1);
        await using var client = cluster.Connect(
            options => options with { Timeout = TimeSpan.FromMilliseconds(300) });
        cluster.Nodes[0].IsStuck = true;
        var e = await Assert.ThrowsAsync<KvorumException>(async () =>
            await client.PutAsync("k", "v", cancellationToken: Ending));
        Assert.Equal((ReplyStatus.DeadlineExceeded, RetryAdvice.SameIds), (e.Status, e.Retry));
        Assert.Contains("may have happened", e.Message);
    }

    [Fact]
    public async Task Without_a_client_id_nothing_uncertain_is_repeated()
    {
        await using var cluster = new FakeCluster();
        await using var client = cluster.Connect(options => options with { ClientId = "" });
        foreach (var node in cluster.Nodes)
            node.Instead = _ => new Reply { Status = ReplyStatus.OutcomeUnknown };
        var e = await Assert.ThrowsAsync<KvorumException>(async () =>
            await client.PutAsync("k", "v", cancellationToken: Ending));
        Assert.Equal((ReplyStatus.OutcomeUnknown, RetryAdvice.SameIds), (e.Status, e.Retry));
        Assert.Equal(1, cluster.Nodes.Sum(node => node.Double.Seen.Count));
    }

    [Fact]
    public async Task A_leader_killed_in_mid_flight_is_survived()
    {
        await using var cluster = new FakeCluster(partitions: 1);
        await using var client = cluster.Connect();
        await Learned(cluster, client);
        cluster.Nodes[0].IsStuck = true;
        var puts = Enumerable.Range(0, 50)
            .Select(i => client.PutAsync($"k{i}", "v", cancellationToken: Ending).AsTask()).ToArray();
        WaitFor(() => cluster.Nodes[0].Asked.Count(key => key.StartsWith('k')) == 50);
        cluster.Leaders[0] = 2;
        await cluster.Nodes[0].Kill();
        await Task.WhenAll(puts);
        Assert.Equal(50, cluster.Applied);
    }

    [Fact]
    public async Task A_silent_leader_does_not_take_the_whole_time()
    {
        await using var cluster = new FakeCluster(partitions: 1);
        await using var client = cluster.Connect(
            options => options with { Timeout = TimeSpan.FromSeconds(2) });
        await Learned(cluster, client);
        cluster.Nodes[0].IsStuck = true;
        cluster.Leaders[0] = 1;
        await client.PutAsync("k", "v", cancellationToken: Ending);
        WaitFor(() => cluster.Nodes[0].Double.Seen[^1].IsCancelled);
    }

    [Fact]
    public async Task A_node_that_says_goodbye_is_left_without_a_failure()
    {
        await using var cluster = new FakeCluster(partitions: 1);
        await using var client = cluster.Connect();
        await Learned(cluster, client);
        cluster.Leaders[0] = 1;
        var draining = cluster.Nodes[0].Listener.DrainAsync(Ending);
        for (var i = 0; i < 10; i++)
            await client.PutAsync($"k{i}", "v", cancellationToken: Ending);
        await draining;
        Assert.Equal(10, cluster.Applied);
    }

    [Fact]
    public async Task A_cluster_that_comes_back_is_found_again()
    {
        await using var cluster = new FakeCluster(nodes: 1);
        await using var client = cluster.Connect();
        await client.PutAsync("a", "v", cancellationToken: Ending);
        await cluster.Nodes[0].Kill();
        var put = client.PutAsync("b", "v", cancellationToken: Ending);
        await Task.Delay(100, Ending);
        Assert.False(put.IsCompleted);
        cluster.Nodes[0].Revive();
        await put;
    }

    [Fact]
    public async Task Nobody_there_is_told_with_the_address()
    {
        using var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var address = closed.LocalEndpoint.ToString()!;
        closed.Stop();
        await using var client = KvorumClient.Connect(new KvorumClientOptions
        {
            Addresses = [address],
            Timeout = TimeSpan.FromMilliseconds(200),
        });
        var e = await Assert.ThrowsAsync<KvorumException>(async () =>
            await client.GetAsync("k", cancellationToken: Ending));
        Assert.Contains(address, e.Message);
        Assert.Equal(RetryAdvice.Safe, e.Retry);
    }

    [Fact]
    public async Task A_node_that_speaks_garbage_is_left()
    {
        await using var cluster = new FakeCluster(nodes: 1);
        using var liar = new TcpListener(IPAddress.Loopback, 0);
        liar.Start();
        var lying = Task.Run(async () =>
        {
            while (true)
            {
                using var socket = await liar.AcceptSocketAsync(Ending);
                await socket.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray(), Ending);
            }
        }, Ending);
        await using var client = KvorumClient.Connect(new()
        {
            Addresses = [liar.LocalEndpoint.ToString()!, cluster.Addresses],
        });
        for (var i = 0; i < 10; i++)
            await client.PutAsync("k", "v", cancellationToken: Ending);
        Assert.Equal(10, cluster.Applied);
        liar.Stop();
        await Assert.ThrowsAnyAsync<Exception>(() => lying);
    }

    [Fact]
    public async Task A_call_can_be_taken_back()
    {
        await using var cluster = new FakeCluster(nodes: 1);
        await using var client = cluster.Connect();
        await client.PutAsync("first", "v", cancellationToken: Ending);
        cluster.Nodes[0].IsStuck = true;
        using var ending = new CancellationTokenSource();
        var put = client.PutAsync("k", "v", cancellationToken: ending.Token).AsTask();
        WaitFor(() => cluster.Nodes[0].Double.Seen.Count == 2);
        await ending.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => put);
        WaitFor(() => cluster.Nodes[0].Double.Seen[1].IsCancelled);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            await client.GetAsync("k", cancellationToken: ending.Token));
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 2)]
    public async Task Many_calls_share_few_connections(bool inline, int connections)
    {
        await using var cluster = new FakeCluster(partitions: 16);
        await using var client = cluster.Connect(options => options with
        {
            InlineContinuations = inline,
            ConnectionsPerNode = connections,
        });
        await Task.WhenAll(Enumerable.Range(0, 64).Select(async number =>
        {
            for (var i = 0; i < 100; i++)
            {
                await client.PutAsync($"{number}-{i}", $"v{number}-{i}", cancellationToken: Ending);
                Assert.Equal($"v{number}-{i}",
                    (await client.GetAsync($"{number}-{i}", cancellationToken: Ending)).Text);
            }
        }));
        Assert.Equal(6400, cluster.Applied);
        Assert.InRange(cluster.Nodes.Sum(node => node.Listener.ConnectionCount), 3, 3 * connections);
    }

    [Fact]
    public async Task Calls_that_are_cancelled_at_random_never_mix_up_answers()
    {
        await using var cluster = new FakeCluster(partitions: 16);
        await using var client = cluster.Connect();
        var cancelled = 0;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(async number =>
        {
            var random = new Random(number);
            for (var i = 0; i < 200; i++)
            {
                using var ending = new CancellationTokenSource();
                var put = client.PutAsync($"{number}", $"{i}", cancellationToken: ending.Token).AsTask();
                if (random.Next(2) == 0)
                    await ending.CancelAsync();
                try
                {
                    await put;
                    Assert.Equal(
                        $"{i}", (await client.GetAsync($"{number}", cancellationToken: Ending)).Text);
                }
                catch (OperationCanceledException)
                {
                    Interlocked.Increment(ref cancelled);
                }
            }
        }));
        Assert.InRange(cancelled, 1, 3200);
    }

    [Fact]
    public async Task Map_and_status_can_be_asked()
    {
        await using var cluster = new FakeCluster();
        await using var client = cluster.Connect();
        Assert.Equal(3, (await client.MapAsync(Ending)).Members.Count);
        var status = await client.StatusAsync(cluster.Nodes[1].Address, Ending);
        Assert.Contains("\"name\":\"double\"", Encoding.UTF8.GetString(status.Span));
    }

    [Fact]
    public async Task Large_values_pass()
    {
        await using var cluster = new FakeCluster(nodes: 1);
        await using var client = cluster.Connect();
        var value = new byte[Limits.ValueBytesMax];
        new Random(3).NextBytes(value);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async i =>
        {
            var key = Encoding.UTF8.GetBytes($"large {i}");
            await client.PutAsync(key, value, cancellationToken: Ending);
            Assert.True(
                (await client.GetAsync(key, cancellationToken: Ending)).Value.Span.SequenceEqual(value));
        }));
        await Assert.ThrowsAsync<ArgumentException>(async () => await client.PutAsync(
            "k"u8.ToArray(), new byte[Limits.FrameBytesMax], cancellationToken: Ending));
    }

    [Fact]
    public async Task A_closed_client_says_so()
    {
        await using var cluster = new FakeCluster(nodes: 1);
        var client = cluster.Connect();
        await client.PutAsync("k", "v", cancellationToken: Ending);
        cluster.Nodes[0].IsStuck = true;
        var put = client.PutAsync("k", "v", cancellationToken: Ending).AsTask();
        await client.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => put);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
            await client.GetAsync("k", cancellationToken: Ending));
    }

    [Fact]
    public void Settings_that_make_no_sense_are_refused()
    {
        Assert.Throws<ArgumentException>(() => KvorumClient.Connect(new() { Addresses = [] }));
        Assert.Throws<ArgumentException>(() => KvorumClient.Connect(new() { Addresses = ["localhost"] }));
        Assert.Throws<ArgumentException>(
            () => KvorumClient.Connect(new() { Addresses = ["localhost:99999"] }));
        var options = new KvorumClientOptions { Addresses = ["h:1"] };
        Assert.ThrowsAny<ArgumentException>(
            () => KvorumClient.Connect(options with { ConnectionsPerNode = 0 }));
        Assert.ThrowsAny<ArgumentException>(
            () => KvorumClient.Connect(options with { Timeout = TimeSpan.Zero }));
        Assert.ThrowsAny<ArgumentException>(
            () => KvorumClient.Connect(options with { ClientId = new('c', 129) }));
        Assert.ThrowsAny<ArgumentException>(
            () => KvorumClient.Connect(options with { Keyspace = new('k', 65) }));
    }

    [Theory]
    [InlineData("host:1", true)]
    [InlineData("[::1]:65535", true)]
    [InlineData("::1:80", false)]
    [InlineData(":80", false)]
    [InlineData("host:0", false)]
    public void An_address_has_a_host_and_a_port_to_dial(string text, bool isAddress) =>
        Assert.Equal(isAddress, KvorumClient.IsAddress(text));

    private static void WaitFor(Func<bool> condition) =>
        Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(10)), "waited in vain");

    /// <summary>
    /// Asks until a read of every node's keys goes straight to its leader: the map has arrived.
    /// </summary>
    private static async Task Learned(FakeCluster cluster, KvorumClient client)
    {
        for (var attempt = 0; attempt < 500; attempt++)
        {
            var before = cluster.Nodes.Sum(node => node.Double.Seen.Count);
            for (var i = 0; i < 12; i++)
                await client.GetAsync($"probe {i}", cancellationToken: Ending);
            if (cluster.Nodes.Sum(node => node.Double.Seen.Count) - before == 12)
                return;
            await Task.Delay(10, Ending);
        }

        Assert.Fail("The map never arrived.");
    }
}
