using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;

namespace Kvorum.Tests.Server.Grpc;

/// <summary>A gRPC call with one request and any number of answers, on the bare HTTP client.</summary>
internal sealed class GrpcStream : IDisposable
{
    private readonly HttpClient _client;
    private readonly HttpResponseMessage _response;
    private readonly Stream _body;

    private GrpcStream(HttpClient client, HttpResponseMessage response, Stream body) =>
        (_client, _response, _body) = (client, response, body);

    /// <summary>Calls, and returns when the answer's headers have come.</summary>
    public static Task<GrpcStream> OpenAsync(
        string address, string path, IMessage message, params (string Name, string Value)[] metadata)
    {
        var frame = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - 5);
        message.WriteTo(frame.AsSpan(5));
        return OpenAsync(address, path, frame, metadata);
    }

    /// <summary>As the other, with a body of any bytes.</summary>
    public static async Task<GrpcStream> OpenAsync(
        string address, string path, byte[] frame, params (string Name, string Value)[] metadata)
    {
        // A connection of its own: a call that is not read must not hold up others.
        var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{address}{path}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(frame),
        };
        request.Headers.Add("te", "trailers");
        foreach (var (name, value) in metadata)
            request.Headers.Add(name, value);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        var cancelled = TestContext.Current.CancellationToken;
        var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancelled);
        return new(client, response, await response.Content.ReadAsStreamAsync(cancelled));
    }

    /// <summary>The one answer of a call; fails if there is none.</summary>
    public static async Task<T> AskAsync<T>(
        string address, string path, IMessage message, MessageParser<T> parser,
        params (string Name, string Value)[] metadata) where T : class, IMessage<T>
    {
        using var call = await OpenAsync(address, path, message, metadata);
        var answer = await call.NextAsync(parser);
        Assert.True(
            answer is not null, $"{path}: {call.Trailer("grpc-status")} {call.Trailer("grpc-message")}");
        Assert.Null(await call.NextAsync(parser));
        return answer;
    }

    /// <summary>The next answer; null at the end.</summary>
    public async Task<T?> NextAsync<T>(MessageParser<T> parser) where T : class, IMessage<T> =>
        await NextAsync() is { } bytes ? parser.ParseFrom(bytes) : null;

    /// <summary>The next answer as it comes; null at the end.</summary>
    public async Task<byte[]?> NextAsync()
    {
        var prefix = new byte[5];
        var cancelled = TestContext.Current.CancellationToken;
        if (await _body.ReadAtLeastAsync(prefix, 5, throwOnEndOfStream: false, cancelled) == 0)
            return null;
        var bytes = new byte[BinaryPrimitives.ReadInt32BigEndian(prefix.AsSpan(1))];
        await _body.ReadExactlyAsync(bytes, cancelled);
        return bytes;
    }

    /// <summary>A trailer, percent-decoded; empty if there is none. After the end.</summary>
    public string Trailer(string name) => Uri.UnescapeDataString(
        _response.Headers.TryGetValues(name, out var early) ? early.Single()
        : _response.TrailingHeaders.TryGetValues(name, out var late) ? late.Single() : "");

    public void Dispose()
    {
        _response.Dispose();
        _client.Dispose();
    }
}
