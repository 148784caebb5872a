using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Kvorum.Node.Inspection;
using Kvorum.Storage.Inspection;

namespace Kvorum.Cli.Offline;

/// <summary>What <c>kvorum doctor</c> prints: lines for people, or one JSON object for scripts.</summary>
internal static class DoctorOutput
{
    /// <summary>A line per finding, and a summary.</summary>
    public static IEnumerable<string> Lines(FolderReport report)
    {
        foreach (var finding in report.Findings)
            yield return $"{Word(finding.Kind),-7} {finding.File}: {Text(finding)}";
        if (report.Decisions > 0)
            yield return $"to decide: {report.Decisions} replicas are quarantined; nothing was changed";
        yield return report.IsSound
            ? $"{(report.Decisions > 0 ? "" : "healthy: ")}no damage, {report.Notes} notes"
            : $"damaged: {report.Damages} damages, {report.Notes} notes; nothing was changed";
    }

    /// <summary>The same as an object.</summary>
    public static string Json(FolderReport report)
    {
        using var bytes = new MemoryStream();
        var readable = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(bytes, readable))
        {
            json.WriteStartObject();
            json.WriteBoolean("healthy", report.IsSound && report.Decisions == 0);
            json.WriteNumber("decisions", report.Decisions);
            json.WriteNumber("damages", report.Damages);
            json.WriteNumber("notes", report.Notes);
            json.WriteStartArray("findings");
            foreach (var finding in report.Findings)
            {
                json.WriteStartObject();
                json.WriteString("kind", Word(finding.Kind).ToLowerInvariant());
                json.WriteString("file", finding.File);
                json.WriteString("text", Text(finding));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static string Word(FindingKind kind) => kind switch
    {
        FindingKind.Sound => "ok",
        FindingKind.Note => "note",
        FindingKind.Decision => "DECIDE",
        _ => "DAMAGE",
    };

    // The store's messages begin with the file that they are about.
    private static string Text(Finding finding) =>
        finding.Text.StartsWith(finding.File, StringComparison.Ordinal)
            ? finding.Text[finding.File.Length..].TrimStart(':', ' ') : finding.Text;
}
