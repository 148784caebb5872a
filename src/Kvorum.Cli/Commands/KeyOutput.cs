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
                WriteReceipt(json, found.Receipt);
            });
        }

        return (found.Found ? ByteForms.Line("value", found.Value.Span, form)
            : $"key {GoQuote.Of(key)} not found") + LinesOf(found.Receipt);
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
        ? "ok=true leader=\"\"" + LinesOf(done.Receipt)
        : Json(json =>
        {
            json.WriteBoolean("ok", true);
            json.WriteString("leader", "");
            json.WriteNumber("version", done.Version);
            json.WriteBoolean("replayed", done.IsReplayed);
            WriteReceipt(json, done.Receipt);
        });

    /// <summary>The receipt of a scan's last page, behind its keys.</summary>
    public static string OfReceipt(Receipt receipt, bool isJson) =>
        isJson ? Json(json => WriteReceipt(json, receipt)) : LinesOf(receipt)[1..];

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

    private static void WriteReceipt(Utf8JsonWriter json, Receipt? receipt)
    {
        if (receipt is null)
            return;
        json.WriteStartObject("receipt");
        json.WriteString("mode", ReceiptText.Of(receipt.Mode));
        WriteTexts(json, "nodes", receipt.Nodes);
        json.WriteNumber("needed", receipt.Needed);
        json.WriteNumber("replicas", receipt.Replicas);
        json.WriteBoolean("durable", receipt.IsDurable);
        json.WriteBoolean("by_hints", receipt.IsByHints);
        if (receipt.Index > 0)
            json.WriteNumber("index", receipt.Index);
        if (receipt.Version is { } version)
            json.WriteString("version", $"{version}");
        if (receipt.StalenessMs is { } staleness)
            json.WriteNumber("staleness_ms", staleness);
        WriteTexts(json, "promise", receipt.Promise);
        json.WriteEndObject();
    }

    private static void WriteTexts(Utf8JsonWriter json, string name, IReadOnlyList<string> texts)
    {
        json.WriteStartArray(name);
        foreach (var text in texts)
            json.WriteStringValue(text);
        json.WriteEndArray();
    }

    // Each behind a line's end.
    private static string LinesOf(Receipt? receipt)
    {
        if (receipt is null)
            return "";
        var position = receipt.Index > 0 ? $" index={receipt.Index}"
            : receipt.Version is { } version ? $" version={version}" : "";
        var staleness = receipt.StalenessMs is { } ms ? $"{ms}ms" : "not-promised";
        var first = $"receipt mode={ReceiptText.Of(receipt.Mode)} nodes={string.Join(',', receipt.Nodes)} "
            + $"needed={receipt.Needed}/{receipt.Replicas} durable={(receipt.IsDurable ? "true" : "false")}"
            + $"{(receipt.IsByHints ? " by-hints=true" : "")}{position} staleness={staleness}";
        return string.Concat(
            receipt.Promise.Select(static sentence => $"receipt: {sentence}").Prepend(first)
                .Select(static line => $"{Environment.NewLine}{line}"));
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
