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

/// <summary>
/// What a new node shows once to get its certificate. Of the token itself only a hash is known, and the
/// certificate is sealed with a key that only the token has.
/// </summary>
/// <param name="Id">Its number, which is part of the token.</param>
/// <param name="Node">The node that the certificate names.</param>
/// <param name="ProofHash">SHA-256 of what a node shows that has the token.</param>
/// <param name="Sealed">Certificate, key and CAs, encrypted.</param>
/// <param name="CreatedMs">When it was made, in Unix milliseconds.</param>
/// <param name="ExpiresMs">From when on it is not accepted, in Unix milliseconds.</param>
public sealed record JoinTokenRecord(
    string Id, string Node, ReadOnlyMemory<byte> ProofHash, ReadOnlyMemory<byte> Sealed, ulong CreatedMs,
    ulong ExpiresMs)
{
    /// <summary>
    /// Who has used it: what that node has drawn, so that it may ask again for an answer that was lost.
    /// Empty: nobody yet.
    /// </summary>
    public ReadOnlyMemory<byte> Claimant { get; init; }

    /// <summary>True once a node has used it.</summary>
    public bool IsUsed => !Claimant.IsEmpty;
}
