using System.Buffers;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Google.Protobuf;
using Kvorum.Client;
using Kvorum.Node.Budgets;
using Kvorum.Protocol;
using Kvorum.Server;
using Kvorum.Server.Hosting;
using Kvorum.Tests.Server.Grpc;
using Kvorum.Tests.Server.Native;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server;

/// <summary>
/// Clients that ask for much and take nothing, or send half of what they announce, on each front end of a
/// whole server: what they hold is bounded in bytes, others are served, and nothing stays behind.
/// bench/memory.py is the same at full size, with times and resident memory.
/// </summary>
public sealed class TrafficTests : IAsyncLifetime
{
    private const int Limit = 60_000;
    private const int ValueBytes = 1 << 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-test-").FullName;
    private KvorumServer _server = null!;
    private KvorumClient _bystander = null!;

    private TrafficRoom Traffic => _server.Traffic;

    private IPEndPoint Clients => IPEndPoint.Parse(_server.Self.ClientAddress);

    private IPEndPoint Web => IPEndPoint.Parse(_server.Self.HttpAddress);

    private static CancellationToken Ending => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await KvorumServer.StartAsync(new()
        {
            DataFolder = Path.Combine(_folder, "data"),
            ClientAddress = "127.0.0.1:0",
            HttpAddress = "127.0.0.1:0",
            PeerAddress = "127.0.0.1:0",
            TrafficBytes = TrafficRoom.BytesMin,
        });
        _bystander = KvorumClient.Connect(
            new() { Addresses = [_server.Self.ClientAddress], Timeout = TimeSpan.FromSeconds(20) });
        await _bystander.PutAsync("large"u8.ToArray(), new byte[ValueBytes], cancellationToken: Ending);
        await _bystander.PutAsync("small", "v", cancellationToken: Ending);
    }

    public async ValueTask DisposeAsync()
    {
        await _bystander.DisposeAsync();
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact(Timeout = Limit)]
    public async Task Native_reads_that_nobody_takes()
    {
        var reader = RawClient.Greeted(Clients);
        for (ulong n = 1; n <= 500; n++)
            reader.Get(n, "large", 30_000);
        await Eventually.Holds(() => Traffic.Replies.Waiting >= 400);
        await AssertOthersAreServedAsync();
        Assert.InRange(
            Traffic.Replies.Taken, ValueBytes, Traffic.Replies.Options.ShareBytesMax + ValueBytes);
        reader.Dispose();
        await AssertNothingIsHeldAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task Grpc_reads_without_a_window()
    {
        var get = new V1.GetRequest { Key = ByteString.CopyFromUtf8("large") }.ToByteArray();
        var peers = new List<RawHttp2>();
        for (var n = 0; n < 8; n++)
        {
            var peer = await RawHttp2.OpenAsync(Clients, true, (4, 0));
            for (var stream = 1; stream < 256; stream += 2)
                await peer.SendAsync(RawHttp2.Call(stream, "/kvorum.v1.KV/Get", get));
            peers.Add(peer);
        }

        await Eventually.Holds(() => Traffic.Replies.Waiting >= 800);
        await AssertOthersAreServedAsync();
        Assert.InRange(Traffic.Replies.Taken, ValueBytes, Traffic.Replies.Options.BytesMax);
        foreach (var peer in peers)
            await peer.DisposeAsync();
        await AssertNothingIsHeldAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task Slow_readers_of_http_are_cut_off_when_others_wait()
    {
        // More than the kernel takes for a client that does not read.
        await _bystander.PutAsync("huge"u8.ToArray(), new byte[63 << 16], cancellationToken: Ending);
        var readers = Enumerable.Range(0, 60).Select(_ => SlowReader("/v1/kv/huge")).ToArray();
        await Eventually.Holds(() => Traffic.Replies.Waiting >= 20);
        await AssertOthersAreServedAsync();
        Assert.InRange(Traffic.Replies.Taken, ValueBytes, Traffic.Replies.Options.BytesMax);
        // As the server does every few seconds.
        var large = _bystander.GetAsync("large"u8.ToArray(), cancellationToken: Ending).AsTask();
        while (!large.IsCompleted)
        {
            Traffic.Judge();
            await Task.Delay(50, Ending);
        }

        Assert.Equal(ValueBytes, (await large).Value.Length);
        foreach (var reader in readers)
            reader.Dispose();
        await AssertNothingIsHeldAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task Grpc_messages_that_lack_their_last_byte()
    {
        var put = RawHttp2.Message(new V1.PutRequest
        {
            Key = ByteString.CopyFromUtf8("half"),
            Value = ByteString.CopyFrom(new byte[ValueBytes]),
        }.ToByteArray());
        var peers = new List<RawHttp2>();
        for (var n = 0; n < 4; n++)
        {
            var peer = await RawHttp2.OpenAsync(Clients);
            for (var stream = 1; stream < 256; stream += 2)
            {
                await peer.SendAsync(Begin(stream));
                // As far as the window of a stream goes that was not admitted.
                for (var at = 0; at < 48 << 10; at += 16 << 10)
                    await peer.SendAsync(RawHttp2.Frame(RawHttp2.Data, 0, stream, put.AsSpan(at, 16 << 10)));
            }

            peers.Add(peer);
        }

        await Eventually.Holds(() => Traffic.Begun.Taken > 0);
        await AssertOthersAreServedAsync();
        Assert.InRange(Traffic.Requests.Taken, ValueBytes, Traffic.Requests.Options.BytesMax);
        Assert.InRange(Traffic.Begun.Taken, 1, Traffic.Begun.Options.BytesMax);
        // What was admitted and does not go on is ended.
        await Eventually.Holds(() => peers.TrueForAll(static peer => !peer.Ended.IsEmpty), 30);
        foreach (var peer in peers)
            await peer.DisposeAsync();
        await AssertNothingIsHeldAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task A_grpc_call_whose_message_came_but_not_its_end_is_ended()
    {
        await using var peer = await RawHttp2.OpenAsync(Clients);
        var put = new V1.PutRequest { Key = ByteString.CopyFromUtf8("half") }.ToByteArray();
        var begun = Stopwatch.StartNew();
        await peer.SendAsync(Begin(1));
        await peer.SendAsync(RawHttp2.Frame(RawHttp2.Data, 0, 1, RawHttp2.Message(put)));
        await Eventually.Holds(() => peer.Ended.ContainsKey(1), 30);
        Assert.InRange(begun.ElapsedMilliseconds, MessagePace.WindowMs / 2, long.MaxValue);
        Assert.False((await _bystander.GetAsync("half", cancellationToken: Ending)).Found);
    }

    [Fact(Timeout = Limit)]
    public async Task A_native_request_that_lacks_its_last_byte_is_counted_before_it_comes_and_cut_off()
    {
        var whole = new ArrayBufferWriter<byte>();
        NativeCodec.WriteRequest(
            whole, 1, 10_000, new PutRequest { Key = "half"u8.ToArray(), Value = new byte[ValueBytes] });
        using var one = RawClient.Greeted(Clients);
        one.Send(whole.WrittenSpan[..100].ToArray());
        await Eventually.Holds(() => Traffic.Requests.Taken >= ValueBytes - TrafficRoom.SmallBytesMax);
        one.Send(whole.WrittenSpan[100..^1].ToArray());
        await AssertOthersAreServedAsync();
        await Eventually.Holds(() => Traffic.Requests.Taken == 0, 30);
        Assert.ThrowsAny<Exception>(() => one.Read()); // closed or reset
        await AssertNothingIsHeldAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task Many_native_requests_that_lack_their_last_byte_share_the_room()
    {
        var whole = new ArrayBufferWriter<byte>();
        NativeCodec.WriteRequest(
            whole, 1, 10_000, new PutRequest { Key = "half"u8.ToArray(), Value = new byte[3 << 20] });
        var all = Enumerable.Range(0, 40).Select(_ => RawClient.Greeted(Clients)).ToArray();
        foreach (var one in all)
            one.Send(whole.WrittenSpan[..60_000].ToArray());
        await Eventually.Holds(() => Traffic.Requests.Waiting > 20);
        Assert.InRange(Traffic.Requests.Taken, 3 << 20, Traffic.Requests.Options.BytesMax);
        await AssertOthersAreServedAsync();
        foreach (var one in all)
            one.Dispose();
        await AssertNothingIsHeldAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task A_client_that_reads_on_gets_all_that_it_asked_for()
    {
        using var reader = RawClient.Greeted(Clients);
        for (ulong n = 1; n <= 100; n++)
            reader.Get(n, n % 10 == 0 ? "small" : "large", 30_000);
        var found = new SortedSet<ulong>();
        while (found.Count < 100)
        {
            var (correlation, reply) = reader.ReadReply();
            Assert.Equal(ReplyStatus.Ok, reply.Status);
            Assert.Equal(correlation % 10 == 0 ? 1 : ValueBytes, reply.Value.Length);
            Assert.True(found.Add(correlation));
        }

        await AssertNothingIsHeldAsync();
    }

    private static byte[] Begin(int stream) => RawHttp2.Frame(
        RawHttp2.Header, RawHttp2.EndHeaders, stream, RawHttp2.RequestFields("/kvorum.v1.KV/Put"));

    private async Task AssertOthersAreServedAsync()
    {
        Assert.Equal("v", (await _bystander.GetAsync("small", cancellationToken: Ending)).Text);
        await _bystander.PutAsync("other", "w", cancellationToken: Ending);
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        Assert.Equal("v", await http.GetStringAsync(new Uri($"http://{Web}/v1/kv/small"), Ending));
        await using var peer = await RawHttp2.OpenAsync(Clients);
        var get = new V1.GetRequest { Key = ByteString.CopyFromUtf8("small") }.ToByteArray();
        await peer.SendAsync(RawHttp2.Call(1, "/kvorum.v1.KV/Get", get));
        await Eventually.Holds(() => peer.Ended.ContainsKey(1));
    }

    private Task AssertNothingIsHeldAsync() => Eventually.Holds(() => Rooms().All(
        static room => room is { Taken: 0, Waiting: 0 }), 20);

    private ByteRoom[] Rooms() => [Traffic.Replies, Traffic.Requests, Traffic.Begun];

    private Socket SlowReader(string path)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        socket.Connect(Web);
        socket.Send(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"));
        return socket;
    }
}
