using System.Text;
using System.Text.Json;
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
        routes.MapGet("/kv/get", route.Of(GetAsync)).WithMetadata(
            new KnownQuery([.. Common, "consistency", "encoding"]));
        routes.MapMethods("/kv/delete", ["POST", "DELETE"], route.Of(DeleteAsync)).WithMetadata(
            new KnownQuery([.. Common, "client_id", "request_id", "if_version", "return_previous"]));
    }

    private static async Task SetAsync(HttpExchange exchange)
    {
        var body = Parse(await exchange.BodyAsync(
            "the body", exchange.Options.JsonBytesMax).ConfigureAwait(false));
        var put = new PutRequest
        {
            Keyspace = body.Keyspace ?? "default",
            Key = Bytes("key", body.Key, body.KeyBase64, body.Encoding),
            Value = Bytes("value", body.Value, body.ValueBase64, body.Encoding),
            ClientId = body.ClientId ?? "",
            RequestId = body.RequestId ?? 0,
            TtlMs = body.TtlMs ?? 0,
            IfVersion = body.IfVersion,
            ReturnPrevious = body.ReturnPrevious,
            NoRedirect = body.NoRedirect,
        };
        var reply = await exchange.AskAsync(put).ConfigureAwait(false);
        await ReplyBodies.WriteAsync(exchange, put, reply).ConfigureAwait(false);
    }

    private static async Task GetAsync(HttpExchange exchange)
    {
        var get = new GetRequest
        {
            Keyspace = exchange.Query.Text("keyspace") ?? "default",
            Key = RequiredKey(exchange.Query),
            Consistency = exchange.Query.Consistency(),
            NoRedirect = exchange.Query.Flag("no_redirect"),
        };
        var asBase64 = IsBase64(exchange.Query.Text("encoding"));
        var reply = await exchange.AskAsync(get).ConfigureAwait(false);
        await ReplyBodies.ValueAsync(exchange, get, reply, asBase64).ConfigureAwait(false);
    }

    private static async Task DeleteAsync(HttpExchange exchange)
    {
        var query = exchange.Query;
        var delete = new DeleteRequest
        {
            Keyspace = query.Text("keyspace") ?? "default",
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

    private static SetBody Parse(byte[] json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, BodyContext.Default.SetBody)
                ?? throw HttpFailure.Invalid("the body is null; it is a JSON object with key and value");
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException)
        {
            throw HttpFailure.Invalid($"the body is no JSON object with key and value: {wrong.Message}");
        }
    }

    private static byte[] Bytes(string name, string? text, string? base64, string? encoding) =>
        (text, base64) switch
        {
            (null, null) =>
                throw HttpFailure.Invalid($"'{name}' is missing, or '{name}_base64' for any bytes"),
            (_, null) => IsBase64(encoding) ? RequestTarget.Base64(name, text) : Utf8(name, text),
            (null, _) => RequestTarget.Base64($"{name}_base64", base64),
            _ => throw HttpFailure.Invalid($"'{name}' and '{name}_base64' are both given"),
        };

    private static byte[] Utf8(string name, string text)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(text);
        }
        catch (EncoderFallbackException)
        {
            throw HttpFailure.Invalid(
                $"'{name}' holds half a surrogate pair, which is no text; use '{name}_base64' for any bytes");
        }
    }

    private static bool IsBase64(string? encoding) => encoding switch
    {
        null or "utf-8" => false,
        "base64" => true,
        _ => throw HttpFailure.Invalid($"encoding is '{encoding}'; it is utf-8 or base64"),
    };
}
