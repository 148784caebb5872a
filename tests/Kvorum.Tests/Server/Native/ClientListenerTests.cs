using System.Buffers.Binary;
using System.Net;
using System.Text;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Server.Native;
using Kvorum.Tests.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kvorum.Tests.Server.Native;

public sealed class ClientListenerTests : IAsyncDisposable
{
    private readonly DoubleNode _node = new();
    private ClientListener _listener = new(Options());

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    [Fact]
    public void A_request_is_answered()
    {
        using var client = Connect();
        client.Get(42, "some key");
        var (correlation, reply) = client.ReadReply();
        Assert.Equal(
            (42ul, true, "some key"), (correlation, reply.Found, Encoding.UTF8.GetString(reply.Value.Span)));
        Assert.Equal(1000, _node.Seen[0].Timeout.TotalMilliseconds);
    }

    [Fact]
    public void Every_kind_of_request_reaches_the_node()
    {
        using var client = Connect();
        foreach (var request in EveryRequest.Full)
        {
            client.Send(writer => NativeCodec.WriteRequest(writer, (ulong)request.Kind, 1000, request));
            var (correlation, reply) = client.ReadReply();
            Assert.Equal(((ulong)request.Kind, ReplyStatus.Ok), (correlation, reply.Status));
            Assert.Equal(request.GetType(), _node.Seen[^1].Request.GetType());
            Assert.Equal(request.Key.Span, _node.Seen[^1].Request.Key.Span);
        }
    }

    [Fact]
    public void A_hello_is_answered_with_who_is_here()
    {
        _listener.Start(_node);
        using var client = new RawClient(_listener.EndPoint);
        client.Send(NativeCodec.Magic.ToArray());
        client.Send(writer => NativeCodec.WriteHello(writer, "raw"));
        Assert.Equal(
            (NativeCodec.Version, Options().ClusterId(), "n1"),
            NativeCodec.ReadHelloReply(client.Read().Body));
    }

    [Fact]
    public void An_operators_request_is_answered_as_json()
    {
        using var client = Connect();
        client.Send(writer => NativeCodec.WriteAdminRequest(
            writer, 5, 1500, AdminJson.Encode(new DropKeyspace("orders"))));
        var frame = client.Read();
        Assert.Equal((NativeFrameKind.AdminReply, 5ul), (frame.Kind, frame.Correlation));
        Assert.Equal(ReplyStatus.Ok, AdminJson.DecodeReply(frame.Body.Span).Status);
        Assert.Equal((new DropKeyspace("orders"), TimeSpan.FromSeconds(1.5)), _node.Administered[^1]);
    }

    [Theory]
    [InlineData("""{"action":"explode"}""")]
    [InlineData("""{"action":"drop_keyspace","keyspace":"a","dryrun":true}""")]
    [InlineData("no json")]
    public void A_malformed_operators_request_is_refused_and_the_connection_goes_on(string json)
    {
        using var client = Connect();
        client.Send(writer => NativeCodec.WriteAdminRequest(writer, 5, 1500, Encoding.UTF8.GetBytes(json)));
        var reply = AdminJson.DecodeReply(client.Read().Body.Span);
        Assert.Equal(ReplyStatus.InvalidArgument, reply.Status);
        Assert.Empty(_node.Administered);
        client.Get(42, "some key");
        Assert.Equal(42ul, client.ReadReply().Correlation);
    }

    /// <summary>Questions that wait hold up no others, and too many of them are refused with words.</summary>
    [Fact]
    public void Questions_for_events_wait_beside_other_requests()
    {
        _node.Events = new();
        using var client = Connect();
        for (var n = 1ul; n <= 65; n++)
            client.Send(writer => NativeCodec.WriteAdminRequest(writer, n, 6000, EventsCodec.Ask(0, 5000, Guid.Empty)));
        var refused = client.Read();
        Assert.Equal(65ul, refused.Correlation);
        var words = EventsCodec.ReadAnswer(refused.Body.Span);
        Assert.Equal(ReplyStatus.Overloaded, words.Status);
        Assert.Contains("ask another node", words.Message, StringComparison.Ordinal);
        client.Get(100);
        Assert.Equal(100ul, client.ReadReply().Correlation);
        _node.Events.Happen();
        for (var n = 1; n <= 64; n++)
            Assert.Equal(1ul, Assert.Single(EventsCodec.ReadAnswer(client.Read().Body.Span).Events).Position);
        client.Send(writer => NativeCodec.WriteAdminRequest(writer, 70, 6000, EventsCodec.Ask(0, 5000, Guid.Empty)));
        Assert.Equal((NativeFrameKind.AdminReply, 70ul), Kind(client.Read()));

        static (NativeFrameKind, ulong) Kind(NativeFrame frame) => (frame.Kind, frame.Correlation);
    }

    [Fact]
    public void Bytes_may_come_one_by_one()
    {
        _listener.Start(_node);
        using var client = new RawClient(_listener.EndPoint);
        client.Socket.NoDelay = true;
        foreach (var b in NativeCodec.Magic)
            client.Send([b]);
        var writer = new System.Buffers.ArrayBufferWriter<byte>();
        NativeCodec.WriteHello(writer, "slow");
        NativeCodec.WriteRequest(writer, 3, 10, new GetRequest { Key = "k"u8.ToArray() });
        foreach (var b in writer.WrittenSpan)
            client.Send([b]);
        client.Read();
        Assert.Equal(3ul, client.ReadReply().Correlation);
    }

    [Fact]
    public void Held_calls_are_answered_in_any_order()
    {
        _node.Answer = static _ => null;
        using var client = Connect();
        for (ulong i = 1; i <= 3; i++)
            client.Get(i);
        WaitFor(() => _node.Seen.Count == 3);
        foreach (var call in _node.Seen.Reverse())
            DoubleNode.Complete(call, new Reply { Status = ReplyStatus.Ok });
        Assert.Equal([3ul, 2ul, 1ul],
            new[] { client.ReadReply().Correlation, client.ReadReply().Correlation,
                client.ReadReply().Correlation });
    }

    [Fact]
    public void Large_values_pass_both_ways()
    {
        var value = new byte[Limits.ValueBytesMax];
        new Random(1).NextBytes(value);
        _node.Answer = static call =>
            new Reply { Status = ReplyStatus.Ok, Value = ((PutRequest)call.Request).Value };
        using var client = Connect();
        client.Send(writer => NativeCodec.WriteRequest(writer, 1, 1000,
            new PutRequest { Key = "k"u8.ToArray(), Value = value }));
        Assert.True(value.AsSpan().SequenceEqual(client.ReadReply().Reply.Value.Span));
    }

    [Fact]
    public void Keys_and_values_outlive_the_receive_buffer()
    {
        _node.Answer = static _ => null;
        using var client = Connect();
        for (ulong i = 0; i < 500; i++)
            client.Get(i, $"key {i}");
        WaitFor(() => _node.Seen.Count == 500);
        for (var i = 0; i < 500; i++)
            Assert.Equal($"key {i}", Encoding.UTF8.GetString(_node.Seen[i].Request.Key.Span));
    }

    [Fact]
    public void Cancel_and_a_lost_connection_take_calls_back()
    {
        _node.Answer = static _ => null;
        using var client = Connect();
        client.Get(1);
        client.Get(2);
        client.Send(writer => NativeCodec.Write(writer, NativeFrameKind.Cancel, 1));
        WaitFor(() => _node.Seen is [{ IsCancelled: true }, { IsCancelled: false }]);
        client.Dispose();
        WaitFor(() => _node.Seen[1].IsCancelled);
        WaitFor(() => _listener.ConnectionCount == 0);
        DoubleNode.Complete(_node.Seen[1], new Reply { Status = ReplyStatus.Ok });
    }

    [Fact]
    public void Map_and_status_are_told()
    {
        _node.Map = new(Guid.Empty, 77, 77, [new(Guid.Empty, "a", "b", "c", "d")], []);
        using var client = Connect();
        client.Send(writer => NativeCodec.Write(writer, NativeFrameKind.MapRequest, 1));
        client.Send(writer => NativeCodec.Write(writer, NativeFrameKind.StatusRequest, 2));
        NativeFrame[] frames = [client.Read(), client.Read()];
        Assert.Equal(77ul, ClusterMapCodec.Decode(frames.Single(frame => frame.Correlation == 1).Body).Epoch);
        Assert.Contains("\"name\":\"double\"",
            Encoding.UTF8.GetString(frames.Single(frame => frame.Correlation == 2).Body.Span));
    }

    [Fact]
    public void A_request_that_cannot_be_read_is_answered_and_the_connection_lives()
    {
        using var client = Connect();
        client.Send(writer => NativeCodec.Write(writer, NativeFrameKind.Request, 9, [1, 0, 0, 0, 99]));
        Assert.Equal(
            (9ul, ReplyStatus.InvalidArgument), client.ReadReply() is var (c, r) ? (c, r.Status) : default);
        client.Get(10);
        Assert.Equal(10ul, client.ReadReply().Correlation);
    }

    [Fact]
    public void A_reply_too_large_for_a_frame_becomes_an_error()
    {
        _node.Answer = static _ =>
            new Reply { Status = ReplyStatus.Ok, Value = new byte[Limits.FrameBytesMax] };
        using var client = Connect();
        client.Get(1);
        Assert.Equal(ReplyStatus.Internal, client.ReadReply().Reply.Status);
    }

    [Fact]
    public void Garbage_is_told_and_closed()
    {
        _listener.Start(_node);
        AssertRefused("does not begin", client => client.Send("KVxx"u8.ToArray()));
        AssertRefused("not a hello", client =>
        {
            client.Send(NativeCodec.Magic.ToArray());
            client.Get(1);
        });
        AssertRefused("checksum", client =>
        {
            client.Greet();
            client.Send(writer =>
            {
                NativeCodec.Write(writer, NativeFrameKind.MapRequest, 1);
                System.Runtime.InteropServices.MemoryMarshal.AsMemory(writer.WrittenMemory).Span[^1] ^= 1;
            });
        });
        AssertRefused("are allowed", client =>
        {
            client.Greet();
            var length = new byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(length, Limits.FrameBytesMax);
            client.Send(length);
        });
        AssertRefused("Kind 77", client =>
        {
            client.Greet();
            client.Send(writer => NativeCodec.Write(writer, (NativeFrameKind)77, 1));
        });
        AssertRefused("already under way", client =>
        {
            _node.Answer = static _ => null;
            client.Greet();
            client.Get(5);
            client.Get(5);
        });
    }

    [Fact]
    public async Task A_client_that_says_no_hello_is_closed()
    {
        await Relisten(Options() with { HandshakeTimeout = TimeSpan.FromMilliseconds(50) });
        using var client = new RawClient(_listener.EndPoint);
        client.Send(NativeCodec.Magic.ToArray());
        Assert.Contains("No hello", client.ReadError());
        using var silent = new RawClient(_listener.EndPoint);
        Assert.Throws<EndOfStreamException>(() => silent.Read());
    }

    [Fact]
    public async Task One_connection_too_many_is_refused()
    {
        await Relisten(Options() with { ConnectionsMax = 1 });
        using var first = RawClient.Greeted(_listener.EndPoint);
        using var second = new RawClient(_listener.EndPoint);
        second.Send(NativeCodec.Magic.ToArray());
        Assert.Contains("bound", second.ReadError());
        first.Get(1);
        first.ReadReply();
    }

    [Fact]
    public async Task Too_many_requests_under_way_stop_the_reading()
    {
        await Relisten(Options() with { InFlightMax = 4 });
        _node.Answer = static _ => null;
        using var client = RawClient.Greeted(_listener.EndPoint);
        for (ulong i = 0; i < 10; i++)
            client.Get(i);
        WaitFor(() => _node.Seen.Count == 4);
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.Equal(4, _node.Seen.Count);
        for (var i = 0; i < 10; i++)
        {
            WaitFor(() => _node.Seen.Count > i);
            DoubleNode.Complete(_node.Seen[i], new Reply { Status = ReplyStatus.Ok });
            Assert.Equal((ulong)i, client.ReadReply().Correlation);
        }
    }

    [Fact]
    public async Task A_client_that_does_not_read_is_cut_off()
    {
        await Relisten(Options() with { OutputBytesMax = Limits.FrameBytesMax });
        _node.Answer = static _ => null;
        using var client = RawClient.Greeted(_listener.EndPoint);
        for (ulong i = 0; i < 40; i++)
            client.Get(i);
        WaitFor(() => _node.Seen.Count == 40);
        var large = new Reply { Status = ReplyStatus.Ok, Value = new byte[1 << 20] };
        foreach (var call in _node.Seen)
            DoubleNode.Complete(call, large);
        WaitFor(() => _listener.ConnectionCount == 0);
    }

    [Fact]
    public async Task A_drained_connection_ends_when_its_calls_have()
    {
        _node.Answer = static call =>
            call.Request.Key.Length == 1 ? null : new Reply { Status = ReplyStatus.Ok };
        using var client = Connect();
        client.Get(1);
        WaitFor(() => _node.Seen.Count == 1);
        var draining = _listener.DrainAsync(new CancellationTokenSource(10_000).Token);
        Assert.Equal(NativeFrameKind.Goodbye, client.Read().Kind);
        client.Get(2);
        Assert.Equal(ReplyStatus.ShuttingDown, client.ReadReply().Reply.Status);
        Assert.False(draining.IsCompleted);
        DoubleNode.Complete(_node.Seen[0], new Reply { Status = ReplyStatus.Ok });
        Assert.Equal((1ul, ReplyStatus.Ok), client.ReadReply() is var (c, r) ? (c, r.Status) : default);
        Assert.Throws<EndOfStreamException>(() => client.Read());
        client.Dispose();
        await draining.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Draining_has_an_end_even_if_a_call_has_none()
    {
        _node.Answer = static _ => null;
        using var client = Connect();
        client.Get(1);
        WaitFor(() => _node.Seen.Count == 1);
        await _listener.DrainAsync(new CancellationTokenSource(50).Token).WaitAsync(
            TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.True(_node.Seen[0].IsCancelled);
    }

    [Fact]
    public void A_port_in_use_is_told_with_the_remedy()
    {
        var taken = Options() with { EndPoint = _listener.EndPoint };
        var message = Assert.Throws<IOException>(() => new ClientListener(taken)).Message;
        Assert.Contains(_listener.EndPoint.ToString(), message);
        Assert.Contains("--addr", message);
    }

    [Fact]
    public async Task Others_are_handed_to_Kestrel_on_the_same_port()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IConnectionListenerFactory>(_listener.Others);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(_listener.EndPoint, listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.Listen(IPAddress.Loopback, 0); // Served by Kestrel's own transport.
        });
        await using var app = builder.Build();
        app.Run(context => context.Response.WriteAsync(context.Request.Protocol));
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var native = Connect();
        using var http = new HttpClient
        {
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        for (var i = 0; i < 3; i++)
            Assert.Equal("HTTP/2",
                await http.GetStringAsync(
                    new Uri($"http://{_listener.EndPoint}/"), TestContext.Current.CancellationToken));
        native.Get(1);
        Assert.Equal(1ul, native.ReadReply().Correlation);
        await app.StopAsync(TestContext.Current.CancellationToken);
    }

    private static ClientListenerOptions Options() => new()
    {
        EndPoint = new(IPAddress.Loopback, 0),
        NodeName = "n1",
        ClusterId = static () => Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"),
    };

    private static void WaitFor(Func<bool> condition) =>
        Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(10)), "waited in vain");

    private RawClient Connect()
    {
        _listener.Start(_node);
        return RawClient.Greeted(_listener.EndPoint);
    }

    private async Task Relisten(ClientListenerOptions options)
    {
        await _listener.DisposeAsync();
        _listener = new(options);
        _listener.Start(_node);
    }

    private void AssertRefused(string says, Action<RawClient> sin)
    {
        using var client = new RawClient(_listener.EndPoint);
        sin(client);
        Assert.Contains(says, client.ReadError());
    }
}
