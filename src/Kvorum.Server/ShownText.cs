using System.Globalization;
using System.Text;
using Kvorum.Protocol;

namespace Kvorum.Server;

/// <summary>
/// What strangers say, as a log line may repeat it: cut, and without characters that end a line, hide text or
/// move a cursor.
/// </summary>
internal static class ShownText
{
    /// <summary>Greatest length, in bytes of UTF-8 before what is escaped grows.</summary>
    public const int BytesMax = 600;

    /// <summary>The text as it may be shown.</summary>
    public static string Of(string text)
    {
        var cut = Utf8Text.Message(text, BytesMax);
        var end = cut.Length < text.Length ? "..." : "";
        if (!cut.EnumerateRunes().Any(IsHidden))
            return cut + end;
        var shown = new StringBuilder(cut.Length + 16);
        foreach (var rune in cut.EnumerateRunes())
        {
            if (IsHidden(rune))
                shown.Append(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x}}}");
            else
                shown.Append(rune);
        }

        return shown.Append(end).ToString();
    }

    /// <summary>True for what is not seen where it is printed, or does something there.</summary>
    public static bool IsHidden(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control
        or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.Surrogate;
}
