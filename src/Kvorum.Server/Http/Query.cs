using System.Globalization;
using Kvorum.Protocol;

namespace Kvorum.Server.Http;

/// <summary>
/// The query parameters of a request. What is malformed is a 400 that says how it is written.
/// </summary>
internal sealed class Query
{
    private readonly SortedDictionary<string, byte[]> _values = new(StringComparer.Ordinal);

    /// <summary>Reads an encoded query string.</summary>
    public Query(string encoded, Field[] known)
    {
        foreach (var pair in encoded.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            var name = RequestTarget.Text(
                "a parameter", RequestTarget.Decode(equals < 0 ? pair : pair[..equals], isQuery: true));
            if (!Field.IsAmong(known, name))
                throw HttpFailure.Unknown("parameter", name, known);
            if (!_values.TryAdd(
                name, RequestTarget.Decode(equals < 0 ? "" : pair[(equals + 1)..], isQuery: true)))
                throw HttpFailure.Invalid($"the parameter '{name}' is given twice");
        }
    }

    /// <summary>Exact bytes; null if absent.</summary>
    public byte[]? Bytes(Field field) => _values.GetValueOrDefault(field.Name);

    /// <summary>Text; null if absent.</summary>
    public string? Text(Field field) =>
        Bytes(field) is { } bytes ? RequestTarget.Text(field.Name, bytes) : null;

    /// <summary>A number of at least zero; null if absent.</summary>
    public ulong? Number(Field field) => Text(field) is { } text ? Number(field.Name, text) : null;

    /// <summary>"true" or "false"; false if absent.</summary>
    public bool Flag(Field field) => Text(field) switch
    {
        null or "false" => false,
        "true" or "" => true,
        var other =>
            throw HttpFailure.Invalid($"{field.Name} is '{HttpFailure.Shown(other)}'; it is true or false"),
    };

    /// <summary>The key, from key or key_base64; null if neither is given.</summary>
    public byte[]? Key()
    {
        var plain = Bytes(Fields.Key);
        if (Text(Fields.KeyBase64) is not { } base64)
            return plain;
        return plain is null
            ? RequestTarget.Base64(Fields.KeyBase64.Name, base64)
            : throw HttpFailure.Invalid("key and key_base64 are both given");
    }

    /// <summary>How fresh a read must be.</summary>
    public ReadConsistency Consistency() => Fields.Consistency.Chosen(Text(Fields.Consistency)) switch
    {
        "lease" => ReadConsistency.Lease,
        "stale" => ReadConsistency.Stale,
        _ => ReadConsistency.Linearizable,
    };

    /// <summary>How many replicas must answer; null for the keyspace's own number.</summary>
    public QuorumLevel? Quorum() => Text(Fields.Quorum) is { } text ? QuorumOf(text) : null;

    /// <summary>The version that was tried; null if none is given.</summary>
    public WriteVersion? Tried() => Text(Fields.Tried) is { } text ? TriedOf(text) : null;

    /// <summary>Reads how many replicas must answer.</summary>
    public static QuorumLevel QuorumOf(string text) => QuorumLevel.ParseOrNull(text)
        ?? throw HttpFailure.Invalid($"quorum is '{HttpFailure.Shown(text)}'; it is {QuorumLevel.Forms}");

    /// <summary>Reads a version that was tried.</summary>
    public static WriteVersion TriedOf(string text) => WriteVersion.ParseOrNull(text)
        ?? throw HttpFailure.Invalid($"tried is '{HttpFailure.Shown(text)}'; it is {WriteVersion.Form}");

    /// <summary>The keyspace.</summary>
    public string Keyspace() => Text(Fields.Keyspace) ?? Fields.Keyspace.Default!;

    /// <summary>Time for the request: a number with ms, s or m.</summary>
    public TimeSpan Timeout(HttpOptions options)
    {
        if (Text(Fields.Timeout) is not { } text)
            return options.TimeoutDefault;
        var (unit, perUnitMs) = text switch
        {
            _ when text.EndsWith("ms", StringComparison.Ordinal) => ("ms", 1.0),
            _ when text.EndsWith('s') => ("s", 1000.0),
            _ when text.EndsWith('m') => ("m", 60_000.0),
            _ => ("", 0.0),
        };
        var isNumber = double.TryParse(
            text.AsSpan(0, text.Length - unit.Length),
            NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture,
            out var number);
        var ms = number * perUnitMs;
        // What is read may be NaN, which every comparison denies.
        if (!isNumber || !(ms >= 1 && ms <= options.TimeoutMax.TotalMilliseconds))
        {
            throw HttpFailure.Invalid(
                $"timeout is '{HttpFailure.Shown(text)}'; it is a number with ms, s or m, from 1ms to "
                + $"{options.TimeoutMax.TotalSeconds}s");
        }

        return TimeSpan.FromMilliseconds(ms);
    }

    /// <summary>Reads a number of at least zero.</summary>
    public static ulong Number(string name, string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw HttpFailure.Invalid(
                $"{name} is '{HttpFailure.Shown(text)}'; it is a number from 0 to {ulong.MaxValue}");
}
