using System.Buffers;
using System.Globalization;
using System.Text;

namespace Kvorum.Cli.CommandLine;

/// <summary>
/// Quotes bytes as Go's <c>%q</c> does: printable text as it is, the rest escaped, so that any key or value
/// fits one line and can be told from any other.
/// </summary>
internal static class GoQuote
{
    public static string Of(ReadOnlySpan<byte> bytes)
    {
        var quoted = new StringBuilder(bytes.Length + 2).Append('"');
        while (!bytes.IsEmpty)
        {
            var isRune = Rune.DecodeFromUtf8(bytes, out var rune, out var length) == OperationStatus.Done;
            if (isRune)
                Append(quoted, rune);
            else
                length = AppendBytes(quoted, bytes[..1]);
            bytes = bytes[length..];
        }

        return quoted.Append('"').ToString();
    }

    private static int AppendBytes(StringBuilder quoted, ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes)
            quoted.Append(CultureInfo.InvariantCulture, $"\\x{b:x2}");
        return bytes.Length;
    }

    private static void Append(StringBuilder quoted, Rune rune)
    {
        var known = rune.Value switch
        {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\a' => "\\a",
            '\b' => "\\b",
            '\f' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\v' => "\\v",
            _ => null,
        };
        if (known is not null)
            quoted.Append(known);
        else if (IsPrintable(rune))
            quoted.Append(rune.ToString());
        else if (rune.Value < 0x80)
            quoted.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}");
        else if (rune.IsBmp)
            quoted.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
        else
            quoted.Append(CultureInfo.InvariantCulture, $"\\U{rune.Value:x8}");
    }

    // Go's unicode.IsPrint: letters, marks, numbers, punctuation, symbols and the plain space.
    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
        or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator);
}
