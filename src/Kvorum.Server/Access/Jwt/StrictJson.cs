using System.Text.Json;
using System.Text.Unicode;

namespace Kvorum.Server.Access.Jwt;

/// <summary>
/// JSON as a token and a set of keys must have it: one object of little depth, in UTF-8, in which no name
/// comes twice. Two readers of the same bytes then understand the same. <see cref="FormatException"/> says
/// what it is not.
/// </summary>
internal static class StrictJson
{
    // The deepest that is read is an array of keys with an array of operations.
    private static readonly JsonDocumentOptions Options =
        new() { MaxDepth = 8, AllowDuplicateProperties = false };

    /// <summary>The object that the bytes are.</summary>
    public static JsonElement Object(ReadOnlySpan<byte> utf8, string what)
    {
        var problem = "it is not UTF-8";
        try
        {
            if (Utf8.IsValid(utf8))
            {
                var found = JsonElement.Parse(utf8, Options);
                if (found.ValueKind == JsonValueKind.Object)
                    return found;
                problem = $"it is a JSON {found.ValueKind}";
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The second: half of a surrogate pair in a name.
            problem = PlainText.Of(e.Message, 120);
        }

        throw new FormatException($"{what} cannot be read as a JSON object: {problem}");
    }

    /// <summary>A text; null if there is none.</summary>
    public static string? Text(JsonElement from, string name, string what) =>
        from.TryGetProperty(name, out var value) ? Text(value, $"{what} {PlainText.Quoted(name)}") : null;

    /// <summary>The text that the value is.</summary>
    public static string Text(JsonElement value, string what)
    {
        try
        {
            if (value.ValueKind == JsonValueKind.String)
                return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, escaped.
        }

        throw new FormatException($"{what} is no text");
    }

    /// <summary>
    /// A NumericDate, seconds since 1970 (RFC 7519, 2); null if there is none.
    /// </summary>
    public static DateTimeOffset? Time(JsonElement from, string name, string what)
    {
        if (!from.TryGetProperty(name, out var value))
            return null;
        // To the end of the year 9999.
        const double most = 253_402_300_799;
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var seconds)
            && seconds is >= 0 and <= most
                ? DateTimeOffset.UnixEpoch.AddTicks((long)(seconds * TimeSpan.TicksPerSecond))
                : throw new FormatException($"{what} {PlainText.Quoted(name)} is no time");
    }
}
