using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Grpc.Core;
using Kvorum.Protocol;
using Kvorum.Server;
using Kvorum.Server.Grpc;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Grpc;

/// <summary>
/// The short way of common calls, given whole messages, beside the library's, which a content type with
/// "+proto" takes.
/// </summary>
public class DirectCallsTests(GrpcFixture fixture) : IClassFixture<GrpcFixture>
{
    private static readonly HttpClient Client = new();
    private static readonly TrafficRoom Traffic = new(192 << 20);

    private static CancellationToken Ending => TestContext.Current.CancellationToken;

    public static TheoryData<string> Statuses =>
        [.. Enum.GetNames<ReplyStatus>().Where(static name => name != nameof(ReplyStatus.Ok))];

    [Theory]
    [MemberData(nameof(Statuses))]
    public async Task Refusals_are_told_alike(string status)
    {
        var key = Bytes($"status:{status}");
        await IsAlikeAsync("Get", new V1.GetRequest { Key = key });
        await IsAlikeAsync("Put", new V1.PutRequest { Key = key, ClientId = "c", RequestId = 1 });
        await IsAlikeAsync("Delete", new V1.DeleteRequest { Key = key });
        await IsAlikeAsync("Delete", new V1.DeleteRequest { Key = key, Receipt = true });
    }

    [Fact]
    public async Task A_write_that_may_have_happened_tells_who_has_it_and_the_version_that_was_tried()
    {
        using var call = await GrpcStream.OpenAsync(
            fixture.Address, "/kvorum.v1.KV/Put",
            new V1.PutRequest { Key = Bytes($"status:{ReplyStatus.OutcomeUnknown}"), Receipt = true });
        Assert.Null(await call.NextAsync());
        Assert.Equal(
            ("outcome-unknown", "7@0000000000000009"),
            (call.Trailer("kvorum-status"), call.Trailer("kvorum-tried")));
        var receipt = V1.Receipt.Parser.ParseFrom(
            Convert.FromBase64String(call.Trailer("kvorum-receipt-bin")));
        Assert.Equal(
            new V1.Receipt
            {
                Mode = "quorum",
                Nodes = { "node-1" },
                Needed = 2,
                Replicas = 3,
                Version = "7@0000000000000009",
            },
            receipt);
    }

    [Fact]
    public async Task A_write_may_say_its_time()
    {
        await ByShortWayAsync("Put", new V1.PutRequest { Key = Bytes("timed"), Timestamp = 7 });
        Assert.Equal(7ul, ((WriteRequest)fixture.Node.Seen[^1]).Timestamp);
        await ByShortWayAsync("Delete", new V1.DeleteRequest { Key = Bytes("timed"), Timestamp = 8 });
        Assert.Equal(8ul, ((WriteRequest)fixture.Node.Seen[^1]).Timestamp);
    }

    [Fact]
    public async Task Answers_are_told_alike()
    {
        // What is compared are replays: a write that is done twice has two versions.
        var put = new V1.PutRequest
        {
            Key = Bytes("alike"),
            Value = Bytes("v"),
            ClientId = "a",
            RequestId = 1,
        };
        await ByShortWayAsync("Put", put);
        await IsAlikeAsync("Put", put);
        await IsAlikeAsync("Get", new V1.GetRequest { Key = put.Key });
        await IsAlikeAsync("Get", new V1.GetRequest { Key = Bytes("absent") });
        var delete = new V1.DeleteRequest { Key = Bytes("absent"), ClientId = "a", RequestId = 2 };
        await ByShortWayAsync("Delete", delete);
        await IsAlikeAsync("Delete", delete);
        await IsAlikeAsync("Put", new V1.PutRequest { Key = put.Key, IfVersion = ulong.MaxValue });
        await IsAlikeAsync("Get", new V1.GetRequest());
        await IsAlikeAsync("Get", new V1.GetRequest { Key = put.Key, Keyspace = "none" });
    }

    [Theory]
    [InlineData(100)]
    [InlineData(60 << 10)]
    [InlineData(3 << 20)]
    public async Task Values_of_all_sizes_come_alike(int bytes)
    {
        var value = new byte[bytes];
        new Random(bytes).NextBytes(value);
        var put = new V1.PutRequest { Key = Bytes($"size-{bytes}"), Value = ByteString.CopyFrom(value) };
        await ByShortWayAsync("Put", put);
        await IsAlikeAsync("Get", new V1.GetRequest { Key = put.Key });
        var (answer, _) = await ByShortWayAsync("Get", new V1.GetRequest { Key = put.Key });
        Assert.True(answer.Length > bytes);
        Assert.Equal(put.Value, V1.GetResponse.Parser.ParseFrom(answer.AsSpan(5)).Value);
    }

    /// <summary>The node has the client's time, and answers when it is over.</summary>
    [Fact]
    public async Task A_deadline_ends_the_call()
    {
        var (_, headers) = await ByShortWayAsync(
            "Get", new V1.GetRequest { Key = Bytes("hang") }, TimeSpan.FromMilliseconds(60));
        Assert.Contains("grpc-status: 4", headers, StringComparison.Ordinal);
        Assert.Contains("kvorum-status: deadline-exceeded", headers, StringComparison.Ordinal);
        Assert.InRange(fixture.Node.LastTimeout.TotalMilliseconds, 1, 60);
    }

    [Fact]
    public async Task A_client_that_goes_takes_its_call_back()
    {
        var cancelled = fixture.Node.Cancelled;
        await using var asked = new Asked("Get", Framed(new V1.GetRequest { Key = Bytes("hang") }));
        using var leaving = new CancellationTokenSource();
        asked.Http.RequestAborted = leaving.Token;
        var served = asked.TryServe(fixture.Node)!;
        await leaving.CancelAsync();
        await served.WaitAsync(TimeSpan.FromSeconds(10), Ending);
        Assert.Equal("1", asked.Http.Response.Headers["grpc-status"]);
        while (fixture.Node.Cancelled == cancelled)
            await Task.Delay(5, Ending);
    }

    /// <summary>The library, which has the words for all of these, finds the message as it came.</summary>
    [Theory]
    [InlineData("Health", "0000000000", "application/grpc", "")]
    [InlineData("Get", "00000000030A016B", "application/grpc+proto", "")]
    [InlineData("Get", "00000000030A016B", "application/grpc", "gzip")]
    [InlineData("Get", "01000000030A016B", "application/grpc", "")]
    [InlineData("Get", "02000000030A016B", "application/grpc", "")]
    [InlineData("Get", "00000000030A01", "application/grpc", "")]
    [InlineData("Get", "0000", "application/grpc", "")]
    [InlineData("Get", "00000000030A016B0000000000", "application/grpc", "")]
    [InlineData("Get", "0000000001FF", "application/grpc", "")]
    [InlineData("Get", "00000000050A016B1009", "application/grpc", "")]
    [InlineData("Put", "00000000070A016B1A0163FE", "application/grpc", "")]
    public async Task What_is_unusual_is_left_as_it_came(
        string method, string hex, string type, string encoding)
    {
        var seen = fixture.Node.Seen.Count;
        var bytes = Convert.FromHexString(hex);
        await using var asked = new Asked(method, bytes, type, encoding);
        Assert.Null(asked.TryServe(fixture.Node));
        Assert.Equal(seen, fixture.Node.Seen.Count);
        Assert.Empty(asked.Http.Response.Headers);
        Assert.True(asked.Rest.TryRead(out var rest));
        Assert.Equal(bytes, rest.Buffer.ToArray());
        Assert.True(rest.IsCompleted);
    }

    /// <summary>All of the message is here, but not the end of the request: more might come.</summary>
    [Fact]
    public async Task A_request_without_its_end_is_left_as_it_came()
    {
        var message = Framed(new V1.GetRequest { Key = Bytes("absent") });
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync(message, Ending);
        await using var asked = new Asked("Get", pipe.Reader);
        Assert.Null(asked.TryServe(fixture.Node));
        await pipe.Writer.CompleteAsync();
        var read = await asked.Call.Body.ReadAsync(Ending);
        Assert.Equal(message, read.Buffer.ToArray());
        asked.Call.Body.AdvanceTo(read.Buffer.End);
    }

    /// <summary>
    /// The handlers of the library's way fail here: what is answered nevertheless has not come to them. A
    /// call may be looked at before its message has come: of many, some take the short way.
    /// </summary>
    [Fact]
    public async Task A_server_takes_the_short_way_where_it_can()
    {
        var node = new DictionaryNode();
        var broken = new GrpcService(
            V1.KV.Descriptor, static binder => V1.KV.BindService(binder, new BrokenService()))
        {
            Direct = new(node, GrpcFixture.Options),
        };
        await using var server = GrpcFixture.Start([broken], GrpcFixture.Options);
        await server.StartAsync(Ending);
        await using var peer = await RawHttp2.OpenAsync(server.EndPoint);
        var message = new V1.GetRequest { Key = Bytes("k") }.ToByteArray();
        for (var stream = 1; node.Seen.Count == 0; stream += 2)
        {
            Assert.True(stream < 1000, "all calls have come to the handlers");
            await peer.SendAsync(RawHttp2.Call(stream, "/kvorum.v1.KV/Get", message));
            while (!peer.Ended.ContainsKey(stream))
                await Task.Delay(1, Ending);
        }
    }

    private async Task IsAlikeAsync(string method, IMessage message)
    {
        var (answer, headers) = await ByShortWayAsync(method, message);
        var (libraryAnswer, libraryHeaders) = await ByLibraryAsync(method, message);
        Assert.Equal(libraryHeaders, headers);
        Assert.Equal(libraryAnswer, answer);
    }

    private async Task<(byte[] Answer, string Headers)> ByShortWayAsync(
        string method, IMessage message, TimeSpan? timeout = null)
    {
        await using var asked = new Asked(method, Framed(message), timeout: timeout);
        await asked.TryServe(fixture.Node)!.WaitAsync(TimeSpan.FromSeconds(10), Ending);
        await asked.Call.FinishAsync();
        await asked.Http.Response.BodyWriter.FlushAsync(Ending);
        return (asked.Body.ToArray(), Shown(asked.Http.Response.Headers.Concat(asked.Trailers)
            .Select(static header => (header.Key, header.Value.ToString()))));
    }

    private async Task<(byte[] Answer, string Headers)> ByLibraryAsync(string method, IMessage message)
    {
        using var content = new ByteArrayContent(Framed(message));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc+proto");
        using var request = new HttpRequestMessage(
            HttpMethod.Post, $"http://{fixture.Address}/kvorum.v1.KV/{method}")
        {
            Content = content,
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var response = await Client.SendAsync(request, Ending);
        var answer = await response.Content.ReadAsByteArrayAsync(Ending);
        return (answer, Shown(response.Headers.Concat(response.Content.Headers)
            .Concat(response.TrailingHeaders)
            .Select(static header => (header.Key, string.Join(',', header.Value)))));
    }

    private static string Shown(IEnumerable<(string Name, string Value)> headers) => string.Join(
        '\n', headers.Select(static header => $"{header.Name.ToLowerInvariant()}: {header.Value}")
            .Where(static line => !line.StartsWith("date:", StringComparison.Ordinal)
                && !line.StartsWith("content-length:", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal));

    private static byte[] Framed(IMessage message)
    {
        var frame = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - 5);
        message.WriteTo(frame.AsSpan(5));
        return frame;
    }

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);

    /// <summary>A request as the web server hands it on, without a web server.</summary>
    private sealed class Asked : IRequestBodyPipeFeature, IHttpResponseTrailersFeature, IAsyncDisposable
    {
        private readonly DefaultConnectionContext _connection = new();
        private readonly ConnectionTraffic _traffic;

        public Asked(
            string method, byte[] body, string type = "application/grpc", string encoding = "",
            TimeSpan? timeout = null)
            : this(method, PipeReader.Create(new(body)), type, encoding, timeout)
        {
        }

        public Asked(
            string method, PipeReader body, string type = "application/grpc", string encoding = "",
            TimeSpan? timeout = null)
        {
            Rest = body;
            _traffic = ConnectionTraffic.Open(_connection, Traffic);
            Http.Features.Set(_traffic);
            Http.Features.Set<IRequestBodyPipeFeature>(this);
            Http.Features.Set<IHttpResponseTrailersFeature>(this);
            Http.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(Body));
            Http.Request.Method = "POST";
            Http.Request.Path = $"/kvorum.v1.KV/{method}";
            Http.Request.ContentType = type;
            if (encoding.Length > 0)
                Http.Request.Headers["grpc-encoding"] = encoding;
            Call = GrpcCall.Open(Http, timeout, GrpcFixture.Options, CancellationToken.None);
        }

        public DefaultHttpContext Http { get; } = new();

        public MemoryStream Body { get; } = new();

        public PipeReader Rest { get; }

        public GrpcCall Call { get; }

        public IHeaderDictionary Trailers { get; set; } = new HeaderDictionary();

        PipeReader IRequestBodyPipeFeature.Reader => Rest;

        public Task? TryServe(DictionaryNode node) => new DirectCalls(node, GrpcFixture.Options)
            .TryServe(Http, Call, new(NullLogger.Instance));

        public async ValueTask DisposeAsync()
        {
            Call.Dispose();
            _traffic.Dispose();
            await _connection.DisposeAsync();
        }
    }

    private sealed class BrokenService : V1.KV.KVBase
    {
        public override Task<V1.GetResponse> Get(V1.GetRequest request, ServerCallContext context) =>
            throw GrpcErrors.Of(StatusCode.Aborted, "the library's way");
    }
}
