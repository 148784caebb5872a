using System.Text.Json;
using Kvorum.Node.Administration;

namespace Kvorum.Server.Http;

/// <summary>
/// Tokens by which new nodes get their certificates. What makes one has the CA's key, so it is made where
/// that is: the cluster is given what it keeps of it.
/// </summary>
internal static class JoinTokenRoutes
{
    private const string Tag = "access";
    private const string Route = "/v1/admin/join-tokens/{id}";
    private const string Wanted = "the body is JSON: "
        + """{"node":"node-4","proof_hash":"...","sealed":"...","expires_ms":1700000000000}, """
        + "proof_hash and sealed in base64, as docs/security.md says";

    private static readonly Operation List = new(
        "adminJoinTokens", Tag, "The join tokens that nodes may still use; nothing by which one could.")
    {
        Query = [Fields.Timeout],
        Answers = [new(200, "The tokens, by number.") { Json = [BodyContext.Default.JoinTokensBody] }],
        Failures = FailureStatuses.OfReports,
    };

    private static readonly Operation Create = ChangeRoutes.Of(
        "createJoinToken", Tag,
        "Gives the cluster what it keeps of a join token that was made where the CA's key is.") with
    {
        Path = [AdminFields.JoinTokenId],
        Body = RequestBodyContext.Default.NewJoinTokenBody,
    };

    private static readonly Operation Revoke = ChangeRoutes.Of(
        "revokeJoinToken", Tag, "Revokes a join token: no node can use it any more.") with
    {
        Path = [AdminFields.JoinTokenId],
    };

    public static void MapAll(RouteTable routes)
    {
        routes.Read("/v1/admin/join-tokens", List, ListAsync);
        routes.Map("PUT", Route, Create, CreateAsync);
        routes.Map("DELETE", Route, Revoke, static exchange => ChangeRoutes.ChangeAsync(
            exchange, new RevokeJoinToken(exchange.PathText(AdminFields.JoinTokenId))));
    }

    private static async Task ListAsync(HttpExchange exchange)
    {
        var reply = await exchange.AdministerAsync(new ShowAccess()).ConfigureAwait(false);
        await exchange.JsonAsync(
            200, new() { JoinTokens = reply.Access!.JoinTokens ?? [] }, BodyContext.Default.JoinTokensBody)
            .ConfigureAwait(false);
    }

    private static async Task CreateAsync(HttpExchange exchange)
    {
        SiteRules.RequireJson(exchange.Http.Request);
        var id = exchange.PathText(AdminFields.JoinTokenId);
        var json = await exchange.BodyAsync(
            "the body", AdminJson.RequestBytesMax, RequestTraffic.JsonCopies).ConfigureAwait(false);
        var body = BodyOf(json);
        await ChangeRoutes.AskAsync(exchange, new CreateJoinToken(id, body.Node)
        {
            ProofHash = body.ProofHash,
            Sealed = body.Sealed,
            ExpiresMs = body.ExpiresMs,
        }).ConfigureAwait(false);
    }

    private static NewJoinTokenBody BodyOf(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, RequestBodyContext.Default.NewJoinTokenBody)
                ?? throw HttpFailure.Invalid($"the body is null; {Wanted}");
        }
        catch (JsonException wrong)
        {
            throw HttpFailure.Invalid(
                $"the body is no join token: {HttpFailure.Shown(wrong.Message, 200)}; {Wanted}");
        }
    }
}
