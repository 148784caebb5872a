using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Grpc.Core;
using Kvorum.Protocol;
using Kvorum.Server;
using Kvorum.Server.Grpc;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Grpc;

/// <summary>What well-behaved clients never send, and what only the server's side can see.</summary>
public class GrpcProtocolTests(GrpcFixture fixture) : IClassFixture<GrpcFixture>
{
    private static readonly HttpClient Client = new();

    [Fact]
    public async Task An_answer_has_headers_message_and_trailers()
    {
        using var response = await PostAsync(
            "/kvorum.v1.KV/Get", Frame(new V1.GetRequest { Key = ByteString.CopyFromUtf8("none") }));
        Assert.Equal("application/grpc", response.Content.Headers.ContentType!.MediaType);
        var body = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, body[0]);
        Assert.Equal(body.Length - 5, BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(1)));
        Assert.False(V1.GetResponse.Parser.ParseFrom(body.AsSpan(5)).Found);
        Assert.False(response.Headers.Contains("grpc-status"));
        Assert.Equal("0", response.TrailingHeaders.GetValues("grpc-status").Single());
    }

    [Theory]
    [InlineData("", "12", "got none")]
    [InlineData("0000", "13", "middle of a message")]
    [InlineData("0000000005FF", "13", "middle of a message")]
    [InlineData("0200000000", "13", "compressed flag")]
    [InlineData("0100000000", "13", "names no compression")]
    [InlineData("00000000000000000000", "12", "got more")]
    [InlineData("00FFFFFFFF", "8", "limit of 4198400 bytes")]
    [InlineData("0000000001FF", "13", "not a GetRequest")]
    public async Task Broken_bodies_end_with_a_status(string hex, string status, string says)
    {
        using var response = await PostAsync("/kvorum.v1.KV/Get", Convert.FromHexString(hex));
        Assert.Equal(status, response.Headers.GetValues("grpc-status").Single());
        Assert.Contains(says, Uri.UnescapeDataString(response.Headers.GetValues("grpc-message").Single()));
    }

    /// <summary>
    /// Keys ff fe and fe ff of kv.KV overwrote each other, and a second client's write was answered as a
    /// replay of the first's: the parser made U+FFFD of both.
    /// </summary>
    [Theory]
    [InlineData("/kv.KV/Put", "0A02FFFE12", "key", "ff", 0)]
    [InlineData("/kv.KV/Put", "0A02FEFF12", "key", "fe", 0)]
    [InlineData("/kv.KV/Put", "0A016B1A036361E9", "client_id", "e9", 2)]
    [InlineData("/kv.KV/Get", "0A036B65E9", "key", "e9", 2)]
    [InlineData("/kv.KV/Delete", "0A0161120180", "client_id", "80", 0)]
    [InlineData("/kvorum.v1.KV/Put", "0A016B1A01631A0261FF", "client_id", "ff", 1)] // The last one counts.
    [InlineData("/kvorum.v1.KV/Scan", "0A016B", "", "", 0)]
    [InlineData("/grpc.health.v1.Health/Check", "0A01FF", "service", "ff", 0)]
    [InlineData("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "1A01FF", "file_by_filename",
        "ff", 0)]
    [InlineData("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "0A01FF", "host", "ff", 0)]
    public async Task A_string_that_is_not_utf8_is_refused(
        string path, string hex, string field, string value, int position)
    {
        var seen = fixture.Node.Seen.Count;
        // A value may hold any bytes.
        var message = Convert.FromHexString(hex.EndsWith("12", StringComparison.Ordinal) ? $"{hex}01FF"
            : hex);
        using var response = await PostAsync(path, [0, 0, 0, 0, (byte)message.Length, .. message]);
        await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        var headers = response.Headers.Contains("grpc-status") ? response.Headers : response.TrailingHeaders;
        if (field.Length == 0)
        {
            Assert.Equal("0", headers.GetValues("grpc-status").Single());
            return;
        }

        Assert.Equal("3", headers.GetValues("grpc-status").Single());
        Assert.Equal(
            $"{field} is not UTF-8: byte 0x{value} at position {position}",
            headers.GetValues("grpc-message").Single());
        Assert.Equal(seen, fixture.Node.Seen.Count);
    }

    [Fact]
    public async Task A_pipeline_answers_a_string_that_is_not_utf8_and_goes_on()
    {
        var put = new V1.PutRequest { Key = ByteString.CopyFromUtf8("p"), ClientId = "~~" };
        var bad = new V1.KeyRequest { Id = 1, Put = put };
        var good = new V1.KeyRequest { Id = 2, Get = new() { Key = ByteString.CopyFromUtf8("none") } };
        var bytes = Frame(bad);
        bytes[bytes.AsSpan().LastIndexOf((byte)'~')] = 0xfe;
        using var response = await PostAsync("/kvorum.v1.KV/Pipeline", [.. bytes, .. Frame(good)]);
        var body = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        var replies = new Dictionary<ulong, V1.KeyReply>();
        for (var rest = body.AsMemory(); rest.Length > 0;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(rest.Span[1..]);
            var reply = V1.KeyReply.Parser.ParseFrom(rest.Span.Slice(5, length));
            replies.Add(reply.Id, reply);
            rest = rest[(5 + length)..];
        }

        Assert.Equal("put.client_id is not UTF-8: byte 0xfe at position 1", replies[1].Error.Message);
        Assert.Equal("invalid-argument", replies[1].Error.Status);
        Assert.False(replies[2].Get.Found);
        Assert.Equal("0", response.TrailingHeaders.GetValues("grpc-status").Single());
        Assert.DoesNotContain(fixture.Node.Seen.ToArray(), static request =>
            request.Key.Span.SequenceEqual("p"u8));
    }

    /// <summary>A proxy that ends TLS passes the scheme on as it came (RFC 9113, 8.3.1).</summary>
    [Theory]
    [InlineData("http")]
    [InlineData("https")]
    public async Task A_call_through_a_proxy_that_ends_tls_is_served(string scheme)
    {
        await using var peer = await RawHttp2.OpenAsync(fixture.Server.EndPoint);
        var fields = RawHttp2.Fields(
            (":method", "POST"), (":scheme", scheme), (":path", "/kvorum.v1.KV/Get"),
            (":authority", "kv.example"), ("content-type", "application/grpc"), ("te", "trailers"));
        var get = new V1.GetRequest { Key = ByteString.CopyFromUtf8($"by {scheme}") }.ToByteArray();
        await peer.SendAsync(
        [
            .. RawHttp2.Frame(RawHttp2.Header, RawHttp2.EndHeaders, 1, fields),
            .. RawHttp2.Frame(RawHttp2.Data, RawHttp2.EndStream, 1, RawHttp2.Message(get)),
        ]);
        await UntilAsync(() => peer.Ended.ContainsKey(1) || peer.HasRefused());
        Assert.False(peer.HasRefused());
        Assert.Contains(
            fixture.Node.Seen.ToArray(),
            request => request.Key.Span.SequenceEqual(System.Text.Encoding.UTF8.GetBytes($"by {scheme}")));
    }

    /// <summary>A browser speaks HTTP/1 where there is no TLS: its pages reach no service here.</summary>
    [Fact]
    public async Task A_page_gets_no_call_through()
    {
        var seen = fixture.Node.Seen.Count;
        using var socket = new System.Net.Sockets.TcpClient();
        await socket.ConnectAsync((IPEndPoint)fixture.Server.EndPoint, TestContext.Current.CancellationToken);
        var stream = socket.GetStream();
        await stream.WriteAsync(
            System.Text.Encoding.ASCII.GetBytes(
                "POST /kvorum.v1.KV/Put HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n"
                + "Content-Type: application/grpc\r\nContent-Length: 8\r\n\r\n\0\0\0\0\u0003\n\u0001k"),
            TestContext.Current.CancellationToken);
        var answer = await new StreamReader(stream).ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.StartsWith("HTTP/1.1 400", answer);
        Assert.Equal(seen, fixture.Node.Seen.Count);
    }

    [Fact]
    public async Task A_long_message_is_cut()
    {
        using var response = await PostAsync($"/kvorum.v1.KV/{new string('x', 6000)}", []);
        var message = response.Headers.GetValues("grpc-message").Single();
        Assert.InRange(message.Length, 1000, 3 * GrpcErrors.MessageBytesMax);
    }

    [Fact]
    public async Task Broken_gzip_ends_with_a_status()
    {
        using var response = await PostAsync(
            "/kvorum.v1.KV/Get", Convert.FromHexString("0100000003010203"), ("grpc-encoding", "gzip"));
        Assert.Equal("13", response.Headers.GetValues("grpc-status").Single());
    }

    [Fact]
    public async Task Answers_are_compressed_for_clients_that_compress()
    {
        var request = Frame(new V1.PutRequest { Value = ByteString.CopyFrom(new byte[10_000]) });
        using var response = await PostAsync(
            "/kvorum.test.Echo/One",
            request,
            ("grpc-encoding", "gzip"),
            ("grpc-accept-encoding", "identity, gzip"));
        var body = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        Assert.Equal("gzip", response.Headers.GetValues("grpc-encoding").Single());
        Assert.Equal(1, body[0]);
        Assert.InRange(body.Length, 10, 1000);
        using var plain = await PostAsync(
            "/kvorum.test.Echo/One", request, ("grpc-accept-encoding", "identity, gzip"));
        Assert.Equal(0, (await plain.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken))[0]);
    }

    [Fact]
    public async Task Unknown_encodings_are_refused_with_the_known_ones()
    {
        using var response = await PostAsync("/kvorum.v1.KV/Get", [], ("grpc-encoding", "zstd"));
        Assert.Equal("12", response.Headers.GetValues("grpc-status").Single());
        Assert.Equal("identity,gzip", string.Join(',', response.Headers.GetValues("grpc-accept-encoding")));
    }

    [Theory]
    [InlineData("application/json", "POST", 415)]
    [InlineData("application/grpc-web", "POST", 415)]
    [InlineData("application/grpc", "PUT", 405)]
    [InlineData("application/grpc+proto", "POST", 200)]
    public async Task What_is_no_call_gets_an_http_status(string contentType, string method, int status)
    {
        using var request = Request(
            "/kvorum.v1.KV/Get", Frame(new V1.GetRequest { Key = ByteString.CopyFromUtf8("a") }));
        request.Method = new(method);
        request.Content!.Headers.ContentType = new(contentType);
        using var response = await Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(status, (int)response.StatusCode);
    }

    [Theory]
    [InlineData("soon", "13")]
    [InlineData("0n", "4")]
    public async Task Odd_deadlines_end_with_a_status(string timeout, string status)
    {
        using var response = await PostAsync("/kvorum.v1.KV/Get", [], ("grpc-timeout", timeout));
        Assert.Equal(status, response.Headers.GetValues("grpc-status").Single());
    }

    [Fact]
    public async Task The_deadline_reaches_the_node()
    {
        using var response = await PostAsync(
            "/kvorum.v1.KV/Get",
            Frame(new V1.GetRequest { Key = ByteString.CopyFromUtf8("a") }),
            ("grpc-timeout", "3S"));
        Assert.InRange(fixture.Node.LastTimeout, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3));
        using var without = await PostAsync(
            "/kvorum.v1.KV/Get", Frame(new V1.GetRequest { Key = ByteString.CopyFromUtf8("a") }));
        Assert.Equal(TimeSpan.FromSeconds(10), fixture.Node.LastTimeout);
    }

    [Fact]
    public async Task A_client_that_leaves_takes_its_request_back()
    {
        var (before, hung) = (fixture.Node.Cancelled, fixture.Node.Hung);
        using var leaving = new CancellationTokenSource();
        using var request = Request(
            "/kvorum.v1.KV/Put", Frame(new V1.PutRequest { Key = ByteString.CopyFromUtf8("hang") }));
        var sent = Client.SendAsync(request, leaving.Token);
        // A client that leaves before its request has come has nothing to take back.
        await UntilAsync(() => fixture.Node.Hung == hung + 1);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sent);
        await UntilAsync(() => fixture.Node.Cancelled == before + 1);
    }

    [Fact]
    public async Task A_client_that_leaves_takes_its_pipeline_back()
    {
        var (before, hung) = (fixture.Node.Cancelled, fixture.Node.Hung);
        var hanging = new V1.KeyRequest { Id = 1, Get = new() { Key = ByteString.CopyFromUtf8("hang") } };
        using var request = Request("/kvorum.v1.KV/Pipeline", [.. Frame(hanging), .. Frame(hanging)]);
        var response = await Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        await UntilAsync(() => fixture.Node.Hung == hung + 2);
        response.Dispose();
        await UntilAsync(() => fixture.Node.Cancelled == before + 2);
    }

    [Fact]
    public async Task A_pipeline_keeps_its_bound()
    {
        var node = new DictionaryNode();
        var options = new GrpcOptions
        {
            PipelineInflightMax = 3,
            TimeoutDefault = TimeSpan.FromMilliseconds(400),
        };
        await using var server = GrpcFixture.Start(GrpcServices.Of(node, options), options);
        await server.StartAsync(TestContext.Current.CancellationToken);
        var hanging = Frame(new V1.KeyRequest { Get = new() { Key = ByteString.CopyFromUtf8("hang") } });
        using var request = Request(
            "/kvorum.v1.KV/Pipeline", [.. Enumerable.Repeat(hanging, 7).SelectMany(static f => f)], server);
        var answered = Client.SendAsync(request, TestContext.Current.CancellationToken);
        await UntilAsync(() => node.Seen.Count == 3);
        await Task.Delay(100, TestContext.Current.CancellationToken);
        Assert.Equal(3, node.Seen.Count);
        using var response = await answered;
        await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        Assert.Equal(7, node.Seen.Count);
    }

    [Fact]
    public async Task A_stop_lets_calls_finish_and_asks_streams_to_end()
    {
        var node = new DictionaryNode();
        await using var server = GrpcFixture.Start(
            GrpcServices.Of(node, GrpcFixture.Options), GrpcFixture.Options);
        await server.StartAsync(TestContext.Current.CancellationToken);
        var request = Request("/kvorum.v1.KV/Get", Frame(
            new V1.GetRequest { Key = ByteString.CopyFromUtf8("hang") }), server);
        request.Headers.Add("grpc-timeout", "400m");
        var call = Client.SendAsync(request, TestContext.Current.CancellationToken);
        using var watch = Request("/grpc.health.v1.Health/Watch", Frame(
            new Kvorum.Server.Grpc.HealthV1.HealthCheckRequest()), server);
        using var watching = await Client.SendAsync(
            watch, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        await UntilAsync(() => node.Seen.Count == 1);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await server.StopAsync(patience.Token);
        Assert.False(patience.IsCancellationRequested);
        using var response = await call;
        Assert.Equal("4", response.Headers.GetValues("grpc-status").Single());
        await watching.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        Assert.Equal("14", watching.TrailingHeaders.GetValues("grpc-status").Single());
    }

    [Fact]
    public void Every_status_has_its_row()
    {
        var write = new DeleteRequest { Key = default };
        foreach (var status in Enum.GetValues<ReplyStatus>())
        {
            var outcome = ReplyOutcome.Of(status);
            Assert.Equal(status == ReplyStatus.Ok, outcome.Grpc == StatusCode.OK);
            Assert.Equal(status == ReplyStatus.Ok, ReplyOutcome.MessageOf(
                new() { Status = status }).Length == 0);
            // Generic clients repeat UNAVAILABLE on their own: it must mean that nothing was done.
            Assert.True(outcome.Grpc != StatusCode.Unavailable
                || RetryTable.AdviceOf(status, write) == RetryAdvice.Safe);
        }
    }

    /// <summary>The generated bases answer UNIMPLEMENTED for a method that has no handler here.</summary>
    [Fact]
    public void Every_method_of_the_contracts_has_its_handler()
    {
        foreach (var service in GrpcServices.Of(fixture.Node, new()))
        {
            var binder = new HandlerBinder();
            service.BindTo(binder);
            Assert.Equal(
                service.Descriptor.Methods.Select(method => $"/{service.Name}/{method.Name}"),
                binder.Handlers.Select(static handler => handler.Path));
            Assert.All(binder.Handlers, static handler => Assert.DoesNotContain("Base", handler.Class));
        }
    }

    private static byte[] Frame(IMessage message)
    {
        var frame = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - 5);
        message.WriteTo(frame.AsSpan(5));
        return frame;
    }

    private HttpRequestMessage Request(string path, byte[] body, GrpcServer? server = null)
    {
        var request = new HttpRequestMessage(
            HttpMethod.Post, $"http://{(server ?? fixture.Server).EndPoint}{path}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body),
        };
        request.Headers.Add("te", "trailers");
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        return request;
    }

    private async Task<HttpResponseMessage> PostAsync(
        string path, byte[] body, params (string Name, string Value)[] headers)
    {
        using var request = Request(path, body);
        foreach (var (name, value) in headers)
            request.Headers.Add(name, value);
        var response = await Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return response;
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        var deadline = DateTime.UtcNow.AddSeconds(10);
        while (!condition() && DateTime.UtcNow < deadline)
            await Task.Delay(5, TestContext.Current.CancellationToken);
        Assert.True(condition());
    }

    /// <summary>Where each method of a service leads to.</summary>
    private sealed class HandlerBinder : ServiceBinderBase
    {
        public List<(string Path, string Class)> Handlers { get; } = [];

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
            Add(method, handler!);

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
            Add(method, handler!);

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
            Add(method, handler!);

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
            Add(method, handler!);

        private void Add(IMethod method, Delegate handler) =>
            Handlers.Add((method.FullName, handler.Method.DeclaringType!.Name));
    }
}
