using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Kvorum.Tests.Server.Access.Jwt;

/// <summary>Makes keys and tokens, good and bad ones, with the runtime's cryptography alone.</summary>
internal static class TokenIssuer
{
    public const string Issuer = "https://issuer.example";
    public const string Audience = "kvorum";

    /// <summary>When tokens are made. No clock of a machine shows it.</summary>
    public static readonly DateTimeOffset Now = new(2041, 5, 6, 7, 8, 9, TimeSpan.Zero);

    public static readonly RSA Rsa = RSA.Create(2048);
    public static readonly RSA OtherRsa = RSA.Create(2048);
    public static readonly RSA WeakRsa = RSA.Create(1024);
    public static readonly ECDsa P256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    public static readonly ECDsa P384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
    public static readonly ECDsa P521 = ECDsa.Create(ECCurve.NamedCurves.nistP521);

    /// <summary>A set of keys with one of each kind.</summary>
    public static string Keys { get; } = Set(
        Key("rsa", Rsa), Key("only-rs256", OtherRsa, ",\"alg\":\"RS256\""), Key("weak", WeakRsa),
        Key("p256", P256, "P-256"), Key("p384", P384, "P-384"), Key("p521", P521, "P-521"));

    public static string Set(params string[] keys) => $$"""{"keys":[{{string.Join(',', keys)}}]}""";

    public static string Key(string? kid, RSA rsa, string more = ",\"use\":\"sig\"")
    {
        var numbers = rsa.ExportParameters(false);
        var name = kid is null ? "" : $",\"kid\":{Text(kid)}";
        return $$"""{"kty":"RSA"{{name}},"n":"{{Encoded(numbers.Modulus!)}}","e":"AQAB"{{more}}}""";
    }

    public static string Key(string kid, ECDsa key, string curve)
    {
        var point = key.ExportParameters(false).Q;
        var (x, y) = (Encoded(point.X!), Encoded(point.Y!));
        return $$"""{"kty":"EC","crv":"{{curve}}","kid":{{Text(kid)}},"x":"{{x}}","y":"{{y}}"}""";
    }

    public static string Header(string algorithm = "RS256", string? kid = "rsa", string more = "") =>
        $$"""{"alg":{{Text(algorithm)}}{{(kid is null ? "" : $",\"kid\":{Text(kid)}")}}{{more}}}""";

    /// <summary>The claims of a good token, with others in their place; null leaves one out.</summary>
    public static string Claims(params (string Name, string? Json)[] others)
    {
        Dictionary<string, string?> claims = new()
        {
            ["iss"] = Text(Issuer),
            ["aud"] = Text(Audience),
            ["sub"] = "\"shop\"",
            ["roles"] = """["writer","reader"]""",
            ["iat"] = At(0),
            ["exp"] = At(600),
        };
        foreach (var (name, json) in others)
            claims[name] = json;
        return $"{{{string.Join(',', claims.Where(static claim => claim.Value is not null).Select(
            static claim => $"{Text(claim.Key)}:{claim.Value}"))}}}";
    }

    /// <summary>A token signed as its header should say.</summary>
    public static string Token(string header, string claims, string algorithm = "RS256") =>
        Token(header, claims, signed => Sign(algorithm, signed));

    public static string Token(string header, string claims, Func<byte[], byte[]> sign) =>
        Token(Encoding.UTF8.GetBytes(header), Encoding.UTF8.GetBytes(claims), sign);

    public static string Token(byte[] header, byte[] claims, Func<byte[], byte[]> sign)
    {
        var signed = $"{Encoded(header)}.{Encoded(claims)}";
        return $"{signed}.{Encoded(sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    /// <summary>A good token, but for the claims.</summary>
    public static string Good(params (string Name, string? Json)[] others) => Token(Header(), Claims(others));

    public static byte[] Sign(string algorithm, byte[] signed)
    {
        var hash = new HashAlgorithmName($"SHA{algorithm[2..]}");
        return algorithm switch
        {
            ['R', ..] => Rsa.SignData(signed, hash, RSASignaturePadding.Pkcs1),
            ['P', ..] => Rsa.SignData(signed, hash, RSASignaturePadding.Pss),
            "ES256" => P256.SignData(signed, hash),
            "ES384" => P384.SignData(signed, hash),
            _ => P521.SignData(signed, hash),
        };
    }

    public static string At(double secondsFromNow) => string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"{Now.ToUnixTimeSeconds() + secondsFromNow}");

    public static string Encoded(byte[] bytes) => Base64Url.EncodeToString(bytes);

    public static string Text(string text) => JsonSerializer.Serialize(text);
}
