using System.Net.Sockets;
using System.Text;
using Google.Protobuf;
using Kvorum.Protocol;
using Kvorum.Server.Access;
using Kvorum.Tests.Server.Grpc;
using Kvorum.Tests.Server.Native;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Access;

/// <summary>
/// A user at a bound is refused at every front end, in words and so that a client may retry, while another is
/// served; and whatever becomes of requests and connections, their places come back.
/// </summary>
public class UserLimitsDoorsTests
{
    private const int Limit = 60_000;

    private static readonly UserBounds Few = new() { ConnectionsMax = 100, RequestsMax = 3 };
    private static readonly UserBounds Two = new() { ConnectionsMax = 2, RequestsMax = 100 };

    private static CancellationToken Ending => TestContext.Current.CancellationToken;

    [Fact(Timeout = Limit)]
    public async Task Native_requests_beyond_the_bound_are_answered_overloaded()
    {
        await using var room = await UserLimitsRoom.OpenAsync(Few);
        using var one = room.Native(UserLimitsRoom.Greedy);
        using var two = room.Native(UserLimitsRoom.Greedy);
        using var other = room.Native(UserLimitsRoom.Other);
        one.Get(1, "hang", 30_000);
        one.Get(2, "hang", 30_000);
        two.Get(1, "hang", 30_000);
        await Eventually.Holds(() => room.Has == (2, 3));
        two.Get(2, "k");
        var (correlation, refused) = two.ReadReply();
        Assert.Equal((2ul, ReplyStatus.Overloaded), (correlation, refused.Status));
        Assert.Contains("user 'greedy' has 3 requests", refused.Message, StringComparison.Ordinal);
        // Questions about the node are requests as well.
        two.Send(static writer => NativeCodec.Write(writer, NativeFrameKind.StatusRequest, 3));
        Assert.Equal(ReplyStatus.Overloaded, two.ReadReply().Reply.Status);
        other.Get(1, "k");
        Assert.Equal(ReplyStatus.Ok, other.ReadReply().Reply.Status);

        one.Send(static writer => NativeCodec.Write(writer, NativeFrameKind.Cancel, 1));
        Assert.Equal(1ul, one.ReadReply().Correlation);
        two.Get(4, "k");
        Assert.Equal((4ul, ReplyStatus.Ok), Outcome(two));
        one.Dispose();
        await Eventually.Holds(() => room.Has == (1, 1));
        Assert.Equal(2, room.Limits.RequestsRefused);
    }

    [Fact(Timeout = Limit)]
    public async Task Grpc_calls_beyond_the_bound_are_resource_exhausted()
    {
        await using var room = await UserLimitsRoom.OpenAsync(Few);
        using var client = new HttpClient();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ending);
        var hanging = Enumerable.Range(0, 3).Select(
            _ => room.GrpcGetAsync(client, UserLimitsRoom.Greedy, "hang", patience.Token)).ToArray();
        await Eventually.Holds(() => room.Has == (1, 3));
        foreach (var what in (string[])["k", "status:Internal"])
        {
            var refused = await room.GrpcGetAsync(client, UserLimitsRoom.Greedy, what, Ending);
            Assert.Equal(("8", "safe"), (refused.Status, refused.Retry));
            Assert.Contains("user 'greedy' has 3 requests", refused.Message, StringComparison.Ordinal);
        }

        Assert.Equal("0", (await room.GrpcGetAsync(client, UserLimitsRoom.Other, "k", Ending)).Status);
        await patience.CancelAsync();
        await Task.WhenAll(hanging).ContinueWith(static _ => { }, TaskScheduler.Default);
        await Eventually.Holds(() => room.Has.Requests == 0);
        Assert.Equal("0", (await room.GrpcGetAsync(client, UserLimitsRoom.Greedy, "k", Ending)).Status);
    }

    [Fact(Timeout = Limit)]
    public async Task Http_requests_beyond_the_bound_are_429()
    {
        await using var room = await UserLimitsRoom.OpenAsync(Few);
        using var client = new HttpClient();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ending);
        var hanging = Enumerable.Range(0, 3).Select(
            _ => room.HttpAsync(client, UserLimitsRoom.Greedy, "/v1/kv/hang", patience.Token)).ToArray();
        await Eventually.Holds(() => room.Has == (3, 3));
        var (status, body, closes) = await room.HttpAsync(client, UserLimitsRoom.Greedy, "/v1/kv/k", Ending);
        Assert.Equal((429, false), (status, closes));
        Assert.Contains("user 'greedy' has 3 requests", body, StringComparison.Ordinal);
        Assert.Contains("\"retry\":\"safe\"", body, StringComparison.Ordinal);
        Assert.Equal(404, (await room.HttpAsync(client, UserLimitsRoom.Other, "/v1/kv/k", Ending)).Status);
        // Probes are everybody's.
        Assert.Equal(200, (await room.HttpAsync(client, UserLimitsRoom.Greedy, "/readyz", Ending)).Status);
        await patience.CancelAsync();
        await Task.WhenAll(hanging).ContinueWith(static _ => { }, TaskScheduler.Default);
        await Eventually.Holds(() => room.Has.Requests == 0);
        Assert.Equal(404, (await room.HttpAsync(client, UserLimitsRoom.Greedy, "/v1/kv/k", Ending)).Status);
    }

    /// <summary>A stream is a request until it ends, and each request in it is one, too.</summary>
    [Fact(Timeout = Limit)]
    public async Task Streams_count_and_so_does_what_is_in_a_pipeline()
    {
        await using var room = await UserLimitsRoom.OpenAsync(Few);
        room.Node.Events = new();
        var watch = await GrpcStream.OpenAsync(
            room.Clients.ToString(), "/kvorum.v1.Admin/WatchEvents",
            new V1.WatchEventsRequest { FromNow = true },
            ("authorization", $"Bearer {UserLimitsRoom.Greedy}"));
        Assert.Equal((1, 1), room.Has);
        byte[] asked =
        [
            .. Asked(1, "hang", 300), .. Asked(2, "k", 10_000), .. Asked(3, "k", 10_000),
        ];
        using var pipeline = await GrpcStream.OpenAsync(
            room.Clients.ToString(), "/kvorum.v1.KV/Pipeline", asked,
            ("authorization", $"Bearer {UserLimitsRoom.Greedy}"));
        // Watch, stream and the first request: the others find no place.
        List<(ulong Id, string Status)> replies = [];
        while (await pipeline.NextAsync(V1.KeyReply.Parser) is { } reply)
            replies.Add((reply.Id, reply.Error?.Status ?? "ok"));
        Assert.Equal(
            [(1ul, "deadline-exceeded"), (2ul, "overloaded"), (3ul, "overloaded")],
            replies.OrderBy(static one => one.Id));
        watch.Dispose();
        pipeline.Dispose();
        await Eventually.Holds(() => room.Limits.UserCount == 0);
    }

    [Fact(Timeout = Limit)]
    public async Task Connections_of_all_front_ends_count_together_and_one_more_is_told_and_closed()
    {
        await using var room = await UserLimitsRoom.OpenAsync(Two);
        using var native = room.Native(UserLimitsRoom.Greedy);
        native.Get(1, "k");
        Assert.Equal((1ul, ReplyStatus.Ok), Outcome(native));
        using var grpc = new HttpClient();
        Assert.Equal("0", (await room.GrpcGetAsync(grpc, UserLimitsRoom.Greedy, "k", Ending)).Status);
        Assert.Equal((2, 0), room.Has);

        using var http = new HttpClient();
        var (status, body, closes) = await room.HttpAsync(http, UserLimitsRoom.Greedy, "/v1/kv/k", Ending);
        Assert.Equal((429, true), (status, closes));
        Assert.Contains("user 'greedy' has 2 connections", body, StringComparison.Ordinal);
        using var second = new HttpClient();
        var refused = await room.GrpcGetAsync(second, UserLimitsRoom.Greedy, "k", Ending);
        Assert.Equal(("8", "safe"), (refused.Status, refused.Retry));
        Assert.Contains("--connections-per-user-max", refused.Message, StringComparison.Ordinal);
        using var third = room.Native(UserLimitsRoom.Greedy);
        third.Get(1, "k");
        Assert.Contains("user 'greedy' has 2 connections", third.ReadError(), StringComparison.Ordinal);

        // Those that are there go on, and so does everybody else.
        native.Get(2, "k");
        Assert.Equal((2ul, ReplyStatus.Ok), Outcome(native));
        using var others = new HttpClient();
        Assert.Equal("0", (await room.GrpcGetAsync(others, UserLimitsRoom.Other, "k", Ending)).Status);
        Assert.Equal(404, (await room.HttpAsync(others, UserLimitsRoom.Other, "/v1/kv/k", Ending)).Status);
        Assert.Equal(3, room.Limits.ConnectionsRefused);

        native.Dispose();
        await Eventually.Holds(() => room.Has == (1, 0));
        Assert.Equal(404, (await room.HttpAsync(http, UserLimitsRoom.Greedy, "/v1/kv/k", Ending)).Status);
        Assert.Equal((2, 0), room.Has);
    }

    /// <summary>A client that was told to go, and stays, is cut off.</summary>
    [Fact(Timeout = Limit)]
    public async Task A_refused_connection_is_closed_whatever_its_client_does()
    {
        await using var room = await UserLimitsRoom.OpenAsync(new() { ConnectionsMax = 1 });
        using var native = room.Native(UserLimitsRoom.Greedy);
        await Eventually.Holds(() => room.Has == (1, 0));
        await using var peer = await RawHttp2.OpenAsync(room.Clients);
        // The call never ends, and others follow.
        var head = RawHttp2.RequestFields(
            "/kvorum.v1.KV/Get", ("authorization", $"Bearer {UserLimitsRoom.Greedy}"));
        for (var stream = 1; await peer.SendAsync(
            RawHttp2.Frame(RawHttp2.Header, RawHttp2.EndHeaders, stream, head)); stream += 2)
            await Task.Delay(20, Ending);
        native.Get(1, "k");
        Assert.Equal((1ul, ReplyStatus.Ok), Outcome(native));
    }

    [Fact(Timeout = 2 * Limit)]
    public async Task Thousands_of_requests_that_fail_or_are_taken_back_leave_no_place_taken()
    {
        await using var room = await UserLimitsRoom.OpenAsync(
            new() { ConnectionsMax = 1000, RequestsMax = 100_000 });
        await Task.WhenAll(
            Task.Run(() => NativeStorm(room), Ending), GrpcStormAsync(room), HttpStormAsync(room));
        await Eventually.Holds(() => room.Limits.UserCount == 0, 20);
        Assert.Equal((0, 0), (room.Limits.RequestsRefused, room.Limits.ConnectionsRefused));
        Assert.True(room.Node.Seen.Count > 2000, $"{room.Node.Seen.Count}");
    }

    private static void NativeStorm(UserLimitsRoom room)
    {
        for (var round = 0; round < 10; round++)
        {
            using var client = room.Native(UserLimitsRoom.Greedy);
            for (var n = 1ul; n <= 200; n++)
            {
                var at = n;
                client.Get(n, What(n), 5000);
                if (n % 5 == 0)
                    client.Send(writer => NativeCodec.Write(writer, NativeFrameKind.Cancel, at));
                if (n % 7 == 0)
                    client.Send(writer => NativeCodec.WriteRequest(
                        writer, 1000 + at, 1000, new DeleteRequest { Key = "denied"u8.ToArray() }));
                if (n % 50 == 0)
                {
                    client.Send(writer => NativeCodec.Write(
                        writer, NativeFrameKind.StatusRequest, 2000 + at));
                }
            }

            // Some connections end in the middle, and one by a number that is under way already.
            if (round == 5)
            {
                client.Get(500, "hang", 5000);
                client.Get(500, "hang", 5000);
            }

            try
            {
                for (var n = 0; n < 100; n++)
                    client.Read();
            }
            catch (Exception e) when (round == 5 && e is EndOfStreamException or SocketException)
            {
                // It was cut off, as it deserves.
            }
        }
    }

    private static async Task GrpcStormAsync(UserLimitsRoom room)
    {
        using var client = new HttpClient();
        var denied = RawHttp2.Message(
            new V1.DeleteRequest { Key = ByteString.CopyFromUtf8("denied") }.ToByteArray());
        await EachAsync(1000, (n, cancelled) =>
        {
            return (n % 10) switch
            {
                3 => room.GrpcAsync(client, UserLimitsRoom.Greedy, "/kvorum.v1.KV/Delete", denied, cancelled),
                6 => room.GrpcAsync(
                    client, UserLimitsRoom.Greedy, "/kvorum.v1.KV/Get", [0, 0, 0, 0, 3, 255, 255, 255],
                    cancelled),
                7 => room.GrpcAsync(
                    client, UserLimitsRoom.Greedy, "/kvorum.v1.KV/Pipeline",
                    [.. Asked(1, "hang", 20), .. Asked(2, "status:Internal", 1000)], cancelled),
                8 => room.GrpcAsync(client, UserLimitsRoom.Greedy, "/kvorum.v1.KV/NoSuch", [], cancelled),
                _ => room.GrpcGetAsync(client, UserLimitsRoom.Greedy, What(n), cancelled),
            };
        });
    }

    private static async Task HttpStormAsync(UserLimitsRoom room)
    {
        using var client = new HttpClient();
        await EachAsync(1000, (n, cancelled) => room.HttpAsync(
            client, UserLimitsRoom.Greedy,
            (n % 10) switch
            {
                3 => "/v1/kv/k?nonsense=1",
                6 => "/v1/admin/access",
                7 => "/nothing",
                _ => $"/v1/kv/{Uri.EscapeDataString(What(n))}",
            }, cancelled));
    }

    // Every fifth is taken back while it hangs.
    private static string What(ulong n) => (n % 5) switch
    {
        0 => "hang",
        1 => "status:Unavailable",
        2 => "status:Internal",
        _ => "k",
    };

    private static Task EachAsync(int count, Func<ulong, CancellationToken, Task> ask) => Parallel.ForAsync(
        1, count + 1, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Ending },
        async (n, ending) =>
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(ending);
            if (n % 5 == 0)
                patience.CancelAfter(n % 3 * 5);
            try
            {
                await ask((ulong)n, patience.Token);
            }
            catch (OperationCanceledException) when (!ending.IsCancellationRequested)
            {
                // As it should.
            }
        });

    private static byte[] Asked(ulong id, string key, uint timeoutMs) => RawHttp2.Message(new V1.KeyRequest
    {
        Id = id,
        TimeoutMs = timeoutMs,
        Get = new() { Key = ByteString.CopyFrom(Encoding.UTF8.GetBytes(key)) },
    }.ToByteArray());

    private static (ulong, ReplyStatus) Outcome(RawClient client)
    {
        var (correlation, reply) = client.ReadReply();
        return (correlation, reply.Status);
    }
}
