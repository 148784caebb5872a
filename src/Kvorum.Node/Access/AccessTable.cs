using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Kvorum.Node.Access;

/// <summary>
/// Users, roles and API keys as the metadata group has told of them. Immutable, and replaced as a whole:
/// whoever holds one sees one state. Any thread.
/// </summary>
public sealed record AccessTable
{
    /// <summary>The role that may do everything.</summary>
    public const string AdminRole = "admin";

    // Of this very table: a copy has other roles.
    private readonly ConcurrentDictionary<string, Rights> _rights;

    private AccessTable() => _rights = new(StringComparer.Ordinal);

    private AccessTable(AccessTable other)
    {
        _rights = new(StringComparer.Ordinal);
        (IsOn, Roles, Users, Keys, JoinTokens) =
            (other.IsOn, other.Roles, other.Users, other.Keys, other.JoinTokens);
    }

    /// <summary>Nobody is known, and rights are not enforced.</summary>
    public static AccessTable Empty { get; } = new();

    /// <summary>The roles that every cluster has.</summary>
    public static IReadOnlyList<RoleRecord> BuiltIn { get; } =
    [
        new(AdminRole, [Grant.Everywhere(AccessActionNames.All)]),
        new("reader", [Grant.Everywhere(AccessActions.Read | AccessActions.Scan)]),
        new("writer", [Grant.Everywhere(
            AccessActions.Read | AccessActions.Scan | AccessActions.Write | AccessActions.Delete)]),
        new("observer", [Grant.Everywhere(AccessActions.Status)]),
    ];

    /// <summary>True if only those may do something who have a right to it.</summary>
    public bool IsOn { get; init; }

    /// <summary>The roles that were made, by name.</summary>
    public ImmutableSortedDictionary<string, RoleRecord> Roles { get; init; } =
        ImmutableSortedDictionary.Create<string, RoleRecord>(StringComparer.Ordinal);

    /// <summary>The users, by name.</summary>
    public ImmutableSortedDictionary<string, UserRecord> Users { get; init; } =
        ImmutableSortedDictionary.Create<string, UserRecord>(StringComparer.Ordinal);

    /// <summary>The API keys, by number.</summary>
    public ImmutableSortedDictionary<string, ApiKeyRecord> Keys { get; init; } =
        ImmutableSortedDictionary.Create<string, ApiKeyRecord>(StringComparer.Ordinal);

    /// <summary>The tokens by which new nodes get their certificates, by number.</summary>
    public ImmutableSortedDictionary<string, JoinTokenRecord> JoinTokens { get; init; } =
        ImmutableSortedDictionary.Create<string, JoinTokenRecord>(StringComparer.Ordinal);

    /// <summary>The role of this name, built in or made; null if there is none.</summary>
    public RoleRecord? RoleNamed(string name) =>
        BuiltIn.FirstOrDefault(role => role.Name == name) ?? Roles.GetValueOrDefault(name);

    /// <summary>What a user may do; nothing if there is none of this name.</summary>
    public Rights RightsOf(string user) => _rights.GetOrAdd(
        user,
        static (name, table) => table.Users.GetValueOrDefault(name) is { IsDisabled: false } known
            ? table.RightsOf(known.Roles) : Rights.None,
        this);

    /// <summary>What somebody with these roles may do; a role that does not exist gives nothing.</summary>
    public Rights RightsOf(IEnumerable<string> roles) =>
        new(roles.Distinct(StringComparer.Ordinal).Select(RoleNamed).OfType<RoleRecord>()
            .SelectMany(static role => role.Grants));

    /// <summary>True if somebody could still change users and roles once rights are enforced.</summary>
    public bool HasAdministrator =>
        Users.Values.Any(user => RightsOf(user.Name).Allow(AccessNeed.OfCluster(AccessActions.Security)));

    /// <summary>The same with another role of this name.</summary>
    public AccessTable With(RoleRecord role) => this with { Roles = Roles.SetItem(role.Name, role) };

    /// <summary>The same with another user of this name.</summary>
    public AccessTable With(UserRecord user) => this with { Users = Users.SetItem(user.Name, user) };

    /// <summary>The same with an API key more.</summary>
    public AccessTable With(ApiKeyRecord key) => this with { Keys = Keys.SetItem(key.Id, key) };

    /// <summary>The same with another join token of this number.</summary>
    public AccessTable With(JoinTokenRecord token) =>
        this with { JoinTokens = JoinTokens.SetItem(token.Id, token) };

    /// <summary>The same without a join token.</summary>
    public AccessTable WithoutJoinToken(string id) => this with { JoinTokens = JoinTokens.Remove(id) };

    /// <summary>The same without a role.</summary>
    public AccessTable WithoutRole(string name) => this with { Roles = Roles.Remove(name) };

    /// <summary>The same without a user, and without the keys of that user.</summary>
    public AccessTable WithoutUser(string name) => this with
    {
        Users = Users.Remove(name),
        Keys = Keys.RemoveRange(KeysOf(name).Select(static key => key.Id)),
    };

    /// <summary>The same without an API key.</summary>
    public AccessTable WithoutKey(string id) => this with { Keys = Keys.Remove(id) };

    /// <summary>The API keys of a user.</summary>
    public IEnumerable<ApiKeyRecord> KeysOf(string user) => Keys.Values.Where(key => key.User == user);
}
