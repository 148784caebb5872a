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

    /// <summary>The members that it may have.</summary>
    public static readonly Field[] Members =
    [
        Fields.KeyText, Fields.KeyBase64, Fields.ValueText, Fields.ValueBase64, Fields.Encoding,
        Fields.Keyspace, Fields.ClientId, Fields.RequestId, Fields.TtlMs, Fields.IfVersion,
        Fields.ReturnPrevious, Fields.NoRedirect, Fields.Quorum, Fields.Receipt, Fields.After, Fields.Tried,
        Fields.Timestamp,
    ];

    // By member, each of which is one object; looked up only.
    private readonly Dictionary<Field, byte[]> _texts = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Field, ulong> _numbers = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<Field> _switches = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<Field> _seen = new(ReferenceEqualityComparer.Instance);
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
            var member = Array.Find(Members, known => Ascii.Equals(given, known.Name))
                ?? throw HttpFailure.Unknown("member", Utf8Text.Decode("a member's name", given), Members);
            if (!_seen.Add(member))
                throw HttpFailure.Invalid($"the member '{member.Name}' is given twice");
            _json.Read();
            Take(member);
        }

        _json.Read(); // Anything behind the object is an error.
    }

    private readonly PutRequest Put()
    {
        var isBase64 = IsBase64(TextOf(Fields.Encoding));
        return new()
        {
            Keyspace = TextOf(Fields.Keyspace) ?? Fields.Keyspace.Default!,
            Key = Bytes(Fields.KeyText, Fields.KeyBase64, isBase64),
            Value = Bytes(Fields.ValueText, Fields.ValueBase64, isBase64),
            ClientId = TextOf(Fields.ClientId) ?? "",
            RequestId = _numbers.GetValueOrDefault(Fields.RequestId),
            TtlMs = _numbers.GetValueOrDefault(Fields.TtlMs),
            IfVersion = _numbers.TryGetValue(Fields.IfVersion, out var version) ? version : null,
            ReturnPrevious = _switches.Contains(Fields.ReturnPrevious),
            NoRedirect = _switches.Contains(Fields.NoRedirect),
            Quorum = TextOf(Fields.Quorum) is { } quorum ? Query.QuorumOf(quorum) : null,
            WantsReceipt = _switches.Contains(Fields.Receipt),
            After = _numbers.GetValueOrDefault(Fields.After),
            Tried = TextOf(Fields.Tried) is { } tried ? Query.TriedOf(tried) : null,
            Timestamp = _numbers.GetValueOrDefault(Fields.Timestamp),
        };
    }

    private void Take(Field member)
    {
        var name = member.Name;
        switch (member.Kind)
        {
            case FieldKind.Flag:
                if (_json.TokenType is not (JsonTokenType.True or JsonTokenType.False))
                    throw HttpFailure.Invalid($"'{name}' is true or false");
                if (_json.TokenType == JsonTokenType.True)
                    _switches.Add(member);
                break;
            case var _ when _json.TokenType == JsonTokenType.Null:
                break; // As if it were not there.
            case FieldKind.Number:
                _numbers[member] =
                    _json.TokenType == JsonTokenType.Number && _json.TryGetUInt64(out var number)
                    ? number
                    : throw HttpFailure.Invalid($"'{name}' is a number from 0 to {ulong.MaxValue}");
                break;
            default:
                if (_json.TokenType != JsonTokenType.String)
                    throw HttpFailure.Invalid($"'{name}' is a string");
                _texts[member] = Text($"'{name}'");
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

    private readonly string? TextOf(Field member) =>
        _texts.TryGetValue(member, out var bytes) ? Utf8Text.Decode(member.Name, bytes) : null;

    private readonly byte[] Bytes(Field asText, Field asBase64, bool isBase64)
    {
        var name = asText.Name;
        var plain = _texts.GetValueOrDefault(asText);
        var base64 = TextOf(asBase64);
        return (plain, base64) switch
        {
            (null, null) =>
                throw HttpFailure.Invalid($"'{name}' is missing, or '{asBase64.Name}' for any bytes"),
            (_, null) => isBase64 ? RequestTarget.Base64(name, Utf8Text.Decode(name, plain)) : plain,
            (null, _) => RequestTarget.Base64(asBase64.Name, base64),
            _ => throw HttpFailure.Invalid($"'{name}' and '{asBase64.Name}' are both given"),
        };
    }

    /// <summary>What "encoding" says of key and value.</summary>
    public static bool IsBase64(string? encoding) => Fields.Encoding.Chosen(encoding) == "base64";
}
