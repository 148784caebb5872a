using System.Net;

namespace Kvorum.Server.Access.Jwt;

/// <summary>What a JSON Web Token must be to be accepted. The flags' names begin with <c>--jwt</c>.</summary>
internal sealed record JwtOptions
{
    /// <summary>Algorithms that can be allowed, all of them with a public key (RFC 7518, 3.1).</summary>
    public static readonly IReadOnlyList<string> AlgorithmsKnown =
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];

    /// <summary>--jwt-algorithms, if nothing else is said.</summary>
    public const string AlgorithmsDefault = "RS256,PS256,ES256";

    /// <summary>--jwt-clock-skew, if nothing else is said.</summary>
    public static readonly TimeSpan ClockSkewDefault = TimeSpan.FromSeconds(60);

    /// <summary>Greatest --jwt-clock-skew: a token that has expired is accepted for so long.</summary>
    public static readonly TimeSpan ClockSkewMax = TimeSpan.FromMinutes(5);

    /// <summary>--jwt-name-claim, if nothing else is said.</summary>
    public const string NameClaimDefault = "sub";

    /// <summary>--jwt-roles-claim, if nothing else is said.</summary>
    public const string RolesClaimDefault = "roles";

    /// <summary>Who must have made the token: its <c>iss</c>, letter by letter.</summary>
    public required string Issuer { get; init; }

    /// <summary>For whom it must be: one of its <c>aud</c>, letter by letter.</summary>
    public required string Audience { get; init; }

    /// <summary>Where the public keys are: a JWKS file (RFC 7517), or the URL of one.</summary>
    public required string Keys { get; init; }

    /// <summary>Algorithms of signatures that are accepted.</summary>
    public IReadOnlyList<string> Algorithms { get; init; } = AlgorithmsDefault.Split(',');

    /// <summary>By how much the clocks of the issuer and this node may differ.</summary>
    public TimeSpan ClockSkew { get; init; } = ClockSkewDefault;

    /// <summary>The claim that is the name.</summary>
    public string NameClaim { get; init; } = NameClaimDefault;

    /// <summary>The claim that lists the roles.</summary>
    public string RolesClaim { get; init; } = RolesClaimDefault;

    /// <summary>True if the keys are at a URL, not in a file.</summary>
    public static bool IsUrl(string keys) => keys.Contains("://", StringComparison.Ordinal);

    /// <summary>
    /// The URL of keys; null if keys are not fetched from there: plain HTTP is for this machine only, and a
    /// password would be in logs.
    /// </summary>
    public static Uri? UrlOf(string keys) =>
        Uri.TryCreate(keys, UriKind.Absolute, out var url) && url.UserInfo.Length == 0
        && url.Fragment.Length == 0 && url.Host.Length > 0
        && (url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && IsLoopback(url)))
            ? url : null;

    /// <summary>True if the URL leads to this machine.</summary>
    public static bool IsLoopback(Uri url) => url.IdnHost == "localhost"
        || (IPAddress.TryParse(url.IdnHost, out var ip) && IPAddress.IsLoopback(ip));
}
