using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;

namespace Kvorum.Server.Access.Jwt;

/// <summary>
/// What a token says of itself, read strictly and not believed yet: a signed one in the compact form
/// (RFC 7515, 7.1). Of the header only the algorithm and the key's name count, never a key, a certificate
/// or an address of one.
/// </summary>
internal sealed record JwtToken
{
    /// <summary>
    /// Greatest length: it comes with each request, and Kestrel's headers have 32 KiB in all.
    /// </summary>
    public const int LengthMax = 8 << 10;

    /// <summary>Greatest length of a key's name: issuers use hashes and UUIDs.</summary>
    public const int KeyNameMax = 256;

    /// <summary>Greatest length of a name, as that of a certificate's holder has its own.</summary>
    public const int NameMax = 128;

    /// <summary>Greatest length of a role's name.</summary>
    public const int RoleMax = 128;

    /// <summary>Greatest number of roles: the claim of a person of many groups.</summary>
    public const int RolesMax = 128;

    private static readonly SearchValues<char> Letters = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    // Of other kinds (logout+jwt, dpop+jwt and so on) are tokens of the same issuer that open nothing
    // (RFC 8725, 3.11).
    private static readonly string[] Types = ["JWT", "at+jwt", "application/jwt", "application/at+jwt"];

    // Each changes what the signature means or how it is checked: crit (RFC 7515, 4.1.11), b64 (RFC 7797),
    // enc and zip (RFC 7516).
    private static readonly string[] NotUnderstood = ["crit", "b64", "enc", "zip"];

    public required string Algorithm { get; init; }

    public required string KeyName { get; init; }

    public required string Issuer { get; init; }

    public required IReadOnlyList<string> Audiences { get; init; }

    public required DateTimeOffset Expires { get; init; }

    public DateTimeOffset? NotBefore { get; init; }

    public DateTimeOffset? IssuedAt { get; init; }

    public required string Name { get; init; }

    public required IReadOnlyList<string> Roles { get; init; }

    /// <summary>Why it cannot be a token, by its length and letters; null if it may be one.</summary>
    public static string? WhyNone(string token) => token.Length switch
    {
        0 => "it is empty",
        > LengthMax => $"it has {token.Length} characters, more than {LengthMax}",
        _ => token.AsSpan().ContainsAnyExcept(Letters) ? "it holds letters that are not base64url" : null,
    };

    /// <summary>What it says; <see cref="FormatException"/> says what is wrong with it.</summary>
    public static JwtToken Read(string token, JwtOptions options)
    {
        var count = token.AsSpan().Count('.') + 1;
        if (count != 3)
            throw new FormatException($"it has {count} parts, and a signed token has 3");
        var parts = token.Split('.');
        if (Array.Exists(parts, static part => part.Length == 0))
            throw new FormatException("one of its parts is empty");
        var header = StrictJson.Object(Base64Url.DecodeFromChars(parts[0]), "its header");
        var claims = StrictJson.Object(Base64Url.DecodeFromChars(parts[1]), "its payload");
        foreach (var name in NotUnderstood)
        {
            if (header.TryGetProperty(name, out _))
                throw new FormatException($"its header has '{name}', which is not understood");
        }

        if (StrictJson.Text(header, "typ", "its header's") is { } type
            && !Types.Contains(type, StringComparer.OrdinalIgnoreCase))
            throw new FormatException($"it is of the type {PlainText.Quoted(type)}, which opens nothing");
        return new()
        {
            Algorithm = Needed(header, "alg", "its header"),
            KeyName = Bounded(Needed(header, "kid", "its header"), KeyNameMax, "the kid of its header"),
            Issuer = Needed(claims, "iss", "its payload"),
            Audiences = Texts(claims, "aud", isSpaced: false),
            Expires = StrictJson.Time(claims, "exp", "its")
                ?? throw new FormatException("its payload has no 'exp'"),
            NotBefore = StrictJson.Time(claims, "nbf", "its"),
            IssuedAt = StrictJson.Time(claims, "iat", "its"),
            Name = Plain(
                Needed(claims, options.NameClaim, "its payload"), NameMax,
                $"its name ({PlainText.Quoted(options.NameClaim)})"),
            Roles = RolesOf(claims, options.RolesClaim),
        };
    }

    /// <summary>Why it is not for this cluster, or not for this time; null if it is.</summary>
    public string? WhyNot(JwtOptions options, DateTimeOffset now)
    {
        if (Issuer != options.Issuer)
            return $"its issuer is {PlainText.Quoted(Issuer)}";
        if (!Audiences.Contains(options.Audience, StringComparer.Ordinal))
            return $"it is for {string.Join(", ", Audiences.Take(3).Select(PlainText.Quoted))}";
        if (now - options.ClockSkew >= Expires)
            return $"it has expired at {Expires:u}";
        if (now + options.ClockSkew < NotBefore)
            return $"it is not valid before {NotBefore:u}";
        return now + options.ClockSkew < IssuedAt ? $"it was made in the future, at {IssuedAt:u}" : null;
    }

    private static string Needed(JsonElement from, string name, string what) =>
        StrictJson.Text(from, name, $"{what}'s") is { Length: > 0 } text ? text
            : throw new FormatException($"{what} has no {PlainText.Quoted(name)}");

    private static string Bounded(string text, int most, string what) => text.Length <= most ? text
        : throw new FormatException($"{what} has {text.Length} characters, more than {most}");

    private static string Plain(string text, int most, string what) =>
        PlainText.Is(Bounded(text, most, what)) ? text
            : throw new FormatException(
                $"{what} is {PlainText.Quoted(text)}, with characters that are no name's");

    private static string[] RolesOf(JsonElement claims, string claim)
    {
        if (!claims.TryGetProperty(claim, out _))
            return [];
        string[] roles = [.. Texts(claims, claim, isSpaced: true).Distinct(StringComparer.Ordinal)];
        if (roles.Length > RolesMax)
            throw new FormatException($"it has {roles.Length} roles, more than {RolesMax}");
        foreach (var role in roles)
            Plain(role, RoleMax, "one of its roles");
        return roles;
    }

    // One text, or an array of them.
    private static string[] Texts(JsonElement claims, string claim, bool isSpaced)
    {
        var what = $"its {PlainText.Quoted(claim)}";
        if (!claims.TryGetProperty(claim, out var value))
            throw new FormatException($"its payload has no {PlainText.Quoted(claim)}");
        if (value.ValueKind == JsonValueKind.Array)
            return [.. value.EnumerateArray().Select(one => StrictJson.Text(one, $"an entry of {what}"))];
        var text = StrictJson.Text(value, what);
        return isSpaced ? text.Split(' ', StringSplitOptions.RemoveEmptyEntries) : [text];
    }
}
