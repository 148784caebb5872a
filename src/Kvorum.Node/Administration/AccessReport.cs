using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Kvorum.Node.Access;
using Kvorum.Protocol;

namespace Kvorum.Node.Administration;

/// <summary>Users, roles and API keys; of a key nothing by which it could be used.</summary>
public sealed record AccessReport
{
    /// <summary>True if rights are enforced.</summary>
    public required bool Enforced { get; init; }

    /// <summary>The roles, those that every cluster has first.</summary>
    public required IReadOnlyList<RoleReport> Roles { get; init; }

    /// <summary>The users, by name.</summary>
    public required IReadOnlyList<UserReport> Users { get; init; }

    /// <summary>The join tokens, by number; null if there is none.</summary>
    public IReadOnlyList<JoinTokenReport>? JoinTokens { get; init; }

    /// <summary>A join token.</summary>
    /// <param name="Id">Its number.</param>
    /// <param name="Node">The node that it is for.</param>
    /// <param name="CreatedMs">When it was made, in Unix milliseconds.</param>
    /// <param name="ExpiresMs">From when on it is not accepted, in Unix milliseconds.</param>
    /// <param name="Used">True if a node has shown it.</param>
    public sealed record JoinTokenReport(
        string Id, [property: Description("The node that it is for.")] string Node,
        [property: Description("When it was made, in Unix milliseconds.")] ulong CreatedMs,
        [property: Description("From when on it is not accepted, in Unix milliseconds.")] ulong ExpiresMs,
        [property: Description("True if a node has shown it, and has not said yet that it has its "
            + "certificate.")]
        bool Used);

    /// <summary>A role.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="BuiltIn">True if every cluster has it, and it cannot be changed.</param>
    /// <param name="Grants">Its rights.</param>
    public sealed record RoleReport(
        string Name, [property: Description("True if every cluster has it, and it cannot be changed.")]
        bool BuiltIn, IReadOnlyList<GrantSpec> Grants);

    /// <summary>A user.</summary>
    /// <param name="Name">The name.</param>
    /// <param name="Roles">Names of roles.</param>
    /// <param name="Disabled">True while the user has no rights.</param>
    /// <param name="ApiKeys">The API keys.</param>
    public sealed record UserReport(
        string Name, IReadOnlyList<string> Roles,
        [property: Description("True while the user has no rights, whatever the roles.")] bool Disabled,
        IReadOnlyList<ApiKeyReport> ApiKeys);

    /// <summary>An API key.</summary>
    /// <param name="Id">Its number.</param>
    /// <param name="CreatedMs">When it was made, in Unix milliseconds.</param>
    /// <param name="ExpiresMs">From when on it is not accepted, in Unix milliseconds; null: never.</param>
    public sealed record ApiKeyReport(
        string Id, [property: Description("When it was made, in Unix milliseconds.")] ulong CreatedMs,
        [property: Description("From when on it is not accepted, in Unix milliseconds; absent: never.")]
        ulong? ExpiresMs);

    /// <summary>The answer to <see cref="ShowAccess"/>.</summary>
    internal static AdminReply Answer(AccessTable table) => new()
    {
        Status = ReplyStatus.Ok,
        Access = new()
        {
            Enforced = table.IsOn,
            Roles =
            [
                .. AccessTable.BuiltIn.Select(static role => Of(role, isBuiltIn: true)),
                .. table.Roles.Values.Select(static role => Of(role, isBuiltIn: false)),
            ],
            Users = [.. table.Users.Values.Select(user => Of(user, table))],
            JoinTokens = table.JoinTokens.IsEmpty ? null
                :
                [
                    .. table.JoinTokens.Values.Select(static one => new JoinTokenReport(
                        one.Id, one.Node, one.CreatedMs, one.ExpiresMs, one.IsUsed)),
                ],
        },
    };

    /// <summary>Rights, as a request would name them.</summary>
    public static IReadOnlyList<GrantSpec> Of(IEnumerable<Grant> grants) =>
    [
        .. grants.Select(static grant => new GrantSpec(
            grant.Keyspace, AccessActionNames.Of(grant.Actions),
            grant.Prefix.IsEmpty ? null : grant.Prefix.ToArray())),
    ];

    private static RoleReport Of(RoleRecord role, bool isBuiltIn) =>
        new(role.Name, isBuiltIn, Of(role.Grants));

    private static UserReport Of(UserRecord user, AccessTable table) => new(
        user.Name, user.Roles, user.IsDisabled,
        [
            .. table.KeysOf(user.Name).Select(static key => new ApiKeyReport(
                key.Id, key.CreatedMs, key.ExpiresMs == 0 ? null : key.ExpiresMs)),
        ]);
}

/// <summary>Who asks, and with which rights.</summary>
/// <param name="Name">The name; empty if it is not known.</param>
/// <param name="Means">By which means it is known.</param>
/// <param name="Enforced">True if rights are enforced; if not, everybody may do everything.</param>
/// <param name="Grants">The rights.</param>
public sealed record IdentityReport(
    [property: Description("The name; empty if it is not known.")] string Name,
    [property: Description("By which means it is known.")]
    [property: AllowedValues("none", "certificate", "api_key", "jwt")]
    string Means,
    [property: Description("True if rights are enforced; if not, everybody may do everything.")]
    bool Enforced,
    IReadOnlyList<GrantSpec> Grants);
