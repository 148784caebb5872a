using System.Security.Cryptography;
using Kvorum.Node.Access;
using Kvorum.Server.Certificates;

namespace Kvorum.Server.Access;

/// <summary>
/// Who asks, by what was shown. What that is worth depends on the users and keys that there are at the
/// moment, see <see cref="StandingIn"/>. Immutable.
/// </summary>
internal abstract record Caller
{
    private Caller(IdentityMeans means) => Means = means;

    /// <summary>By which means it is known.</summary>
    public IdentityMeans Means { get; }

    /// <summary>What it may do by that table, at that time in Unix milliseconds.</summary>
    public abstract CallerStanding StandingIn(AccessTable table, ulong nowMs);

    /// <summary>Somebody who has shown nothing but the connection.</summary>
    public static Caller OfConnection(ConnectionIdentity identity) => identity.Name switch
    {
        null => new Unknown(
            identity.Means, "rights are enforced: show an API key or another token, or a client certificate"),
        { Role: CertificateRole.Node } node => new Unknown(
            identity.Means, $"the certificate is of node '{node.Name}': a node is no user"),
        var client => new Certified(client.Name),
    };

    /// <summary>Nobody: what was shown is worth nothing.</summary>
    public sealed record Unknown(IdentityMeans By, string Why) : Caller(By)
    {
        /// <summary>The reason for the log, where it is not for the one who asks.</summary>
        public string? ForLog { get; init; }

        public override CallerStanding StandingIn(AccessTable table, ulong nowMs) =>
            CallerStanding.None(Why);
    }

    /// <summary>Known by a client certificate.</summary>
    public sealed record Certified(string User) : Caller(IdentityMeans.Certificate)
    {
        public override CallerStanding StandingIn(AccessTable table, ulong nowMs) =>
            CallerStanding.OfUser(
                table, User, $"there is no user '{User}', which the certificate names, or it is disabled");
    }

    /// <summary>Known by an API key.</summary>
    public sealed record Keyed(string Id, ReadOnlyMemory<byte> Hash) : Caller(IdentityMeans.ApiKey)
    {
        public override CallerStanding StandingIn(AccessTable table, ulong nowMs)
        {
            if (table.Keys.GetValueOrDefault(Id) is not { } key
                || !CryptographicOperations.FixedTimeEquals(key.Hash.Span, Hash.Span)
                || (key.ExpiresMs != 0 && key.ExpiresMs <= nowMs)
                || table.Users.GetValueOrDefault(key.User) is not { IsDisabled: false })
            {
                // All that may be wrong with it sounds the same: a stranger learns no numbers of keys.
                return CallerStanding.None(
                    "the API key is not accepted: it is none, was revoked, or has expired");
            }

            return new(table.RightsOf(key.User), "", key.ExpiresMs == 0 ? ulong.MaxValue : key.ExpiresMs,
                key.User);
        }
    }

    /// <summary>Known by a signed token, which names its roles.</summary>
    public sealed record Signed(string Subject, IReadOnlyList<string> Roles, ulong ExpiresMs)
        : Caller(IdentityMeans.Jwt)
    {
        public override CallerStanding StandingIn(AccessTable table, ulong nowMs) => nowMs < ExpiresMs
            ? new(table.RightsOf(Roles), "", ExpiresMs, Subject)
            : CallerStanding.None("the token has expired");
    }
}
