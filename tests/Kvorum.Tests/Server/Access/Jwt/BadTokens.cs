using System.Security.Cryptography;
using System.Text;
using static Kvorum.Tests.Server.Access.Jwt.TokenIssuer;

namespace Kvorum.Tests.Server.Access.Jwt;

/// <summary>
/// Tokens that must not be accepted, each with one fault, and what the log says of it. Where the fault is
/// not the signature, the signature is good.
/// </summary>
internal static class BadTokens
{
    public static IReadOnlyDictionary<string, (string Token, string Why)> All { get; } =
        new[] { Signatures(), KeyNames(), Headers(), Times(), Parties(), Names(), Shapes() }
            .SelectMany(static one => one).ToDictionary(
                static one => one.Title, static one => (one.Token, one.Why));

    private static IEnumerable<(string Title, string Token, string Why)> Signatures()
    {
        foreach (var none in new[] { "none", "None", "NONE", "nOnE", "none ", "" })
        {
            var title = $"alg '{none}'";
            yield return ($"{title}, no signature", Token(Header(none), Claims(), static _ => []), "empty");
            yield return ($"{title}, a signature", Token(Header(none), Claims()),
                none.Length == 0 ? "its header has no 'alg'" : $"its algorithm '{none}' is not allowed");
        }

        foreach (var (what, secret) in new[]
        {
            ("PEM", Encoding.ASCII.GetBytes(Rsa.ExportSubjectPublicKeyInfoPem())),
            ("DER", Rsa.ExportSubjectPublicKeyInfo()), ("modulus", Rsa.ExportParameters(false).Modulus!),
        })
        {
            yield return ($"HS256 with the public key as {what}",
                Token(Header("HS256"), Claims(), signed => HMACSHA256.HashData(secret, signed)),
                "its algorithm 'HS256' is not allowed");
        }

        const string wrong = "its signature is not one by its key 'rsa'";
        yield return ("another key's signature", Token(Header(), Claims(), static signed => OtherRsa.SignData(
            signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)), wrong);
        yield return ("another hash", Token(Header(), Claims(), "RS512"), wrong);
        yield return ("other padding", Token(Header("PS256"), Claims(), "RS256"), wrong);
        yield return ("a signature of other claims", Token(Header(), Claims(("sub", "\"admin\"")), static _ =>
            Sign("RS256", Encoding.ASCII.GetBytes(Good()[..Good().LastIndexOf('.')]))), wrong);
        yield return ("ES256 by an RSA key's name", Token(Header("ES256"), Claims(), "ES256"),
            "its algorithm ES256 is not one of its key 'rsa'");
        yield return ("RS256 by an EC key's name", Token(Header("RS256", "p256"), Claims()),
            "its algorithm RS256 is not one of its key 'p256'");
        yield return ("ES256 by a P-384 key", Token(Header("ES256", "p384"), Claims(), static signed =>
            P384.SignData(signed, HashAlgorithmName.SHA256)), "is not one of its key 'p384'");
        yield return ("ES256 of zeros", Token(Header("ES256", "p256"), Claims(), static _ => new byte[64]),
            "its signature is not one by its key 'p256'");
        yield return ("ES256 as DER", Token(Header("ES256", "p256"), Claims(), static signed => P256.SignData(
            signed, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)),
            "its signature is not one by its key 'p256'");
        yield return ("an algorithm that is not allowed", Token(Header("RS384"), Claims(), "RS384"),
            "its algorithm 'RS384' is not allowed");
        yield return ("an algorithm that the key is not for", Token(
            Header("PS256", "only-rs256"), Claims(), static signed => OtherRsa.SignData(
                signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pss)),
            "its algorithm PS256 is not one of its key 'only-rs256'");
        yield return ("a weak key", Token(
            Header("RS256", "weak"), Claims(), static signed => WeakRsa.SignData(
                signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)),
            "its key 'weak' is not used: it has 1024 bits");
    }

    private static IEnumerable<(string Title, string Token, string Why)> KeyNames()
    {
        foreach (var (kid, shown) in new[]
        {
            ("RSA", "RSA"), ("rsa ", "rsa "), ("../../../dev/null", "../../../dev/null"),
            ("' OR 1=1 --", "' OR 1=1 --"), ("rsa\nforged line", "rsa?forged line"),
            ("key 3", "key 3"), ("https://evil.example/k", "https://evil.example/k"),
        })
            yield return ($"kid {Text(kid)}", Token(Header(kid: kid), Claims()), $"key is called '{shown}'");
        yield return ("no kid", Token(Header(kid: null), Claims()), "its header has no 'kid'");
        yield return ("empty kid", Token(Header(kid: ""), Claims()), "its header has no 'kid'");
        yield return ("long kid", Token(Header(kid: new('k', 257)), Claims()), "more than 256");
        yield return ("kid that is a number", Token("""{"alg":"RS256","kid":1}""", Claims()),
            "its header's 'kid' is no text");
    }

    private static IEnumerable<(string Title, string Token, string Why)> Headers()
    {
        static byte[] Stranger(byte[] signed) =>
            OtherRsa.SignData(signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var own = Key("rsa", OtherRsa);
        var certificate = new System.Security.Cryptography.X509Certificates.CertificateRequest(
            "CN=evil", OtherRsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow + TimeSpan.FromDays(1)).RawData;
        foreach (var (title, more) in new[]
        {
            ("jwk", $",\"jwk\":{own}"), ("jku", ",\"jku\":\"https://evil.example/jwks.json\""),
            ("x5u", ",\"x5u\":\"https://evil.example/x.pem\""),
            ("x5c", $",\"x5c\":[\"{Convert.ToBase64String(certificate)}\"]"),
        })
        {
            yield return ($"a key of its own, {title}, by a known name", Token(
                Header(more: more), Claims(), Stranger), "its signature is not one by its key 'rsa'");
            yield return ($"a key of its own, {title}, by a new name", Token(
                Header(kid: "mine", more: more), Claims(), Stranger), "no key is called 'mine'");
        }

        foreach (var (name, json) in new[]
        {
            ("crit", """["exp"]"""), ("crit", "[]"), ("b64", "false"), ("enc", "\"A128GCM\""),
            ("zip", "\"DEF\""),
        })
            yield return ($"{name} {json}", Token(Header(more: $",\"{name}\":{json}"), Claims()),
                $"its header has '{name}', which is not understood");
        foreach (var type in new[] { "logout+jwt", "dpop+jwt", "JWE", "" })
            yield return ($"typ '{type}'", Token(Header(more: $",\"typ\":\"{type}\""), Claims()),
                $"it is of the type '{type}'");
        yield return ("alg missing", Token("""{"kid":"rsa"}""", Claims()), "its header has no 'alg'");
        yield return ("alg a number", Token("""{"alg":256,"kid":"rsa"}""", Claims()), "'alg' is no text");
        yield return ("alg an array", Token("""{"alg":["RS256"],"kid":"rsa"}""", Claims()), "is no text");
        yield return ("two algs", Token("""{"alg":"none","alg":"RS256","kid":"rsa"}""", Claims()),
            "its header cannot be read");
        yield return ("two algs, one escaped", Token(
            """{"alg":"none","\u0061lg":"RS256","kid":"rsa"}""", Claims()), "its header cannot be read");
    }

    private static IEnumerable<(string Title, string Token, string Why)> Times()
    {
        yield return ("expired", Good(("exp", At(-61))), "it has expired at 2041-05-06 07:07:08Z");
        yield return ("expired just now", Good(("exp", At(-60))), "it has expired at");
        yield return ("expired in 1970", Good(("exp", "0")), "it has expired at 1970-01-01 00:00:00Z");
        yield return ("not valid yet", Good(("nbf", At(61))), "it is not valid before 2041-05-06 07:09:10Z");
        yield return ("made in the future", Good(("iat", At(61))), "it was made in the future");
        yield return ("no exp", Good(("exp", null)), "its payload has no 'exp'");
        foreach (var claim in new[] { "exp", "nbf", "iat" })
        {
            foreach (var time in new[]
            {
                $"\"{At(600)}\"", "null", "true", "[]", "-1", "1e300", "253402300800", "9223372036854775808",
            })
                yield return ($"{claim} {time}", Good((claim, time)), $"its '{claim}' is no time");
        }

        yield return ("two exps", Token(Header(), Claims()[..^1] + $",\"exp\":{At(900)}}}"),
            "its payload cannot be read");
    }

    private static IEnumerable<(string Title, string Token, string Why)> Parties()
    {
        foreach (var issuer in new[] { "https://evil.example", Issuer + "/", Issuer.ToUpperInvariant(), "*" })
            yield return ($"iss {issuer}", Good(("iss", Text(issuer))), $"its issuer is '{issuer}'");
        yield return ("no iss", Good(("iss", null)), "its payload has no 'iss'");
        yield return ("iss an array", Good(("iss", $"[{Text(Issuer)}]")), "its payload's 'iss' is no text");
        foreach (var audience in new[] { "other", Audience + "/", "Kvorum", "kvorum other" })
            yield return ($"aud {audience}", Good(("aud", Text(audience))), $"it is for '{audience}'");
        yield return ("no aud", Good(("aud", null)), "its payload has no 'aud'");
        yield return ("empty aud", Good(("aud", "[]")), "it is for ");
        yield return ("aud of others", Good(("aud", """["a","b"]""")), "it is for 'a', 'b'");
        yield return ("aud with a number", Good(("aud", """["kvorum",1]""")), "of its 'aud' is no text");
        yield return ("aud an object", Good(("aud", """{"kvorum":1}""")), "its 'aud' is no text");
        yield return ("two auds", Token(Header(), Claims()[..^1] + ",\"aud\":\"x\"}"), "cannot be read");
    }

    private static IEnumerable<(string Title, string Token, string Why)> Names()
    {
        yield return ("jti a number", Good(("jti", "1")), "one of its registered claims is not as RFC 7519");
        yield return ("no sub", Good(("sub", null)), "its payload has no 'sub'");
        foreach (var (json, why) in new[]
        {
            ("\"\"", "its payload has no 'sub'"), ("7", "'sub' is no text"), ("null", "'sub' is no text"),
            (Text(new('n', 129)), "more than 128"), (@"""a\nb""", "is 'a?b', with characters"),
            (@"""a\u0000""", "with characters"), (@"""a\u007f""", "with characters"),
            (@"""a\u0085b""", "with characters"), (@"""a\u2028b""", "with characters"),
            (@"""a\u202eb""", "with characters"), (@"""a\u200bb""", "with characters"),
            (@"""a\ue000""", "with characters"), ("\" a\"", "with characters"), ("\"a \"", "with characters"),
            ("\" \"", "with characters"), (@"""a\ud800""", "'sub' is no text"),
        })
            yield return ($"sub {json}", Good(("sub", json)), why);
        yield return ("two subs", Token(Header(), """{"sub":"admin",""" + Claims()[1..]), "cannot be read");
        foreach (var (json, why) in new[]
        {
            ("7", "its 'roles' is no text"), ("null", "is no text"), ("true", "is no text"),
            ("""{"admin":true}""", "its 'roles' is no text"),
            ("""["admin",7]""", "an entry of its 'roles' is no text"),
            ("""["admin",null]""", "an entry of its 'roles' is no text"),
            ("""[["admin"]]""", "an entry of its 'roles' is no text"),
            ("""["admin",""]""", "one of its roles is ''"), (@"""a\nb""", "one of its roles is 'a?b'"),
            (@"[""a\tb""]", "one of its roles is 'a?b'"), (Text(new('r', 129)), "more than 128"),
            ($"[{string.Join(',', Enumerable.Range(0, 129).Select(n => $"\"{n}\""))}]", "it has 129 roles"),
            (@"[""a\udc00""]", "is no text"),
        })
            yield return ($"roles {json}", Good(("roles", json)), why);
    }

    private static IEnumerable<(string Title, string Token, string Why)> Shapes()
    {
        var good = Good();
        var parts = good.Split('.');
        foreach (var (title, token, why) in new[]
        {
            ("nothing", "", "it is empty"), ("a dot", ".", "it has 2 parts"), ("dots", "..", "is empty"),
            ("no signature", $"{parts[0]}.{parts[1]}", "it has 2 parts"),
            ("empty signature", $"{parts[0]}.{parts[1]}.", "one of its parts is empty"),
            ("empty header", $".{parts[1]}.{parts[2]}", "one of its parts is empty"),
            ("empty payload", $"{parts[0]}..{parts[2]}", "one of its parts is empty"),
            ("a dot before", $".{good}", "it has 4 parts"), ("a dot behind", $"{good}.", "it has 4 parts"),
            ("five parts", $"{good}.a.b", "it has 5 parts"),
            ("cut short", good[..^8], "its signature is not one by its key 'rsa'"),
            ("a letter too many", good + "A", ""), ("padded", good + "==", "not base64url"),
            ("a space before", " " + good, "not base64url"), ("a line end", good + "\n", "not base64url"),
            ("other alphabet", good[..^3] + "+/A", "not base64url"), ("a NUL", good + "\0", "not base64url"),
            ("not ASCII", good.Replace('e', '\u0435'), "not base64url"),
            ("Bearer", $"Bearer {good}", "not base64url"), ("one letter", "a.b.c", ""),
            ("long", Good(("more", Text(new('x', 8000)))), "more than 8192"),
            ("huge", new('a', 1 << 20), "it has 1048576 characters, more than 8192"),
            ("dots alone", new('.', 8192), "it has 8193 parts"),
            ("header is an array", Token($"[{Header()}]", Claims()), "it is a JSON Array"),
            ("payload is an array", Token(Header(), $"[{Claims()}]"), "its payload cannot be read"),
            ("payload is a text", Token(Header(), Text(good)), "its payload cannot be read"),
            ("payload is a token", Token(Header(more: ",\"cty\":\"JWT\""), good), "payload cannot be read"),
            ("two payloads", Token(Header(), Claims() + Claims()), "its payload cannot be read"),
            ("a comment", Token(Header(), $"/**/{Claims()}"), "its payload cannot be read"),
            ("a comma behind", Token(Header(), Claims()[..^1] + ",}"), "its payload cannot be read"),
            ("deep", Good(("more", new string('[', 8) + new string(']', 8))), "its payload cannot be read"),
            ("very deep", Good(("more", new string('[', 2000) + new string(']', 2000))), "cannot be read"),
            ("twins below", Good(("more", """{"a":1,"a":2}""")), "its payload cannot be read"),
            ("half a pair as a name", Token(Header(), Claims()[..^1] + @",""\ud800"":1}"), "cannot be read"),
            ("byte order mark", Token(Header(), "\ufeff" + Claims()), "its payload cannot be read"),
        })
            yield return (title, token, why);

        yield return ("not UTF-8", Token(
            Encoding.UTF8.GetBytes(Header()), Encoding.Latin1.GetBytes(Claims(("sub", "\"caf\u00e9\""))),
            static signed => Sign("RS256", signed)), "it is not UTF-8");
        yield return ("UTF-16", Token(
            Encoding.UTF8.GetBytes(Header()), Encoding.Unicode.GetBytes(Claims()),
            static signed => Sign("RS256", signed)), "its payload cannot be read");
    }
}
