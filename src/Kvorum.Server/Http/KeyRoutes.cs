using Kvorum.Protocol;

namespace Kvorum.Server.Http;

/// <summary>The routes of the first HTTP design: /kv/set, /kv/get, /kv/delete.</summary>
internal static class KeyRoutes
{
    private static readonly Field[] Common =
    [
        Fields.Key, Fields.KeyBase64, Fields.Keyspace, Fields.NoRedirect, Fields.Timeout, Fields.Quorum,
        Fields.Receipt,
    ];

    private static readonly Operation Set = new("set", "keys", "Sets a key.")
    {
        Query = [Fields.Timeout],
        Members = SetBodyReader.Members,
        Answers = [ReplyBodies.Written],
        Failures = FailureStatuses.OfWrites,
    };

    private static readonly Operation Get = new("get", "keys", "Reads a key.")
    {
        Query = [.. Common, Fields.Consistency, Fields.Encoding],
        Headers = [Fields.IfMatch, Fields.IfNoneMatch],
        Answers = [ReplyBodies.Value, ReplyBodies.NotChanged],
        Failures = FailureStatuses.OfReads,
    };

    private static readonly Operation Delete = new(
        "delete", "keys", "Removes a key; an absent key is no error.")
    {
        Query =
        [
            .. Common, Fields.ClientId, Fields.RequestId, Fields.IfVersion, Fields.ReturnPrevious,
            Fields.After, Fields.Tried, Fields.Timestamp,
        ],
        Answers = [ReplyBodies.Written],
        Failures = FailureStatuses.OfWrites,
    };

    public static void MapAll(RouteTable routes)
    {
        routes.Map("POST", "/kv/set", Set, SetAsync);
        routes.Read("/kv/get", Get, GetAsync);
        routes.Map("POST", "/kv/delete", Delete, DeleteAsync);
        routes.Map("DELETE", "/kv/delete", Delete with { Id = "deleteByMethod" }, DeleteAsync);
    }

    private static async Task SetAsync(HttpExchange exchange)
    {
        SiteRules.RequireJson(exchange.Http.Request);
        var put = SetBodyReader.Read(await exchange.BodyAsync(
            "the body", exchange.Options.JsonBytesMax, RequestTraffic.JsonCopies).ConfigureAwait(false));
        var reply = await exchange.AskAsync(put).ConfigureAwait(false);
        await ReplyBodies.WriteAsync(exchange, put, reply).ConfigureAwait(false);
    }

    private static async Task GetAsync(HttpExchange exchange)
    {
        var get = new GetRequest
        {
            Keyspace = exchange.Query.Keyspace(),
            Key = RequiredKey(exchange.Query),
            Consistency = exchange.Query.Consistency(),
            NoRedirect = exchange.Query.Flag(Fields.NoRedirect),
            Quorum = exchange.Query.Quorum(),
            WantsReceipt = exchange.Query.Flag(Fields.Receipt),
        };
        var asBase64 = SetBodyReader.IsBase64(exchange.Query.Text(Fields.Encoding));
        var reply = await exchange.AskAsync(get).ConfigureAwait(false);
        await ReplyBodies.ValueAsync(exchange, get, reply, asBase64).ConfigureAwait(false);
    }

    private static async Task DeleteAsync(HttpExchange exchange)
    {
        await exchange.NoBodyAsync().ConfigureAwait(false);
        var query = exchange.Query;
        var delete = new DeleteRequest
        {
            Keyspace = query.Keyspace(),
            Key = RequiredKey(query),
            ClientId = query.Text(Fields.ClientId) ?? "",
            RequestId = query.Number(Fields.RequestId) ?? 0,
            IfVersion = query.Number(Fields.IfVersion),
            ReturnPrevious = query.Flag(Fields.ReturnPrevious),
            NoRedirect = query.Flag(Fields.NoRedirect),
            Quorum = query.Quorum(),
            WantsReceipt = query.Flag(Fields.Receipt),
            After = query.Number(Fields.After) ?? 0,
            Tried = query.Tried(),
            Timestamp = query.Number(Fields.Timestamp) ?? 0,
        };
        var reply = await exchange.AskAsync(delete).ConfigureAwait(false);
        await ReplyBodies.WriteAsync(exchange, delete, reply).ConfigureAwait(false);
    }

    private static byte[] RequiredKey(Query query) =>
        query.Key() ?? throw HttpFailure.Invalid(
            "the parameter 'key' is missing: ?key=..., or ?key_base64=... for any bytes");
}
