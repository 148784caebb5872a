using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;

namespace Kvorum.Server.Access.Jwt;

/// <summary>
/// The public keys of a JWKS (RFC 7517) that can check tokens. Keys for other purposes and of other types,
/// which issuers publish beside them, are left out with a reason. Immutable.
/// </summary>
internal sealed class JwtKeySet
{
    /// <summary>Greatest size of a JWKS: a hundred large keys with certificates.</summary>
    public const int BytesMax = 256 << 10;

    /// <summary>Greatest number of keys.</summary>
    public const int KeysMax = 100;

    /// <summary>Below, an RSA key is weak (RFC 7518, 3.3); above, checking takes too long.</summary>
    private const int RsaBitsMin = 2048, RsaBitsMax = 8192;

    /// <summary>No keys yet.</summary>
    public static readonly JwtKeySet Empty = new();

    private readonly Dictionary<string, JwtKey> _keys = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _left = new(StringComparer.Ordinal);

    private JwtKeySet()
    {
    }

    /// <summary>The keys.</summary>
    public IReadOnlyCollection<JwtKey> Keys => _keys.Values;

    /// <summary>Keys that are left out, and why.</summary>
    public IReadOnlyDictionary<string, string> LeftOut => _left;

    /// <summary>
    /// What the bytes hold; <see cref="FormatException"/> if that is no set of keys, or none with a key that
    /// can be used.
    /// </summary>
    public static JwtKeySet Read(ReadOnlySpan<byte> json)
    {
        if (json.Length > BytesMax)
            throw new FormatException($"it has more than {BytesMax} bytes");
        var all = StrictJson.Object(json, "it");
        if (!all.TryGetProperty("keys", out var keys) || keys.ValueKind != JsonValueKind.Array)
            throw new FormatException("it has no array 'keys': give a JWKS (RFC 7517)");
        if (keys.GetArrayLength() > KeysMax)
            throw new FormatException($"it has {keys.GetArrayLength()} keys, more than {KeysMax}");
        var read = new JwtKeySet();
        var at = 0;
        foreach (var key in keys.EnumerateArray())
            read.Take(key, at++);
        return read._keys.Count > 0 ? read : throw new FormatException(
            "it has no key that can be used" + string.Concat(read._left.Select(
                static left => $"; {left.Key}: {left.Value}")));
    }

    /// <summary>The key of that name; null if there is none.</summary>
    public JwtKey? Find(string name) => _keys.GetValueOrDefault(name);

    /// <summary>Why a key of that name cannot be used.</summary>
    public string WhyNone(string name) => _left.TryGetValue(name, out var why)
        ? $"its key {PlainText.Quoted(name)} is not used: {why}"
        : $"no key is called {PlainText.Quoted(name)}";

    private void Take(JsonElement json, int at)
    {
        var place = $"key {at + 1}";
        if (json.ValueKind != JsonValueKind.Object)
            throw new FormatException($"{place} is no object");
        if (json.TryGetProperty("d", out _))
            throw new FormatException($"{place} is a private one: give the public ones only");
        if (StrictJson.Text(json, "kid", place) is not { Length: > 0 and <= JwtToken.KeyNameMax } name)
        {
            _left[place] = "it has no kid, or a longer one than tokens may name";
            return;
        }

        if (_keys.ContainsKey(name) || _left.ContainsKey(name))
            throw new FormatException($"two keys are called {PlainText.Quoted(name)}");
        try
        {
            _keys[name] = new(name, AlgorithmsOf(json), KeyOf(json, name));
        }
        catch (FormatException e)
        {
            _left[name] = e.Message;
        }
        catch (CryptographicException e)
        {
            _left[name] = $"it is malformed: {PlainText.Of(e.Message, 120)}";
        }
    }

    private static string[] AlgorithmsOf(JsonElement json)
    {
        if (StrictJson.Text(json, "use", "its") is { } use && use != "sig")
            throw new FormatException($"it is for another use, {PlainText.Quoted(use)}");
        if (json.TryGetProperty("key_ops", out var operations)
            && (operations.ValueKind != JsonValueKind.Array
                || !operations.EnumerateArray().Any(static one => StrictJson.Text(one, "one of its key_ops")
                    == "verify")))
            throw new FormatException("its key_ops do not have 'verify'");
        var type = StrictJson.Text(json, "kty", "its");
        string[] can = (type, type == "EC" ? StrictJson.Text(json, "crv", "its") : null) switch
        {
            ("RSA", _) => ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
            ("EC", "P-256") => ["ES256"],
            ("EC", "P-384") => ["ES384"],
            ("EC", "P-521") => ["ES512"],
            ("EC", var curve) => throw new FormatException($"its curve is {PlainText.Quoted(curve ?? "")}"),
            _ => throw new FormatException($"it is of the type {PlainText.Quoted(type ?? "")}"),
        };
        if (StrictJson.Text(json, "alg", "its") is not { } only)
            return can;
        return can.Contains(only, StringComparer.Ordinal) ? [only]
            : throw new FormatException($"it is for the algorithm {PlainText.Quoted(only)}");
    }

    // From the numbers alone: certificates and addresses beside them are not looked at.
    private static JsonWebKey KeyOf(JsonElement json, string name)
    {
        var isRsa = StrictJson.Text(json, "kty", "its") == "RSA";
        var key = new JsonWebKey { Kty = isRsa ? "RSA" : "EC", Kid = name };
        if (isRsa)
        {
            var (n, e) = (Number(json, "n"), Number(json, "e"));
            // With 1 every signature is its own hash.
            if (e.Length > 4 || (e[^1] & 1) == 0 || (e.Length == 1 && e[0] < 3))
                throw new FormatException("its exponent is not odd and 3 to 4294967295");
            using var rsa = RSA.Create(new RSAParameters { Modulus = n, Exponent = e });
            if (rsa.KeySize is < RsaBitsMin or > RsaBitsMax)
            {
                throw new FormatException(
                    $"it has {rsa.KeySize} bits, and {RsaBitsMin} to {RsaBitsMax} are taken");
            }

            (key.N, key.E) = (Base64Url.EncodeToString(n), Base64Url.EncodeToString(e));
            return key;
        }

        var (x, y) = (Number(json, "x", isFixed: true), Number(json, "y", isFixed: true));
        key.Crv = StrictJson.Text(json, "crv", "its");
        var curve = key.Crv switch
        {
            "P-256" => ECCurve.NamedCurves.nistP256,
            "P-384" => ECCurve.NamedCurves.nistP384,
            _ => ECCurve.NamedCurves.nistP521,
        };
        // Refuses a point that is not on the curve.
        using var ecdsa = ECDsa.Create(new ECParameters { Curve = curve, Q = new() { X = x, Y = y } });
        (key.X, key.Y) = (Base64Url.EncodeToString(x), Base64Url.EncodeToString(y));
        return key;
    }

    private static byte[] Number(JsonElement json, string name, bool isFixed = false)
    {
        var text = StrictJson.Text(json, name, "its") ?? throw new FormatException($"it has no '{name}'");
        if (!Base64Url.IsValid(text))
            throw new FormatException($"its '{name}' is not base64url");
        var bytes = Base64Url.DecodeFromChars(text);
        var number = isFixed ? bytes : bytes.AsSpan().TrimStart((byte)0).ToArray();
        return number.Length > 0 ? number : throw new FormatException($"its '{name}' is empty");
    }
}
