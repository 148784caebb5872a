using System.ComponentModel;
using System.Text.Json.Serialization;
using Kvorum.Node.Access;

namespace Kvorum.Node.Administration;

/// <summary>Who asks, and with which rights. The asked node answers.</summary>
public sealed record ShowIdentity : AdminQuestion
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override AccessNeed Need => AccessNeed.Known;
}

/// <summary>Users, roles and API keys.</summary>
public sealed record ShowAccess : AdminQuestion
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override AccessNeed Need => AccessNeed.OfCluster(AccessActions.Security);
}

/// <summary>A change of users, roles or API keys, or of whether rights are enforced.</summary>
public abstract record AccessChange : AdminChange
{
    private protected AccessChange()
    {
    }

    /// <summary>
    /// True to do it even where nobody could change users and roles any more, or where somebody still has
    /// what is dropped.
    /// </summary>
    public bool Force { get; init; }

    /// <inheritdoc/>
    [JsonIgnore]
    public sealed override AccessNeed Need => AccessNeed.OfCluster(AccessActions.Security);
}

/// <summary>A right of a role.</summary>
/// <param name="Keyspace">The keyspace; "*" for every one.</param>
/// <param name="Actions">Names of actions, as <see cref="AccessActionNames"/> has them.</param>
/// <param name="Prefix">What the keys begin with, in JSON as base64; null for all keys.</param>
public sealed record GrantSpec(
    [property: Description("The keyspace; * for every one.")] string Keyspace,
    [property: Description("read, write, delete, scan, status, admin, security.")]
    IReadOnlyList<string> Actions,
    [property: Description("What the keys begin with; absent for all keys.")] byte[]? Prefix = null);

/// <summary>A role with these rights; one of this name gets them in place of what it had.</summary>
/// <param name="Role">Its name.</param>
/// <param name="Grants">Its rights.</param>
public sealed record SetRole(string Role, IReadOnlyList<GrantSpec> Grants) : AccessChange;

/// <summary>The end of a role.</summary>
/// <param name="Role">Its name.</param>
public sealed record DropRole(string Role) : AccessChange;

/// <summary>A new user.</summary>
/// <param name="User">The name; a client certificate of this name is the user's.</param>
/// <param name="Roles">Names of roles.</param>
public sealed record CreateUser(string User, IReadOnlyList<string> Roles) : AccessChange;

/// <summary>Other roles of a user, or none at all for a time.</summary>
/// <param name="User">The name.</param>
public sealed record AlterUser(string User) : AccessChange
{
    /// <summary>Roles that the user gets.</summary>
    // The JSON reader sets what is left out to null, here and below.
    public IReadOnlyList<string> Grant { get; init => field = value ?? []; } = [];

    /// <summary>Roles that the user loses.</summary>
    public IReadOnlyList<string> Revoke { get; init => field = value ?? []; } = [];

    /// <summary>True: no rights until it is false again; null: as it is.</summary>
    public bool? Disabled { get; init; }
}

/// <summary>The end of a user and of all keys of that user.</summary>
/// <param name="User">The name.</param>
public sealed record DropUser(string User) : AccessChange;

/// <summary>
/// A new API key of a user. The node that is asked draws the key, unless it is given a hash of one; only the
/// hash is kept.
/// </summary>
/// <param name="User">The name.</param>
public sealed record CreateApiKey(string User) : AccessChange
{
    /// <summary>Its number, 16 hexadecimal digits; empty to be drawn.</summary>
    public string Id { get; init => field = value ?? ""; } = "";

    /// <summary>SHA-256 of the key, in JSON as base64; empty for one that is drawn.</summary>
    public byte[] Hash { get; init => field = value ?? []; } = [];

    /// <summary>From when on it is not accepted, in Unix milliseconds; null: never.</summary>
    public ulong? ExpiresMs { get; init; }
}

/// <summary>The end of an API key.</summary>
/// <param name="Id">Its number.</param>
public sealed record RevokeApiKey(string Id) : AccessChange;

/// <summary>Whether rights are enforced: without it, whoever is let in may do everything.</summary>
/// <param name="On">True: they are.</param>
public sealed record EnforceRights(bool On) : AccessChange;

/// <summary>
/// A token by which a new node gets its certificate, once. Whoever makes it has the CA: what the cluster is
/// given can be opened by nobody but the node.
/// </summary>
/// <param name="Id">Its number, 16 hexadecimal digits.</param>
/// <param name="Node">The node that the certificate names.</param>
public sealed record CreateJoinToken(string Id, string Node) : AccessChange
{
    /// <summary>SHA-256 of what a node shows that has the token, in JSON as base64.</summary>
    public byte[] ProofHash { get; init => field = value ?? []; } = [];

    /// <summary>Certificate, key and CAs, encrypted, in JSON as base64.</summary>
    public byte[] Sealed { get; init => field = value ?? []; } = [];

    /// <summary>From when on it is not accepted, in Unix milliseconds.</summary>
    public ulong ExpiresMs { get; init; }
}

/// <summary>The end of a join token.</summary>
/// <param name="Id">Its number.</param>
public sealed record RevokeJoinToken(string Id) : AccessChange
{
    /// <summary>True because its node has its certificate: members ask for that.</summary>
    public bool IsUsed { get; init; }
}

/// <summary>A node shows a join token: a member asks it for the node.</summary>
/// <param name="Id">Its number.</param>
public sealed record UseJoinToken(string Id) : AccessChange
{
    /// <summary>What proves that the node has the token, in JSON as base64.</summary>
    public byte[] Proof { get; init => field = value ?? []; } = [];

    /// <summary>What the node has drawn, so that it alone may ask again, in JSON as base64.</summary>
    public byte[] Claimant { get; init => field = value ?? []; } = [];
}

/// <summary>
/// A node has an order of <c>kvorum user recover</c> in its data folder. It is done once a majority of those
/// that vote in the metadata group have said so.
/// </summary>
/// <param name="Order">The order.</param>
/// <param name="ClusterId">The cluster that it is for.</param>
public sealed record ConfirmAccess(Guid Order, Guid ClusterId) : AccessChange
{
    /// <summary>The user who becomes an administrator; empty for none.</summary>
    public string User { get; init => field = value ?? ""; } = "";

    /// <summary>The number of the user's new API key.</summary>
    public string KeyId { get; init => field = value ?? ""; } = "";

    /// <summary>SHA-256 of that key, in JSON as base64.</summary>
    public byte[] KeyHash { get; init => field = value ?? []; } = [];

    /// <summary>True if rights are not to be enforced any more.</summary>
    public bool RightsOff { get; init; }

    /// <summary>From when on it is not done any more, in Unix milliseconds.</summary>
    public ulong ExpiresMs { get; init; }
}
