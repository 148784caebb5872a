using System.Globalization;
using Kvorum.Protocol;

namespace Kvorum.Server.Http;

/// <summary>
/// Names of the query parameters that a route takes; any other is refused, so that a misspelt condition is
/// never ignored.
/// </summary>
internal sealed record KnownQuery(params string[] Names);

/// <summary>
/// Names of the Kvorum headers and conditions that a route takes; any other is refused like an unknown
/// parameter.
/// </summary>
internal sealed record KnownHeaders(params string[] Names);

/// <summary>
/// The query parameters of a request. What is malformed is a 400 that says how it is written.
/// </summary>
internal sealed class Query
{
    private readonly SortedDictionary<string, byte[]> _values = new(StringComparer.Ordinal);

    /// <summary>Reads an encoded query string.</summary>
    public Query(string encoded, KnownQuery known)
    {
        foreach (var pair in encoded.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            var name = RequestTarget.Text(
                "a parameter", RequestTarget.Decode(equals < 0 ? pair : pair[..equals], isQuery: true));
            if (!known.Names.Contains(name))
                throw HttpFailure.Unknown("parameter", name, known.Names);
            if (!_values.TryAdd(
                name, RequestTarget.Decode(equals < 0 ? "" : pair[(equals + 1)..], isQuery: true)))
                throw HttpFailure.Invalid($"the parameter '{name}' is given twice");
        }
    }

    /// <summary>Exact bytes; null if absent.</summary>
    public byte[]? Bytes(string name) => _values.GetValueOrDefault(name);

    /// <summary>Text; null if absent.</summary>
    public string? Text(string name) => Bytes(name) is { } bytes ? RequestTarget.Text(name, bytes) : null;

    /// <summary>A number of at least zero; null if absent.</summary>
    public ulong? Number(string name) => Text(name) is { } text ? Number(name, text) : null;

    /// <summary>"true" or "false"; false if absent.</summary>
    public bool Flag(string name) => Text(name) switch
    {
        null or "false" => false,
        "true" or "" => true,
        var other =>
            throw HttpFailure.Invalid($"{name} is '{HttpFailure.Shown(other)}'; it is true or false"),
    };

    /// <summary>The key, from key or key_base64; null if neither is given.</summary>
    public byte[]? Key()
    {
        var plain = Bytes("key");
        if (Text("key_base64") is not { } base64)
            return plain;
        return plain is null
            ? RequestTarget.Base64("key_base64", base64)
            : throw HttpFailure.Invalid("key and key_base64 are both given");
    }

    /// <summary>How fresh a read must be.</summary>
    public ReadConsistency Consistency() => Text("consistency") switch
    {
        null or "linearizable" => ReadConsistency.Linearizable,
        "lease" => ReadConsistency.Lease,
        "stale" => ReadConsistency.Stale,
        var other =>
            throw HttpFailure.Invalid(
                $"consistency is '{HttpFailure.Shown(other)}'; it is linearizable, lease or stale"),
    };

    /// <summary>Time for the request: a number with ms, s or m.</summary>
    public TimeSpan Timeout(HttpOptions options)
    {
        if (Text("timeout") is not { } text)
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
