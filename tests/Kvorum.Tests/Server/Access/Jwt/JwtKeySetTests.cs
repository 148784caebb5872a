using System.Text;
using Kvorum.Server.Access.Jwt;
using static Kvorum.Tests.Server.Access.Jwt.TokenIssuer;

namespace Kvorum.Tests.Server.Access.Jwt;

public class JwtKeySetTests
{
    private static readonly string One = Encoded([.. new byte[31], 1]);

    public static TheoryData<string, string> Unusable => new()
    {
        { "", "cannot be read as a JSON object" },
        { "<html>", "cannot be read as a JSON object" },
        { "[]", "it is a JSON Array" },
        { "{}", "it has no array 'keys'" },
        { """{"keys":{}}""", "it has no array 'keys'" },
        { """{"keys":[]}""", "it has no key that can be used" },
        { """{"keys":[],"keys":[]}""", "cannot be read" },
        { """{"keys":[1]}""", "key 1 is no object" },
        { Set(Key("a", Rsa), Key("a", OtherRsa)), "two keys are called 'a'" },
        { Set(Key("a", Rsa), Key("b", OtherRsa, ",\"d\":\"AQAB\"")), "key 2 is a private one" },
        { Set(Key("a", WeakRsa)), "it has no key that can be used; a: it has 1024 bits" },
        { Set("""{"kty":"RSA","kid":1}"""), "'kid' is no text" },
        { Set([.. Enumerable.Range(0, 101).Select(n => Key($"{n}", Rsa))]), "it has 101 keys" },
        { Set(Key("a", Rsa)) + new string(' ', JwtKeySet.BytesMax), "it has more than 262144 bytes" },
    };

    public static TheoryData<string, string> LeftOut => new()
    {
        { Key(null, Rsa), "it has no kid" },
        { Key("", Rsa), "it has no kid" },
        { Key("x", Rsa, ",\"use\":\"enc\""), "it is for another use, 'enc'" },
        { Key("x", Rsa, ",\"key_ops\":[\"encrypt\"]"), "its key_ops do not have 'verify'" },
        { Key("x", Rsa, ",\"key_ops\":\"verify\""), "its key_ops do not have 'verify'" },
        { Key("x", Rsa, ",\"alg\":\"RSA-OAEP\""), "it is for the algorithm 'RSA-OAEP'" },
        { Key("x", Rsa, ",\"alg\":\"ES256\""), "it is for the algorithm 'ES256'" },
        { Key("x", Rsa).Replace("AQAB", "AQ", StringComparison.Ordinal), "its exponent is not odd" },
        { Key("x", Rsa).Replace("AQAB", "AQAA", StringComparison.Ordinal), "its exponent is not odd" },
        { Key("x", Rsa).Replace("AQAB", "AAAAAAE", StringComparison.Ordinal), "its exponent is not odd" },
        { Key("x", Rsa).Replace("AQAB", "AQAAAAE", StringComparison.Ordinal), "its exponent is not odd" },
        { Key("x", Rsa).Replace("AQAB", "", StringComparison.Ordinal), "its 'e' is empty" },
        { Key("x", Rsa).Replace("AQAB", "A+A=", StringComparison.Ordinal), "its 'e' is not base64url" },
        { """{"kty":"RSA","kid":"x","e":"AQAB"}""", "it has no 'n'" },
        { """{"kty":"RSA","kid":"x","n":7,"e":"AQAB"}""", "its 'n' is no text" },
        { """{"kty":"oct","kid":"x","k":"c2VjcmV0"}""", "it is of the type 'oct'" },
        { """{"kty":"OKP","crv":"Ed25519","kid":"x","x":"AAAA"}""", "it is of the type 'OKP'" },
        { """{"kid":"x"}""", "it is of the type ''" },
        { Key("x", P256, "secp256k1"), "its curve is 'secp256k1'" },
        { Key("x", P256, "P-384"), "it is malformed" },
        { """{"kty":"EC","crv":"P-256","kid":"x","x":"AAAA","y":"AAAA"}""", "it is malformed" },
        {
            // Not on the curve.
            $$"""{"kty":"EC","crv":"P-256","kid":"x","x":"{{Encoded(new byte[32])}}","y":"{{One}}"}""",
            "it is malformed"
        },
    };

    [Theory]
    [MemberData(nameof(Unusable))]
    public void A_set_without_a_good_key_or_with_a_bad_secret_is_refused(string json, string why) =>
        Assert.Contains(
            why, Assert.Throws<FormatException>(() => Read(json)).Message, StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(LeftOut))]
    public void A_key_that_cannot_check_tokens_is_left_out(string key, string why)
    {
        var set = Read(Set(Key("good", OtherRsa), key));
        Assert.Equal("good", Assert.Single(set.Keys).Name);
        var (name, said) = Assert.Single(set.LeftOut);
        Assert.StartsWith(why, said, StringComparison.Ordinal);
        Assert.Contains(why, set.WhyNone(name), StringComparison.Ordinal);
        Assert.Null(set.Find(name));
    }

    [Fact]
    public void Keys_have_the_algorithms_of_their_type()
    {
        var set = Read(Keys);
        Assert.Equal(
            [
                "only-rs256: RS256", "p256: ES256", "p384: ES384", "p521: ES512",
                "rsa: RS256 RS384 RS512 PS256 PS384 PS512",
            ],
            set.Keys.Select(static key => $"{key.Name}: {string.Join(' ', key.Algorithms)}").Order(
                StringComparer.Ordinal));
        Assert.Equal("weak", Assert.Single(set.LeftOut).Key);
    }

    /// <summary>A certificate beside the numbers is not looked at.</summary>
    [Fact]
    public void What_is_beside_the_numbers_does_not_count()
    {
        var set = Read(Set(Key("a", Rsa, ",\"x5c\":[\"AAAA\"],\"x5u\":\"https://evil.example\",\"z\":{}")));
        Assert.Equal("a", Assert.Single(set.Keys).Name);
    }

    [Fact]
    public void A_large_RSA_key_is_left_out()
    {
        var numbers = Rsa.ExportParameters(false);
        byte[] large = [.. numbers.Modulus!, .. new byte[900], 1];
        var key = $$"""{"kty":"RSA","kid":"x","n":"{{Encoded(large)}}","e":"AQAB"}""";
        Assert.Contains(
            "9256 bits", Assert.Single(Read(Set(Key("good", Rsa), key)).LeftOut).Value,
            StringComparison.Ordinal);
    }

    private static JwtKeySet Read(string json) => JwtKeySet.Read(Encoding.UTF8.GetBytes(json));
}
