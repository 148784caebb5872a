using Kvorum.Protocol;
using Microsoft.AspNetCore.Http;

namespace Kvorum.Server.Http;

/// <summary>
/// A key as a web resource: /v1/kv/{key}, its value as the body, its version as ETag. The key is the rest of
/// the raw path, percent-decoded to bytes: slashes, dots and %2F in it are part of it. /v1/kv?key_base64=
/// takes what a path cannot carry (web servers refuse %00, web clients rewrite "..").
/// </summary>
internal static class ResourceRoutes
{
    private const string Prefix = "/v1/kv/";

    private static readonly Field[] Common =
    [
        Fields.KeyBase64, Fields.Keyspace, Fields.NoRedirect, Fields.Timeout, Fields.Quorum, Fields.Receipt,
    ];

    private static readonly Field[] OfWrites =
    [
        Fields.IfVersion, Fields.ClientId, Fields.RequestId, Fields.ReturnPrevious, Fields.After,
        Fields.Tried, Fields.Timestamp,
    ];

    private static readonly Field[] OfAll = [Fields.IfMatch, Fields.IfNoneMatch, Fields.QuorumHeader];

    private static readonly Field[] HeadersOfWrites =
        [Fields.ClientIdHeader, Fields.RequestIdHeader, .. OfAll];

    private static readonly Answer Value = ReplyBodies.Value with { IsValue = true };

    private static readonly Operation Put = new("putKey", "keys", "Sets a key to the bytes of the body.")
    {
        Query = [.. Common, Fields.TtlMs, .. OfWrites],
        Headers = HeadersOfWrites,
        TakesValue = true,
        Answers = [ReplyBodies.Written with { Headers = [Fields.Tag, .. ReplyBodies.Headers] }],
        Failures = FailureStatuses.OfWrites,
    };

    private static readonly Operation Get = new(
        "getKey", "keys", "The value as it is, or as JSON if Accept asks for it.")
    {
        Query = [.. Common, Fields.Consistency],
        Headers = OfAll,
        Answers = [Value, ReplyBodies.NotChanged],
        Failures = FailureStatuses.OfReads,
    };

    private static readonly Operation GetOrScan = Get with
    {
        Id = "scanOrGetKeyByBase64",
        Summary = "The keys of a range in byte order, one page or, if Accept asks for application/x-ndjson, "
            + "all as lines; with key_base64, the value of that key.",
        Query = [.. Get.Query, .. ScanRoute.Parameters],
        Answers =
        [
            Value with
            {
                Description = "The value; without a key, the page. Lines end with one that says whether the "
                    + "range goes on; without it the scan was cut off.",
                Json = [BodyContext.Default.ValueBody, BodyContext.Default.ScanPageBody],
                Lines = [BodyContext.Default.ScanEntryBody, BodyContext.Default.ScanEndBody],
            },
            ReplyBodies.NotChanged,
        ],
    };

    private static readonly Operation Delete = new(
        "deleteKey", "keys", "Removes a key; an absent key is no error.")
    {
        Query = [.. Common, .. OfWrites],
        Headers = HeadersOfWrites,
        Answers = [ReplyBodies.Written],
        Failures = FailureStatuses.OfWrites,
    };

    public static void MapAll(RouteTable routes)
    {
        routes.Map("PUT", "/v1/kv/{key}", Put with { Path = [Fields.KeyInPath] }, PutAsync);
        routes.Read("/v1/kv/{key}", Get with { Path = [Fields.KeyInPath] }, GetAsync);
        routes.Map("DELETE", "/v1/kv/{key}", Delete with { Path = [Fields.KeyInPath] }, DeleteAsync);
        routes.Map("PUT", "/v1/kv", Put with { Id = "putKeyByBase64" }, PutAsync);
        routes.Read("/v1/kv", GetOrScan, GetOrScanAsync);
        routes.Map("DELETE", "/v1/kv", Delete with { Id = "deleteKeyByBase64" }, DeleteAsync);
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
            Keyspace = query.Keyspace(),
            Key = KeyOf(exchange),
            Value = await exchange.BodyAsync(
                "the value", exchange.Options.ValueBytesMax).ConfigureAwait(false),
            TtlMs = query.Number(Fields.TtlMs) ?? 0,
            ClientId = ClientIdOf(exchange),
            RequestId = RequestIdOf(exchange),
            ReturnPrevious = query.Flag(Fields.ReturnPrevious),
            NoRedirect = query.Flag(Fields.NoRedirect),
            Quorum = QuorumOf(exchange),
            WantsReceipt = query.Flag(Fields.Receipt),
            After = query.Number(Fields.After) ?? 0,
            Tried = query.Tried(),
            Timestamp = query.Number(Fields.Timestamp) ?? 0,
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
            Keyspace = query.Keyspace(),
            Key = KeyOf(exchange),
            ClientId = ClientIdOf(exchange),
            RequestId = RequestIdOf(exchange),
            ReturnPrevious = query.Flag(Fields.ReturnPrevious),
            NoRedirect = query.Flag(Fields.NoRedirect),
            Quorum = QuorumOf(exchange),
            WantsReceipt = query.Flag(Fields.Receipt),
            After = query.Number(Fields.After) ?? 0,
            Tried = query.Tried(),
            Timestamp = query.Number(Fields.Timestamp) ?? 0,
        };
        var reply = await Preconditions.WriteAsync(exchange, delete).ConfigureAwait(false);
        await ReplyBodies.WriteAsync(exchange, delete, reply).ConfigureAwait(false);
    }

    /// <summary>
    /// Without any key, a scan. "/v1/kv/" is no scan but a key that somebody forgot.
    /// </summary>
    private static Task GetOrScanAsync(HttpExchange exchange)
    {
        var hasKey = exchange.Query.Bytes(Fields.KeyBase64) is not null
            || exchange.Http.Features.Get<PathKey>() is not null;
        if (!hasKey)
            return ScanRoute.ScanAsync(exchange);
        return Array.Find(
            ScanRoute.Parameters, field => exchange.Query.Bytes(field) is not null) is { } given
            ? throw HttpFailure.Invalid($"'{given.Name}' belongs to a scan, and a key is given too")
            : GetAsync(exchange);
    }

    private static async Task GetAsync(HttpExchange exchange)
    {
        var get = new GetRequest
        {
            Keyspace = exchange.Query.Keyspace(),
            Key = KeyOf(exchange),
            Consistency = exchange.Query.Consistency(),
            NoRedirect = exchange.Query.Flag(Fields.NoRedirect),
            Quorum = QuorumOf(exchange),
            WantsReceipt = exchange.Query.Flag(Fields.Receipt),
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
        OneOf(exchange, Fields.ClientIdHeader, Fields.ClientId) ?? "";

    private static ulong RequestIdOf(HttpExchange exchange) =>
        OneOf(exchange, Fields.RequestIdHeader, Fields.RequestId) is { } text
            ? Query.Number("the request id", text)
            : 0;

    /// <summary>How many replicas must answer, from the header or the query.</summary>
    public static QuorumLevel? QuorumOf(HttpExchange exchange) =>
        OneOf(exchange, Fields.QuorumHeader, Fields.Quorum) is { } text ? Query.QuorumOf(text) : null;

    private static string? OneOf(HttpExchange exchange, Field header, Field parameter)
    {
        var inHeader = exchange.Http.Request.Headers[header.Name];
        var inQuery = exchange.Query.Text(parameter);
        if (inHeader.Count > 1 || (inHeader.Count == 1 && inQuery is not null))
            throw HttpFailure.Invalid(
                $"{header.Name} and {parameter.Name} are given more than once in all");
        return inHeader.Count == 1 ? RequestTarget.Text(header.Name, BytesOf(inHeader.ToString())) : inQuery;
    }

    /// <summary>The server hands headers over with one character for each byte.</summary>
    private static byte[] BytesOf(string header) => [.. header.Select(static unit => checked((byte)unit))];

    private static bool WantsJson(HttpRequest request) =>
        request.Headers.Accept.ToString().Contains("application/json", StringComparison.OrdinalIgnoreCase);

    private sealed record PathKey(byte[] Bytes);
}
