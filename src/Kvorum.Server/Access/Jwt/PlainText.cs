using System.Globalization;
using System.Text;

namespace Kvorum.Server.Access.Jwt;

/// <summary>Text that strangers send, as it may be kept and logged.</summary>
internal static class PlainText
{
    private const int QuotedMax = 64;

    /// <summary>
    /// True if every character can be seen or is a space within: no line ends, nothing that turns the
    /// direction of what follows.
    /// </summary>
    public static bool Is(string text) => text.Length > 0 && text.AsSpan().Trim().Length == text.Length
        && text.EnumerateRunes().All(IsPlain);

    /// <summary>The text without what <see cref="Is"/> excludes, cut to a length.</summary>
    public static string Of(string text, int most)
    {
        var plain = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (plain.Length >= most)
                return plain.Append("...").ToString();
            plain.Append(IsPlain(rune) ? rune.ToString() : "?");
        }

        return plain.ToString();
    }

    /// <summary>The same in quotes, for a line of the log.</summary>
    public static string Quoted(string text) => $"'{Of(text, QuotedMax)}'";

    private static bool IsPlain(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned);
}
