using Google.Protobuf;
using Grpc.Core;
using Kvorum.Node.Administration;

namespace Kvorum.Server.Grpc;

/// <summary>
/// Between the messages of kvorum.v1.Admin about users, roles and API keys and what is asked and answered.
/// Fields have the names that they have in JSON.
/// </summary>
internal static class AccessMessages
{
    public static CreateUser From(V1.CreateUserRequest request) =>
        new(request.User, [.. request.Roles]) { DryRun = request.DryRun };

    public static AlterUser From(V1.AlterUserRequest request) => new(request.User)
    {
        Grant = [.. request.Grant],
        Revoke = [.. request.Revoke],
        Disabled = request.DisabledGivenCase == default ? null : request.Disabled,
        DryRun = request.DryRun,
        Force = request.Force,
    };

    public static DropUser From(V1.DropUserRequest request) =>
        new(request.User) { DryRun = request.DryRun, Force = request.Force };

    public static CreateApiKey From(V1.CreateApiKeyRequest request) => new(request.User)
    {
        ExpiresMs = request.ExpiresMsGivenCase == default ? null : request.ExpiresMs,
        DryRun = request.DryRun,
    };

    public static RevokeApiKey From(V1.RevokeApiKeyRequest request) =>
        new(request.Id) { DryRun = request.DryRun };

    public static CreateJoinToken From(V1.CreateJoinTokenRequest request) => new(request.Id, request.Node)
    {
        ProofHash = request.ProofHash.ToByteArray(),
        Sealed = request.Sealed.ToByteArray(),
        ExpiresMs = request.ExpiresMs,
        DryRun = request.DryRun,
    };

    public static RevokeJoinToken From(V1.RevokeJoinTokenRequest request) =>
        new(request.Id) { DryRun = request.DryRun };

    public static SetRole From(V1.SetRoleRequest request) =>
        new(request.Role, [.. request.Grants.Select(From)])
        {
            DryRun = request.DryRun,
            Force = request.Force,
        };

    public static DropRole From(V1.DropRoleRequest request) =>
        new(request.Role) { DryRun = request.DryRun, Force = request.Force };

    // What a caller forgets must not end the enforcement of rights.
    public static EnforceRights From(V1.EnforceRightsRequest request) =>
        request.EnforcedGivenCase == default
            ? throw GrpcErrors.Of(StatusCode.InvalidArgument, "enforced is missing: true or false")
            : new(request.Enforced) { DryRun = request.DryRun, Force = request.Force };

    public static V1.IdentityReport Of(IdentityReport identity) => new()
    {
        Name = identity.Name,
        Means = identity.Means,
        Enforced = identity.Enforced,
        Grants = { identity.Grants.Select(Of) },
    };

    public static V1.AccessReport Of(AccessReport access) => new()
    {
        Enforced = access.Enforced,
        Roles =
        {
            access.Roles.Select(static role => new V1.RoleReport
            {
                Name = role.Name,
                BuiltIn = role.BuiltIn,
                Grants = { role.Grants.Select(Of) },
            }),
        },
        Users =
        {
            access.Users.Select(static user => new V1.UserReport
            {
                Name = user.Name,
                Roles = { user.Roles },
                Disabled = user.Disabled,
                ApiKeys = { user.ApiKeys.Select(Of) },
            }),
        },
        JoinTokens = { (access.JoinTokens ?? []).Select(Of) },
    };

    public static V1.ListJoinTokensResponse TokensOf(AccessReport access) =>
        new() { JoinTokens = { (access.JoinTokens ?? []).Select(Of) } };

    private static V1.JoinTokenReport Of(AccessReport.JoinTokenReport token) => new()
    {
        Id = token.Id,
        Node = token.Node,
        CreatedMs = token.CreatedMs,
        ExpiresMs = token.ExpiresMs,
        Used = token.Used,
    };

    private static V1.ApiKeyReport Of(AccessReport.ApiKeyReport key)
    {
        var message = new V1.ApiKeyReport { Id = key.Id, CreatedMs = key.CreatedMs };
        if (key.ExpiresMs is { } expires)
            message.ExpiresMs = expires;
        return message;
    }

    private static GrantSpec From(V1.Grant grant) => new(
        grant.Keyspace, [.. grant.Actions], grant.Prefix.IsEmpty ? null : grant.Prefix.ToByteArray());

    private static V1.Grant Of(GrantSpec grant) => new()
    {
        Keyspace = grant.Keyspace,
        Actions = { grant.Actions },
        Prefix = ByteString.CopyFrom(grant.Prefix ?? []),
    };
}
