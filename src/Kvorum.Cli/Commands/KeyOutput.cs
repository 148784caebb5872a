using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Kvorum.Cli.CommandLine;
using Kvorum.Client;
using Kvorum.Protocol;

namespace Kvorum.Cli.Commands;

/// <summary>The lines that key commands print: for people, or one JSON object for scripts.</summary>
internal static class KeyOutput
{
    public static string OfGet(byte[] key, GetResult found, ByteForm form, bool isJson)
    {
        if (isJson)
        {
            return Json(json =>
            {
                json.WriteBoolean("found", found.Found);
                WriteBytes(json, "key", key, form);
                if (found.Found)
                    WriteBytes(json, "value", found.Value.Span, form);
                json.WriteNumber("version", found.Version);
                json.WriteBoolean("stale", found.IsStale);
            });
        }

        return found.Found ? ByteForms.Line("value", found.Value.Span, form)
            : $"key {GoQuote.Of(key)} not found";
    }

    public static string OfScan(ScannedKey found, bool keysOnly, ByteForm form, bool isJson)
    {
        if (isJson)
        {
            return Json(json =>
            {
                WriteBytes(json, "key", found.Key.Span, form);
                if (!keysOnly)
                    WriteBytes(json, "value", found.Value.Span, form);
                json.WriteNumber("version", found.Version);
            });
        }

        var key = ByteForms.Line("key", found.Key.Span, form);
        return keysOnly ? key : $"{key} {ByteForms.Line("value", found.Value.Span, form)}";
    }

    public static string OfWrite(WriteResult done, bool isJson) => !isJson
        ? "ok=true leader=\"\""
        : Json(json =>
        {
            json.WriteBoolean("ok", true);
            json.WriteString("leader", "");
            json.WriteNumber("version", done.Version);
            json.WriteBoolean("replayed", done.IsReplayed);
        });

    /// <summary>A write that the asked node would not pass on.</summary>
    public static string OfRefusal(Reply reply, bool isJson) => !isJson
        ? $"ok=false leader={GoQuote.Of(Bytes.Of(reply.Leader))}"
        : Json(json =>
        {
            json.WriteBoolean("ok", false);
            json.WriteString("leader", reply.Leader);
            json.WriteString("status", $"{reply.Status}");
            json.WriteString("message", reply.Message);
        });

    public static string OfFailure(string status, string message, string retry) => Json(json =>
    {
        json.WriteBoolean("ok", false);
        json.WriteString("status", status);
        json.WriteString("message", message);
        json.WriteString("retry", retry);
    });

    /// <summary>One object on one line.</summary>
    public static string Json(Action<Utf8JsonWriter> write)
    {
        using var bytes = new MemoryStream();
        var readable = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(bytes, readable))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static void WriteBytes(
        Utf8JsonWriter json, string name, ReadOnlySpan<byte> bytes, ByteForm form)
    {
        if (form == ByteForm.Hex)
            json.WriteString($"{name}_hex", Convert.ToHexStringLower(bytes));
        else if (form == ByteForm.Text && Bytes.TryText(bytes) is { } text)
            json.WriteString(name, text);
        else
            json.WriteBase64String($"{name}_base64", bytes);
    }
}
