using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Kvorum.Protocol;

namespace Kvorum.Server.Audit;

/// <summary>
/// How an event is written: one JSON object in one line of ASCII. Quotes, control characters and all that is
/// not ASCII are escaped, so that no name can end a line, forge one, or move a terminal's cursor. A key that
/// is not UTF-8 is base64.
/// </summary>
internal static class AuditLine
{
    /// <summary>Greatest length of a text, in bytes of UTF-8; what is longer is cut.</summary>
    public const int TextBytesMax = 1024;

    /// <summary>Greatest change that is written out, in bytes.</summary>
    public const int ChangeBytesMax = 4096;

    /// <summary>Writes an event and the end of its line.</summary>
    /// <param name="into">Gets the bytes.</param>
    /// <param name="happened">The event.</param>
    /// <param name="node">The node that writes.</param>
    /// <param name="number">Of the event since the node started: a gap shows that some are missing.</param>
    /// <param name="time">When it happened.</param>
    public static void Write(
        ArrayBufferWriter<byte> into, AuditEvent happened, string node, long number, DateTimeOffset time)
    {
        using (var json = new Utf8JsonWriter(into))
        {
            json.WriteStartObject();
            json.WriteString(
                "time", time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'",
                CultureInfo.InvariantCulture));
            json.WriteNumber("seq", number);
            Text(json, "node", node);
            Text(json, "who", happened.Who);
            Text(json, "by", happened.By);
            Text(json, "via", happened.Via);
            Text(json, "from", happened.From);
            Text(json, "action", happened.Action);
            Text(json, "on", happened.On);
            if (happened.Key is { } key)
                Key(json, key.Span);
            if (happened.Change.Length is > 0 and <= ChangeBytesMax)
                Change(json, happened.Change);
            json.WriteString("result", happened.Result switch
            {
                AuditResult.Ok => "ok",
                AuditResult.Refused => "refused",
                _ => "unknown",
            });
            Text(json, "reason", happened.Reason);
            if (happened.Attempts > 0)
                json.WriteNumber("attempts", happened.Attempts);
            json.WriteEndObject();
        }

        into.Write("\n"u8);
    }

    /// <summary>Text as it may wait in memory: no longer than it is written.</summary>
    public static string Cut(string text) => Utf8Text.Message(text, TextBytesMax);

    // It is cut to whole characters, and half a surrogate pair is a question mark.
    private static void Text(Utf8JsonWriter json, string name, string text) =>
        json.WriteString(name, Cut(text));

    private static void Key(Utf8JsonWriter json, ReadOnlySpan<byte> key)
    {
        if (key.Length <= TextBytesMax && Utf8Text.DecodeOrNull(key) is { } text)
            json.WriteString("key", text);
        else
            json.WriteBase64String("key_base64", key[..Math.Min(key.Length, Limits.KeyBytesMax)]);
    }

    // Written anew, by the same rules as all else.
    private static void Change(Utf8JsonWriter json, ReadOnlyMemory<byte> change)
    {
        using var read = JsonDocument.Parse(change);
        json.WritePropertyName("change");
        read.RootElement.WriteTo(json);
    }
}
