using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Server.Access;
using Kvorum.Server.Audit;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Kvorum.Server.Http;

/// <summary>One request and its answer, with what all routes need. Owned by the route's handler.</summary>
internal sealed class HttpExchange
{
    private static readonly JsonWriterOptions Readable =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private const int SmallBodyBytes = 16 << 10;

    private readonly INode _node;
    private readonly INode _probed;

    public HttpExchange(HttpContext http, Operation operation, INode node, HttpOptions options)
    {
        Http = http;
        Options = options;
        (_node, _probed) = (node.For(http), node);
        Traffic = http.Features.GetRequiredFeature<RequestTraffic>();
        // Before anything is read of what a stranger has sent.
        if (!operation.IsPublic && _node is CallersNode caller)
        {
            caller.Admit();
            Traffic.Hold(caller.Enter());
        }

        var target = RequestTarget.Split(http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        Query = new(target.Query, operation.Query);
        RefuseUnknownHeaders(operation.Headers);
    }

    /// <summary>The request and response of the web server.</summary>
    public HttpContext Http { get; }

    /// <summary>Settings.</summary>
    public HttpOptions Options { get; }

    /// <summary>What the request and its reply hold of the connection's shares.</summary>
    public RequestTraffic Traffic { get; }

    /// <summary>Query parameters.</summary>
    public Query Query { get; }

    /// <summary>Asks the node; any refusal is thrown as the error that the client gets.</summary>
    public async Task<Reply> AskAsync(Request request)
    {
        var timeout = Query.Timeout(Options);
        if (request.IsWrite)
            Http.Features.Set(new AskedToWrite());
        var reply = await _node.SubmitAsync(
            request, timeout, Traffic.Replies, Http.RequestAborted).ConfigureAwait(false);
        return reply.Status == ReplyStatus.Ok ? reply : throw HttpFailure.Of(request, reply);
    }

    /// <summary>
    /// Asks the node what an operator asks; what is no success is thrown as the error that the client gets.
    /// </summary>
    public async Task<AdminReply> AdministerAsync(AdminRequest request)
    {
        var timeout = Query.Timeout(Options);
        if (!request.IsRead)
            Http.Features.Set(new AskedToWrite());
        request = OperatorOrigin.Of(request, "http", Http.Connection.RemoteIpAddress);
        var audit = Options.Audit.Teller(request, _node, Http, "http");
        var reply = await _node.AdministerAsync(request, timeout, Http.RequestAborted, audit)
            .ConfigureAwait(false);
        return reply.Status == ReplyStatus.Ok ? reply : throw HttpFailure.Of(request, reply);
    }

    /// <summary>The events of the cluster from a position on, or from now on.</summary>
    public EventFeed Events(ulong after, bool fromNow, Guid? cluster) =>
        new(_node, after, fromNow, cluster);

    /// <summary>A parameter of the path.</summary>
    public string PathText(Field field) => Http.Features.GetRequiredFeature<PathParameters>().Text(field);

    /// <summary>The cluster as the node knows it.</summary>
    public ClusterMap Map => _node.Map;

    /// <summary>Whether the node serves, as it knows without asking its loops.</summary>
    public NodeHealth Health => _node.Health;

    /// <summary>Asks the node for its state; 503 if it does not tell.</summary>
    public Task<NodeStatus> StatusAsync() => StatusAsync(_node);

    /// <summary>Whether the node's loops answer, which everybody may know: 503 if they do not.</summary>
    public Task ProbeAsync() => StatusAsync(_probed is NodeDoor door ? door.Node : _probed);

    private async Task<NodeStatus> StatusAsync(INode node)
    {
        try
        {
            return await node.AskStatusAsync(
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

    /// <summary>
    /// The whole body, once there is room for it as often as it will be in memory; 413 beyond the bound, 415
    /// if it is encoded, 400 if it is a part or malformed.
    /// </summary>
    public async Task<byte[]> BodyAsync(string what, int bytesMax, int copies = 1)
    {
        RefuseParts(what);
        try
        {
            return await WholeBodyAsync(what, bytesMax, copies).ConfigureAwait(false);
        }
        catch (Exception malformed) when (malformed is not (
            HttpFailure or BadHttpRequestException or NoRoomException or OperationCanceledException
                or OutOfMemoryException)
            && !Http.RequestAborted.IsCancellationRequested)
        {
            // Such as a chunk whose length no number holds: the server's own words for it are 500.
            throw HttpFailure.Invalid(
                $"{what} cannot be read: {HttpFailure.Shown(malformed.Message, 200)}; nothing was done");
        }
    }

    /// <summary>400 if there is a body: what it asks for would be passed over.</summary>
    public async Task NoBodyAsync()
    {
        if (Http.Request.ContentLength is 0
            || Http.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: true })
            return;
        if ((await BodyAsync("the body", Options.JsonBytesMax).ConfigureAwait(false)).Length > 0)
            throw HttpFailure.Invalid(
                "this request takes no body: the key and all options are in the path, the query and headers");
    }

    private async Task<byte[]> WholeBodyAsync(string what, int bytesMax, int copies)
    {
        if (Http.Request.ContentLength > bytesMax)
            throw HttpFailure.TooLarge(what, bytesMax);
        var admitted = Math.Min(Http.Request.ContentLength ?? SmallBodyBytes, bytesMax);
        await Traffic.AdmitAsync(copies * admitted, Query.Timeout(Options), Http.RequestAborted)
            .ConfigureAwait(false);
        var body = new MemoryStream((int)(Http.Request.ContentLength ?? 0));
        var chunk = new byte[Math.Clamp(Http.Request.ContentLength ?? 16384, 1, 65536)];
        for (; ; )
        {
            var count = await Http.Request.Body.ReadAsync(chunk, Http.RequestAborted).ConfigureAwait(false);
            if (count == 0)
                return body.Length == body.Capacity ? body.GetBuffer() : body.ToArray();
            if (body.Length + count > bytesMax)
                throw HttpFailure.TooLarge(what, bytesMax);
            if (body.Length + count > admitted)
            {
                // Of unknown length and not small: it may be of any.
                await Traffic.AdmitAsync(
                    copies * (bytesMax - admitted), Query.Timeout(Options), Http.RequestAborted)
                    .ConfigureAwait(false);
                admitted = bytesMax;
            }

            body.Write(chunk, 0, count);
        }
    }

    /// <summary>
    /// A part of a value (RFC 9110, 14.4) or a value in an encoding that is not decoded here (8.4) would
    /// be stored as if it were the value.
    /// </summary>
    private void RefuseParts(string what)
    {
        var headers = Http.Request.Headers;
        if (headers.ContainsKey("Content-Range"))
            throw HttpFailure.Invalid($"Content-Range: {what} is sent as a whole, never in parts");
        var transfer = headers.TransferEncoding.ToString();
        if (transfer.Length > 0 && !transfer.Equals("chunked", StringComparison.OrdinalIgnoreCase))
            throw HttpFailure.Invalid(
                $"Transfer-Encoding is '{HttpFailure.Shown(transfer)}'; the only one known is chunked");
        var encoding = headers.ContentEncoding.ToString();
        if (encoding.Length > 0 && !encoding.Equals("identity", StringComparison.OrdinalIgnoreCase))
            throw HttpFailure.Of(
                415, "unsupported-media-type",
                $"Content-Encoding is '{HttpFailure.Shown(encoding)}'; send {what} as it is to be stored");
    }

    private void RefuseUnknownHeaders(Field[] known)
    {
        foreach (var (name, _) in Http.Request.Headers)
        {
            var isOurs = name.StartsWith("Kvorum-", StringComparison.OrdinalIgnoreCase)
                || (IsCondition(name) && !IsRead(Http.Request.Method));
            if (isOurs && !Field.IsAmong(known, name, StringComparison.OrdinalIgnoreCase))
                throw HttpFailure.Unknown("header", name, known);
        }
    }

    private static bool IsCondition(string name) =>
        name.Equals("If-Match", StringComparison.OrdinalIgnoreCase)
        || name.Equals("If-None-Match", StringComparison.OrdinalIgnoreCase);

    private static bool IsRead(string method) => HttpMethods.IsGet(method) || HttpMethods.IsHead(method);

    /// <summary>Set once the node was asked to write: from then on a failure says "perhaps".</summary>
    internal sealed record AskedToWrite;

    /// <summary>Answers with JSON.</summary>
    public Task JsonAsync<T>(int status, T body, JsonTypeInfo<T> type) => JsonAsync(Http, status, body, type);

    /// <summary>Answers with JSON.</summary>
    public static Task JsonAsync<T>(HttpContext http, int status, T body, JsonTypeInfo<T> type)
    {
        var bytes = new ArrayBufferWriter<byte>();
        Write(bytes, body, type);
        return JsonAsync(http, status, bytes.WrittenMemory);
    }

    /// <summary>Answers with JSON that is written already.</summary>
    public static Task JsonAsync(HttpContext http, int status, ReadOnlyMemory<byte> json)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = json.Length;
        return HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : SendAsync(http, json);
    }

    /// <summary>
    /// Sends a body slice by slice: what is large then lies in memory once, not once more in the server's own
    /// buffers, and it is seen whether the client takes it.
    /// </summary>
    public static async Task SendAsync(HttpContext http, ReadOnlyMemory<byte> body)
    {
        const int SliceBytes = 64 << 10;
        while (body.Length > SliceBytes)
        {
            await http.Response.Body.WriteAsync(body[..SliceBytes], http.RequestAborted)
                .ConfigureAwait(false);
            http.Features.Get<RequestTraffic>()?.Replies.Progress(SliceBytes);
            body = body[SliceBytes..];
        }

        await http.Response.Body.WriteAsync(body, http.RequestAborted).ConfigureAwait(false);
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
            http.Response.Headers[Fields.Leader.Name] = error.Leader;
        if (status is 429 or 503)
            http.Response.Headers.RetryAfter = "1";
        return JsonAsync(http, status, error, BodyContext.Default.ErrorBody);
    }
}
