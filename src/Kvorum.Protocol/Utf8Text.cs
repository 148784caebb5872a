using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Kvorum.Protocol;

/// <summary>
/// Text and its UTF-8 bytes (RFC 3629), one to one. Encoders that replace what is no text make different
/// inputs equal, and with that different keys and client ids: here it is an error that names the first
/// byte or character at fault. Messages to people are the one exception, see <see cref="Message"/>.
/// </summary>
public static class Utf8Text
{
    private static readonly UTF8Encoding Strict =
        new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Position of the first byte that is not UTF-8; -1 if all are.</summary>
    public static int FirstInvalid(ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes))
            return -1;
        var at = 0;
        while (Rune.DecodeFromUtf8(bytes[at..], out _, out var length) == OperationStatus.Done)
            at += length;
        return at;
    }

    /// <summary>Position of the first half of a surrogate pair without its other half; -1 if none.</summary>
    public static int FirstInvalid(ReadOnlySpan<char> text)
    {
        for (var at = 0; at < text.Length; at++)
        {
            if (!char.IsSurrogate(text[at]))
                continue;
            if (at + 1 == text.Length || !char.IsSurrogatePair(text[at], text[at + 1]))
                return at;
            at++;
        }

        return -1;
    }

    /// <summary>
    /// What is wrong with bytes that should be UTF-8, as in "the key is not UTF-8: byte 0xff at position 0";
    /// null if nothing is.
    /// </summary>
    public static string? Problem(string what, ReadOnlySpan<byte> bytes) => FirstInvalid(bytes) switch
    {
        -1 => null,
        var at => string.Create(
            CultureInfo.InvariantCulture, $"{what} is not UTF-8: byte 0x{bytes[at]:x2} at position {at}"),
    };

    /// <summary>
    /// What is wrong with text that has no UTF-8 form, as in "the key is no text: half a surrogate pair
    /// (U+D800) at position 0"; null if nothing is.
    /// </summary>
    public static string? Problem(string what, ReadOnlySpan<char> text) => FirstInvalid(text) switch
    {
        -1 => null,
        var at => string.Create(
            CultureInfo.InvariantCulture,
            $"{what} is no text: half a surrogate pair (U+{(int)text[at]:X4}) at position {at}"),
    };

    /// <summary>Bytes as text. <see cref="FormatException"/> if they are not UTF-8.</summary>
    public static string Decode(string what, ReadOnlySpan<byte> bytes) =>
        Problem(what, bytes) is { } problem ? throw new FormatException(problem) : Strict.GetString(bytes);

    /// <summary>Bytes as text, or null if they are not UTF-8.</summary>
    public static string? DecodeOrNull(ReadOnlySpan<byte> bytes) =>
        Utf8.IsValid(bytes) ? Strict.GetString(bytes) : null;

    /// <summary>Text as bytes. <see cref="ArgumentException"/> if it has no UTF-8 form.</summary>
    public static byte[] Encode(string what, string text) =>
        Problem(what, text) is { } problem ? throw new ArgumentException(problem) : Strict.GetBytes(text);

    /// <summary>
    /// How many bytes the text takes. <see cref="ArgumentException"/> if it has no UTF-8 form.
    /// </summary>
    public static int CountOf(string text) => Strict.GetByteCount(text);

    /// <summary>
    /// Writes the text's bytes and returns how many they are. <see cref="ArgumentException"/> if it has no
    /// UTF-8 form or there is no room.
    /// </summary>
    public static int Write(string text, Span<byte> into) => Strict.GetBytes(text, into);

    /// <summary>
    /// A sentence for people that always has a UTF-8 form of at most <paramref name="bytesMax"/> bytes: cut
    /// behind a whole character, and half a surrogate pair is a question mark.
    /// </summary>
    public static string Message(string text, int bytesMax)
    {
        // No UTF-16 unit takes more than three bytes.
        if (text.Length <= bytesMax / 3 && FirstInvalid(text) < 0)
            return text;
        var whole = new StringBuilder(Math.Min(text.Length, bytesMax));
        foreach (var rune in text.EnumerateRunes())
        {
            // The enumeration gives U+FFFD for half a pair, which takes as many units.
            var one = rune == Rune.ReplacementChar && text[whole.Length] != '\uFFFD' ? new('?') : rune;
            bytesMax -= one.Utf8SequenceLength;
            if (bytesMax < 0)
                break;
            whole.Append(one);
        }

        return whole.ToString();
    }

    /// <summary>
    /// A sentence for people from another process, whatever its bytes are: one that is not UTF-8 is shown as
    /// <c>\xff</c>.
    /// </summary>
    public static string DecodeMessage(ReadOnlySpan<byte> bytes)
    {
        if (DecodeOrNull(bytes) is { } whole)
            return whole;
        var text = new StringBuilder(bytes.Length + 16);
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var length) == OperationStatus.Done)
                text.Append(rune);
            else
                (_, length) = (text.Append(CultureInfo.InvariantCulture, $"\\x{bytes[0]:x2}"), 1);
            bytes = bytes[length..];
        }

        return text.ToString();
    }
}
