using Kvorum.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Kvorum.Server.Http;

/// <summary>
/// A key as a web resource: /v1/kv/{key}, its value as the body, its version as ETag. The key is the rest of
/// the raw path, percent-decoded to bytes: slashes, dots and %2F in it are part of it. /v1/kv?key_base64=
/// takes what a path cannot carry (web servers refuse %00, web clients rewrite "..").
/// </summary>
internal static class ResourceRoutes
{
    private const string Prefix = "/v1/kv/";

    private static readonly KnownHeaders Headers =
        new("Kvorum-Client-Id", "Kvorum-Request-Id", "If-Match", "If-None-Match");

    private static readonly string[] Common = ["key_base64", "keyspace", "no_redirect", "timeout"];

    public static void Map(IEndpointRouteBuilder routes, RouteFactory route)
    {
        foreach (var pattern in new[] { "/v1/kv/{key}", "/v1/kv" })
        {
            routes.MapPut(pattern, route.Of(PutAsync)).WithMetadata(
                new KnownQuery(
                    [.. Common, "ttl_ms", "if_version", "client_id", "request_id", "return_previous"]),
                Headers);
            routes.MapDelete(pattern, route.Of(DeleteAsync)).WithMetadata(
                new KnownQuery([.. Common, "if_version", "client_id", "request_id", "return_previous"]),
                Headers);
        }

        routes.MapMethods("/v1/kv/{key}", RouteFactory.Reads, route.Of(GetAsync)).WithMetadata(
            new KnownQuery([.. Common, "consistency"]));
        routes.MapMethods("/v1/kv", RouteFactory.Reads, route.Of(GetOrScanAsync)).WithMetadata(
            new KnownQuery([.. Common, "consistency", .. ScanRoute.Parameters]));
    }

    /// <summary>
    /// Runs before routing: takes the key from the raw target and leaves a path that routing cannot misread,
    /// whatever the key holds. False if the path is of another route.
    /// </summary>
    public static bool TakeKey(HttpContext http)
    {
        var path = RequestTarget.PathOf(http);
        if (!path.StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        var key = RequestTarget.Decode(path.AsSpan(Prefix.Length), isQuery: false);
        http.Request.Path = key.Length > 0 ? "/v1/kv/key" : "/v1/kv";
        http.Features.Set(new PathKey(key));
        return true;
    }

    private static async Task PutAsync(HttpExchange exchange)
    {
        var query = exchange.Query;
        var put = new PutRequest
        {
            Keyspace = query.Text("keyspace") ?? KeyspaceName.Default,
            Key = KeyOf(exchange),
            Value = await exchange.BodyAsync(
                "the value", exchange.Options.ValueBytesMax).ConfigureAwait(false),
            TtlMs = query.Number("ttl_ms") ?? 0,
            ClientId = ClientIdOf(exchange),
            RequestId = RequestIdOf(exchange),
            ReturnPrevious = query.Flag("return_previous"),
            NoRedirect = query.Flag("no_redirect"),
        };
        var reply = await Preconditions.WriteAsync(exchange, put).ConfigureAwait(false);
        exchange.Http.Response.Headers.ETag = EntityTags.Strong(reply.Version);
        await ReplyBodies.WriteAsync(exchange, put, reply).ConfigureAwait(false);
    }

    private static async Task DeleteAsync(HttpExchange exchange)
    {
        await exchange.NoBodyAsync().ConfigureAwait(false);
        var query = exchange.Query;
        var delete = new DeleteRequest
        {
            Keyspace = query.Text("keyspace") ?? KeyspaceName.Default,
            Key = KeyOf(exchange),
            ClientId = ClientIdOf(exchange),
            RequestId = RequestIdOf(exchange),
            ReturnPrevious = query.Flag("return_previous"),
            NoRedirect = query.Flag("no_redirect"),
        };
        var reply = await Preconditions.WriteAsync(exchange, delete).ConfigureAwait(false);
        await ReplyBodies.WriteAsync(exchange, delete, reply).ConfigureAwait(false);
    }

    /// <summary>
    /// Without any key, a scan. "/v1/kv/" is not a scan: its key is missing.
    /// </summary>
    private static Task GetOrScanAsync(HttpExchange exchange)
    {
        var hasKey = exchange.Query.Bytes("key_base64") is not null
            || exchange.Http.Features.Get<PathKey>() is not null;
        if (!hasKey)
            return ScanRoute.ScanAsync(exchange);
        return ScanRoute.Parameters.FirstOrDefault(name => exchange.Query.Bytes(name) is not null) is { } name
            ? throw HttpFailure.Invalid($"'{name}' belongs to a scan, and a key is given too")
            : GetAsync(exchange);
    }

    private static async Task GetAsync(HttpExchange exchange)
    {
        var get = new GetRequest
        {
            Keyspace = exchange.Query.Text("keyspace") ?? KeyspaceName.Default,
            Key = KeyOf(exchange),
            Consistency = exchange.Query.Consistency(),
            NoRedirect = exchange.Query.Flag("no_redirect"),
        };
        if (!WantsJson(exchange.Http.Request))
            exchange.Traffic.Replies.Copies = 1;
        var reply = await exchange.AskAsync(get).ConfigureAwait(false);
        exchange.Http.Response.Headers.Vary = "Accept";
        if (!reply.Found || WantsJson(exchange.Http.Request))
            await ReplyBodies.ValueAsync(exchange, get, reply, asBase64: false).ConfigureAwait(false);
        else
            await RawAsync(exchange, get, reply).ConfigureAwait(false);
    }

    private static async Task RawAsync(HttpExchange exchange, GetRequest get, Reply reply)
    {
        var response = exchange.Http.Response;
        ReplyBodies.SetHeaders(response, get, reply);
        if (!Preconditions.AllowAnswer(exchange, get, reply, isExact: true))
            return;
        response.ContentType = "application/octet-stream";
        response.Headers.XContentTypeOptions = "nosniff"; // A stored page must not run in a browser.
        response.ContentLength = reply.Value.Length;
        if (!HttpMethods.IsHead(exchange.Http.Request.Method))
            await HttpExchange.SendAsync(exchange.Http, reply.Value).ConfigureAwait(false);
    }

    private static byte[] KeyOf(HttpExchange exchange)
    {
        var inPath = exchange.Http.Features.Get<PathKey>()?.Bytes;
        var inQuery = exchange.Query.Key();
        if (inPath is not null && inQuery is not null)
            throw HttpFailure.Invalid("the key is given in the path and as key_base64");
        return inQuery ?? inPath
            ?? throw HttpFailure.Invalid(
                "the key is missing: /v1/kv/{key}, or ?key_base64=... for any bytes");
    }

    private static string ClientIdOf(HttpExchange exchange) =>
        OneOf(exchange, "Kvorum-Client-Id", "client_id") ?? "";

    private static ulong RequestIdOf(HttpExchange exchange) =>
        OneOf(exchange, "Kvorum-Request-Id", "request_id") is { } text
            ? Query.Number("the request id", text)
            : 0;

    private static string? OneOf(HttpExchange exchange, string header, string parameter)
    {
        var inHeader = exchange.Http.Request.Headers[header];
        var inQuery = exchange.Query.Text(parameter);
        if (inHeader.Count > 1 || (inHeader.Count == 1 && inQuery is not null))
            throw HttpFailure.Invalid($"{header} and {parameter} are given more than once in all");
        return inHeader.Count == 1 ? RequestTarget.Text(header, BytesOf(inHeader.ToString())) : inQuery;
    }

    /// <summary>The server hands headers over with one character for each byte.</summary>
    private static byte[] BytesOf(string header) => [.. header.Select(static unit => checked((byte)unit))];

    private static bool WantsJson(HttpRequest request) =>
        request.Headers.Accept.ToString().Contains("application/json", StringComparison.OrdinalIgnoreCase);

    private sealed record PathKey(byte[] Bytes);
}
