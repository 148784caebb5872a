using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kvorum.Node;
using Kvorum.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Kvorum.Server.Http;

/// <summary>One request and its answer, with what all routes need. Owned by the route's handler.</summary>
internal sealed class HttpExchange
{
    private static readonly JsonWriterOptions Readable =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly INode _node;

    public HttpExchange(HttpContext http, INode node, HttpOptions options)
    {
        Http = http;
        Options = options;
        _node = node;
        var target = RequestTarget.Split(http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        Query = new(target.Query, http.GetEndpoint()?.Metadata.GetMetadata<KnownQuery>() ?? new());
    }

    /// <summary>The request and response of the web server.</summary>
    public HttpContext Http { get; }

    /// <summary>Settings.</summary>
    public HttpOptions Options { get; }

    /// <summary>Query parameters.</summary>
    public Query Query { get; }

    /// <summary>Asks the node; any refusal is thrown as the error that the client gets.</summary>
    public async Task<Reply> AskAsync(Request request)
    {
        var reply = await _node.SubmitAsync(
            request, Query.Timeout(Options), Http.RequestAborted).ConfigureAwait(false);
        return reply.Status == ReplyStatus.Ok ? reply : throw HttpFailure.Of(request, reply);
    }

    /// <summary>The cluster as the node knows it.</summary>
    public ClusterMap Map => _node.Map;

    /// <summary>Asks the node for its state; 503 if it does not tell.</summary>
    public async Task<NodeStatus> StatusAsync()
    {
        try
        {
            return await _node.AskStatusAsync(
                Options.StatusTimeout, Http.RequestAborted).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw HttpFailure.Of(
                503,
                "unavailable",
                $"the node did not tell its state within {Options.StatusTimeout.TotalSeconds} s");
        }
    }

    /// <summary>The whole body; 413 beyond the bound.</summary>
    public async Task<byte[]> BodyAsync(string what, int bytesMax)
    {
        if (Http.Request.ContentLength > bytesMax)
            throw HttpFailure.TooLarge(what, bytesMax);
        var body = new MemoryStream((int)(Http.Request.ContentLength ?? 0));
        var chunk = new byte[Math.Clamp(Http.Request.ContentLength ?? 16384, 1, 65536)];
        for (; ; )
        {
            var count = await Http.Request.Body.ReadAsync(chunk, Http.RequestAborted).ConfigureAwait(false);
            if (count == 0)
                return body.Length == body.Capacity ? body.GetBuffer() : body.ToArray();
            if (body.Length + count > bytesMax)
                throw HttpFailure.TooLarge(what, bytesMax);
            body.Write(chunk, 0, count);
        }
    }

    /// <summary>Answers with JSON.</summary>
    public Task JsonAsync<T>(int status, T body, JsonTypeInfo<T> type) => JsonAsync(Http, status, body, type);

    /// <summary>Answers with JSON.</summary>
    public static async Task JsonAsync<T>(HttpContext http, int status, T body, JsonTypeInfo<T> type)
    {
        var bytes = new ArrayBufferWriter<byte>();
        Write(bytes, body, type);
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = bytes.WrittenCount;
        if (!HttpMethods.IsHead(http.Request.Method))
            await http.Response.Body.WriteAsync(bytes.WrittenMemory, http.RequestAborted)
                .ConfigureAwait(false);
    }

    /// <summary>
    /// Writes JSON with quotes and letters of all scripts as they are: its content type is not HTML's.
    /// </summary>
    public static void Write<T>(IBufferWriter<byte> into, T body, JsonTypeInfo<T> type)
    {
        using var json = new Utf8JsonWriter(into, Readable);
        JsonSerializer.Serialize(json, body, type);
    }

    /// <summary>Answers with an error.</summary>
    public static Task ErrorAsync(HttpContext http, int status, ErrorBody error)
    {
        if (error.Leader.Length > 0)
            http.Response.Headers["Kvorum-Leader"] = error.Leader;
        if (status is 429 or 503)
            http.Response.Headers.RetryAfter = "1";
        return JsonAsync(http, status, error, BodyContext.Default.ErrorBody);
    }
}
