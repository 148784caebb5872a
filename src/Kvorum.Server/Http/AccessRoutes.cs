using System.Text.Json;
using Kvorum.Node.Administration;

namespace Kvorum.Server.Http;

/// <summary>Who asks; users, roles and API keys, and whether rights are enforced.</summary>
internal static class AccessRoutes
{
    private const string Tag = "access";
    private const string WantedRole = "the body is JSON such as "
        + """{"grants":[{"keyspace":"orders","actions":["read"],"prefix":"dXNlcjo="}]}, prefix in base64""";

    private static readonly Operation Identity = new(
        "adminIdentity", Tag, "Who asks, and with which rights, as the asked node knows it.")
    {
        Query = [Fields.Timeout],
        Answers = [new(200, "The caller.") { Json = [BodyContext.Default.IdentityReport] }],
        Failures = [.. FailureStatuses.OfKnown, 503],
    };

    private static readonly Operation Access = new(
        "adminAccess", Tag, "Users, roles and API keys; of a key nothing by which it could be used.")
    {
        Query = [Fields.Timeout],
        Answers = [new(200, "Users, roles and keys.") { Json = [BodyContext.Default.AccessReport] }],
        Failures = FailureStatuses.OfReports,
    };

    private static readonly Operation CreateUser =
        Of("createUser", "Makes a user.", AdminFields.Roles) with { Path = [AdminFields.User] };

    private static readonly Operation AlterUser = Of(
        "alterUser", "Gives a user roles, takes roles away, or disables the user.", AdminFields.Grant,
        AdminFields.Revoke, AdminFields.Disabled, AdminFields.Force) with
    {
        Path = [AdminFields.User],
    };

    private static readonly Operation DropUser =
        Of("dropUser", "Drops a user, with all API keys of that user.", AdminFields.Force) with
        {
            Path = [AdminFields.User],
        };

    private static readonly Operation CreateApiKey = Of(
        "createApiKey", "Makes an API key of a user and tells it, this once.", AdminFields.ExpiresMs) with
    {
        Path = [AdminFields.User],
    };

    private static readonly Operation RevokeApiKey =
        Of("revokeApiKey", "Revokes an API key.") with { Path = [AdminFields.ApiKeyId] };

    private static readonly Operation SetRole = Of(
        "setRole", "Makes a role with these rights, or gives them to it in place of those it had.",
        AdminFields.Force) with
    {
        Path = [AdminFields.Role],
        Body = RequestBodyContext.Default.RoleBody,
    };

    private static readonly Operation DropRole =
        Of("dropRole", "Drops a role.", AdminFields.Force) with { Path = [AdminFields.Role] };

    private static readonly Operation EnforceRights = Of(
        "enforceRights", "Has rights enforced, or not: without, whoever is let in may do everything.",
        AdminFields.Enforced, AdminFields.Force);

    public static void MapAll(RouteTable routes)
    {
        routes.Read("/v1/admin/identity", Identity, IdentityAsync);
        routes.Read("/v1/admin/access", Access, AccessAsync);
        routes.Map("PUT", "/v1/admin/users/{name}", CreateUser, CreateUserAsync);
        routes.Map("PATCH", "/v1/admin/users/{name}", AlterUser, AlterUserAsync);
        routes.Map("DELETE", "/v1/admin/users/{name}", DropUser, static exchange => ChangeRoutes.ChangeAsync(
            exchange, new DropUser(User(exchange)) { Force = Force(exchange) }));
        routes.Map("POST", "/v1/admin/users/{name}/keys", CreateApiKey, CreateApiKeyAsync);
        routes.Map("DELETE", "/v1/admin/keys/{id}", RevokeApiKey, static exchange => ChangeRoutes.ChangeAsync(
            exchange, new RevokeApiKey(exchange.PathText(AdminFields.ApiKeyId))));
        routes.Map("PUT", "/v1/admin/roles/{name}", SetRole, SetRoleAsync);
        routes.Map("DELETE", "/v1/admin/roles/{name}", DropRole, static exchange => ChangeRoutes.ChangeAsync(
            exchange, new DropRole(exchange.PathText(AdminFields.Role)) { Force = Force(exchange) }));
        routes.Map("PUT", "/v1/admin/rights", EnforceRights, EnforceRightsAsync);
    }

    private static Operation Of(string id, string summary, params Field[] query) =>
        ChangeRoutes.Of(id, Tag, summary, query);

    private static async Task IdentityAsync(HttpExchange exchange)
    {
        var reply = await exchange.AdministerAsync(new ShowIdentity()).ConfigureAwait(false);
        await exchange.JsonAsync(200, reply.Identity!, BodyContext.Default.IdentityReport)
            .ConfigureAwait(false);
    }

    private static async Task AccessAsync(HttpExchange exchange)
    {
        var reply = await exchange.AdministerAsync(new ShowAccess()).ConfigureAwait(false);
        await exchange.JsonAsync(200, reply.Access!, BodyContext.Default.AccessReport).ConfigureAwait(false);
    }

    private static Task CreateUserAsync(HttpExchange exchange) => ChangeRoutes.ChangeAsync(
        exchange, new CreateUser(User(exchange), Names(exchange, AdminFields.Roles)));

    private static Task AlterUserAsync(HttpExchange exchange)
    {
        var change = new AlterUser(User(exchange))
        {
            Grant = Names(exchange, AdminFields.Grant),
            Revoke = Names(exchange, AdminFields.Revoke),
            Disabled = ChangeRoutes.Chosen(exchange, AdminFields.Disabled),
            Force = Force(exchange),
        };
        return change is not { Grant: [], Revoke: [], Disabled: null }
            ? ChangeRoutes.ChangeAsync(exchange, change)
            : throw HttpFailure.Invalid(
                "nothing is to change: give ?grant=..., ?revoke=... or ?disabled=...");
    }

    private static Task CreateApiKeyAsync(HttpExchange exchange)
    {
        // Nothing on the way may keep the key.
        exchange.Http.Response.Headers.CacheControl = "no-store";
        return ChangeRoutes.ChangeAsync(exchange, new CreateApiKey(User(exchange))
        {
            ExpiresMs = exchange.Query.Number(AdminFields.ExpiresMs),
        });
    }

    private static async Task SetRoleAsync(HttpExchange exchange)
    {
        SiteRules.RequireJson(exchange.Http.Request);
        var role = exchange.PathText(AdminFields.Role);
        var json = await exchange.BodyAsync(
            "the body", AdminJson.RequestBytesMax, RequestTraffic.JsonCopies).ConfigureAwait(false);
        await ChangeRoutes.AskAsync(
            exchange, new SetRole(role, GrantsOf(json)) { Force = Force(exchange) }).ConfigureAwait(false);
    }

    private static Task EnforceRightsAsync(HttpExchange exchange)
    {
        var isOn = ChangeRoutes.Chosen(exchange, AdminFields.Enforced)
            ?? throw HttpFailure.Invalid("the parameter 'enforced' is missing: true or false");
        return ChangeRoutes.ChangeAsync(exchange, new EnforceRights(isOn) { Force = Force(exchange) });
    }

    private static IReadOnlyList<GrantSpec> GrantsOf(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, RequestBodyContext.Default.RoleBody)?.Grants
                ?? throw HttpFailure.Invalid($"the body is null; {WantedRole}");
        }
        catch (JsonException wrong)
        {
            throw HttpFailure.Invalid(
                $"the body is no role: {HttpFailure.Shown(wrong.Message, 200)}; {WantedRole}");
        }
    }

    private static string User(HttpExchange exchange) => exchange.PathText(AdminFields.User);

    private static bool Force(HttpExchange exchange) => exchange.Query.Flag(AdminFields.Force);

    // An empty name between commas is refused by the cluster, as every name that is none.
    private static string[] Names(HttpExchange exchange, Field field) =>
        exchange.Query.Text(field) is { Length: > 0 } text ? text.Split(',') : [];
}
