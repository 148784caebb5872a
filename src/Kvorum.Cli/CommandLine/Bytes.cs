using System.Buffers;
using System.Globalization;
using System.Text;

namespace Kvorum.Cli.CommandLine;

/// <summary>
/// Between the text of a command line and the bytes of keys and values. A byte 0xNN that is no UTF-8 is
/// carried through text as the lone surrogate U+DCNN, which no UTF-8 text can hold: bytes to text and back
/// is the identity, whatever the bytes are.
/// </summary>
internal static class Bytes
{
    private const char Escape = '\udc00';

    private static readonly UTF8Encoding Strict =
        new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// The bytes of a text: UTF-8, and the single bytes that <see cref="Text"/> has carried.
    /// <see cref="FormatException"/> for a surrogate that stands for no byte.
    /// </summary>
    public static byte[] Of(string text)
    {
        if (IsText(text))
            return Strict.GetBytes(text);
        var bytes = new ArrayBufferWriter<byte>(text.Length * 3);
        foreach (var (rune, carried) in Parts(text))
        {
            if (carried is { } single)
                bytes.Write([single]);
            else
                bytes.Advance(rune.EncodeToUtf8(bytes.GetSpan(4)));
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>The text that carries the bytes.</summary>
    public static string Text(ReadOnlySpan<byte> bytes)
    {
        if (TryText(bytes) is { } whole)
            return whole;
        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            var length = 1;
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var size) == OperationStatus.Done)
            {
                text.Append(rune.ToString());
                length = size;
            }
            else
                text.Append((char)(Escape + bytes[0]));
            bytes = bytes[length..];
        }

        return text.ToString();
    }

    /// <summary>The text that the bytes are; null if they are no UTF-8.</summary>
    public static string? TryText(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    /// <summary>False if the text carries bytes that are no text.</summary>
    public static bool IsText(string text) => WhyNoText(text) is null;

    /// <summary>Which byte of what was given is no text; null if all of it is.</summary>
    public static string? WhyNoText(string text)
    {
        var at = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
                at += text[i] < 0x80 ? 1 : text[i] < 0x800 ? 2 : 3;
            else if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
            {
                at += 4;
                i++;
            }
            else
            {
                return IsCarried(text[i])
                    ? $"byte {at + 1} (0x{Hex(text[i] - Escape, 2)}) is not UTF-8 text"
                    : $"character {i + 1} (U+{Hex(text[i], 4)}) is half a character";
            }
        }

        return null;
    }

    /// <summary>For messages: what is no text as \xNN.</summary>
    public static string Shown(string text)
    {
        if (IsText(text))
            return text;
        var shown = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
                shown.Append(text[i++]).Append(text[i]);
            else if (char.IsSurrogate(text[i]))
                shown.Append(IsCarried(text[i]) ? "\\x" : "\\u")
                    .Append(IsCarried(text[i]) ? Hex(text[i] - Escape, 2) : Hex(text[i], 4));
            else
                shown.Append(text[i]);
        }

        return shown.ToString();
    }

    private static string Hex(int number, int digits) =>
        number.ToString($"x{digits}", CultureInfo.InvariantCulture);

    private static IEnumerable<(Rune Rune, byte? Carried)> Parts(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (Rune.TryGetRuneAt(text, i, out var rune))
            {
                yield return (rune, null);
                i += rune.Utf16SequenceLength - 1;
            }
            else if (IsCarried(text[i]))
                yield return (default, (byte)(text[i] - Escape));
            else
                throw new FormatException($"'{Shown(text)}': {WhyNoText(text)}");
        }
    }

    // Bytes below 0x80 are text always.
    private static bool IsCarried(char c) => c is >= '\udc80' and <= '\udcff';
}
