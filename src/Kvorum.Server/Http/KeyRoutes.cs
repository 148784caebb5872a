using Kvorum.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;

namespace Kvorum.Server.Http;

/// <summary>The routes of the first HTTP design: /kv/set, /kv/get, /kv/delete.</summary>
internal static class KeyRoutes
{
    private static readonly string[] Common = ["key", "key_base64", "keyspace", "no_redirect", "timeout"];

    public static void Map(IEndpointRouteBuilder routes, RouteFactory route)
    {
        routes.MapPost("/kv/set", route.Of(SetAsync)).WithMetadata(new KnownQuery("timeout"));
        routes.MapMethods("/kv/get", RouteFactory.Reads, route.Of(GetAsync)).WithMetadata(
            new KnownQuery([.. Common, "consistency", "encoding"]));
        routes.MapMethods("/kv/delete", ["POST", "DELETE"], route.Of(DeleteAsync)).WithMetadata(
            new KnownQuery([.. Common, "client_id", "request_id", "if_version", "return_previous"]));
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
            Keyspace = exchange.Query.Text("keyspace") ?? KeyspaceName.Default,
            Key = RequiredKey(exchange.Query),
            Consistency = exchange.Query.Consistency(),
            NoRedirect = exchange.Query.Flag("no_redirect"),
        };
        var asBase64 = SetBodyReader.IsBase64(exchange.Query.Text("encoding"));
        var reply = await exchange.AskAsync(get).ConfigureAwait(false);
        await ReplyBodies.ValueAsync(exchange, get, reply, asBase64).ConfigureAwait(false);
    }

    private static async Task DeleteAsync(HttpExchange exchange)
    {
        await exchange.NoBodyAsync().ConfigureAwait(false);
        var query = exchange.Query;
        var delete = new DeleteRequest
        {
            Keyspace = query.Text("keyspace") ?? KeyspaceName.Default,
            Key = RequiredKey(query),
            ClientId = query.Text("client_id") ?? "",
            RequestId = query.Number("request_id") ?? 0,
            IfVersion = query.Number("if_version"),
            ReturnPrevious = query.Flag("return_previous"),
            NoRedirect = query.Flag("no_redirect"),
        };
        var reply = await exchange.AskAsync(delete).ConfigureAwait(false);
        await ReplyBodies.WriteAsync(exchange, delete, reply).ConfigureAwait(false);
    }

    private static byte[] RequiredKey(Query query) =>
        query.Key() ?? throw HttpFailure.Invalid(
            "the parameter 'key' is missing: ?key=..., or ?key_base64=... for any bytes");
}
