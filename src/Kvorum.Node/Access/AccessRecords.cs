namespace Kvorum.Node.Access;

/// <summary>A role: a name for some rights.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Grants">Its rights.</param>
public sealed record RoleRecord(string Name, IReadOnlyList<Grant> Grants);

/// <summary>Somebody who is known by a certificate of that name, or by an API key.</summary>
/// <param name="Name">The name.</param>
/// <param name="Roles">The names of the roles that the user has.</param>
/// <param name="IsDisabled">True while the user has no rights, whatever the roles.</param>
public sealed record UserRecord(string Name, IReadOnlyList<string> Roles, bool IsDisabled);

/// <summary>An API key of a user. Of the key itself only a hash is known.</summary>
/// <param name="Id">Its number, which is part of the key.</param>
/// <param name="User">The user.</param>
/// <param name="Hash">SHA-256 of the whole key.</param>
/// <param name="CreatedMs">When it was made, in Unix milliseconds.</param>
/// <param name="ExpiresMs">From when on it is not accepted, in Unix milliseconds; 0: never.</param>
public sealed record ApiKeyRecord(
    string Id, string User, ReadOnlyMemory<byte> Hash, ulong CreatedMs, ulong ExpiresMs);
