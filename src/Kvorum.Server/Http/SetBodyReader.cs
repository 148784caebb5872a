using System.Globalization;
using System.Text;
using System.Text.Json;
using Kvorum.Protocol;

namespace Kvorum.Server.Http;

/// <summary>
/// Reads the body of POST /kv/set, member by member. Nothing is passed over: a member that is unknown, given
/// twice or of another type is refused by name, and text is UTF-8 or an error that names the byte. Text is
/// taken as its bytes, so that a large value is not held as a string too.
/// </summary>
internal ref struct SetBodyReader
{
    private const string Wanted = "the body is a JSON object with key and value";

    private static readonly string[] Names =
    [
        "key", "key_base64", "value", "value_base64", "encoding", "keyspace", "client_id", "request_id",
        "ttl_ms", "if_version", "return_previous", "no_redirect",
    ];

    private readonly SortedDictionary<string, byte[]> _texts = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, ulong> _numbers = new(StringComparer.Ordinal);
    private readonly HashSet<string> _switches = new(StringComparer.Ordinal);
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private Utf8JsonReader _json;

    private SetBodyReader(ReadOnlySpan<byte> json) => _json = new(json);

    /// <summary>The write that the body asks for; 400 if it is wrong.</summary>
    public static PutRequest Read(ReadOnlySpan<byte> json)
    {
        if (Utf8Text.Problem("the body", json) is { } problem)
            throw HttpFailure.Invalid($"{problem}; use key_base64 and value_base64 for any bytes");
        var body = new SetBodyReader(json);
        try
        {
            body.ReadMembers();
        }
        catch (JsonException wrong)
        {
            throw HttpFailure.Invalid(
                $"the body is no JSON: {HttpFailure.Shown(wrong.Message, 200)} {Wanted}");
        }

        return body.Put();
    }

    private void ReadMembers()
    {
        _json.Read();
        if (_json.TokenType != JsonTokenType.StartObject)
            throw HttpFailure.Invalid(Wanted);
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            var given = Text("a member's name");
            var name = Array.Find(Names, known => Ascii.Equals(given, known))
                ?? throw HttpFailure.Unknown("member", Utf8Text.Decode("a member's name", given), Names);
            if (!_seen.Add(name))
                throw HttpFailure.Invalid($"the member '{name}' is given twice");
            _json.Read();
            Take(name);
        }

        _json.Read(); // Anything behind the object is an error.
    }

    private readonly PutRequest Put()
    {
        var isBase64 = IsBase64(TextOf("encoding"));
        return new()
        {
            Keyspace = TextOf("keyspace") ?? KeyspaceName.Default,
            Key = Bytes("key", isBase64),
            Value = Bytes("value", isBase64),
            ClientId = TextOf("client_id") ?? "",
            RequestId = _numbers.GetValueOrDefault("request_id"),
            TtlMs = _numbers.GetValueOrDefault("ttl_ms"),
            IfVersion = _numbers.TryGetValue("if_version", out var version) ? version : null,
            ReturnPrevious = _switches.Contains("return_previous"),
            NoRedirect = _switches.Contains("no_redirect"),
        };
    }

    private void Take(string name)
    {
        switch (name)
        {
            case "return_previous" or "no_redirect":
                if (_json.TokenType is not (JsonTokenType.True or JsonTokenType.False))
                    throw HttpFailure.Invalid($"'{name}' is true or false");
                if (_json.TokenType == JsonTokenType.True)
                    _switches.Add(name);
                break;
            case var _ when _json.TokenType == JsonTokenType.Null:
                break; // As if it were not there.
            case "request_id" or "ttl_ms" or "if_version":
                _numbers[name] = _json.TokenType == JsonTokenType.Number && _json.TryGetUInt64(out var number)
                    ? number
                    : throw HttpFailure.Invalid($"'{name}' is a number from 0 to {ulong.MaxValue}");
                break;
            default:
                if (_json.TokenType != JsonTokenType.String)
                    throw HttpFailure.Invalid($"'{name}' is a string");
                _texts[name] = Text($"'{name}'");
                break;
        }
    }

    /// <summary>The UTF-8 bytes of the string at hand.</summary>
    private readonly byte[] Text(string what)
    {
        if (!_json.ValueIsEscaped)
            return _json.ValueSpan.ToArray();
        var text = new byte[_json.ValueSpan.Length];
        try
        {
            var count = _json.CopyString(text.AsSpan());
            return text[..count];
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair is the one escape that JSON's grammar allows and that is no text.
            throw HttpFailure.Invalid(
                $"{what} is no text: half a surrogate pair at byte {HalfPairAt()} of the body; for any bytes "
                + "there are key_base64 and value_base64");
        }
    }

    private readonly long HalfPairAt()
    {
        var raw = _json.ValueSpan;
        var begin = _json.TokenStartIndex + 1;
        var high = -1;
        for (var at = 0; at < raw.Length;)
        {
            var (unit, length) = raw[at] != '\\'
                ? ('x', 1)
                : raw[at + 1] == 'u'
                    ? ((char)ushort.Parse(raw.Slice(at + 2, 4), NumberStyles.AllowHexSpecifier, null), 6)
                    : ('x', 2);
            if (high >= 0 != char.IsLowSurrogate(unit))
                return begin + (high >= 0 ? high : at);
            high = char.IsHighSurrogate(unit) ? at : -1;
            at += length;
        }

        return begin + high;
    }

    private readonly string? TextOf(string name) =>
        _texts.TryGetValue(name, out var bytes) ? Utf8Text.Decode(name, bytes) : null;

    private readonly byte[] Bytes(string name, bool isBase64)
    {
        var plain = _texts.GetValueOrDefault(name);
        var base64 = TextOf($"{name}_base64");
        return (plain, base64) switch
        {
            (null, null) =>
                throw HttpFailure.Invalid($"'{name}' is missing, or '{name}_base64' for any bytes"),
            (_, null) => isBase64 ? RequestTarget.Base64(name, Utf8Text.Decode(name, plain)) : plain,
            (null, _) => RequestTarget.Base64($"{name}_base64", base64),
            _ => throw HttpFailure.Invalid($"'{name}' and '{name}_base64' are both given"),
        };
    }

    /// <summary>What "encoding" says of key and value.</summary>
    public static bool IsBase64(string? encoding) => encoding switch
    {
        null or "utf-8" => false,
        "base64" => true,
        _ => throw HttpFailure.Invalid($"encoding is '{HttpFailure.Shown(encoding)}'; it is utf-8 or base64"),
    };
}
