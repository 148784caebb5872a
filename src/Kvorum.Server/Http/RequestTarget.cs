using Kvorum.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Kvorum.Server.Http;

/// <summary>
/// The request target as it came over the wire. Keys are exact bytes: decoding to text and removing dot
/// segments, as web servers do with a path, would change them.
/// </summary>
internal static class RequestTarget
{
    /// <summary>
    /// Path and query, still encoded, without the scheme and authority that a proxy's form has.
    /// </summary>
    public static (string Path, string Query) Split(string rawTarget)
    {
        if (rawTarget.Length > 0 && rawTarget[0] != '/')
        {
            var authority = rawTarget.IndexOf("://", StringComparison.Ordinal);
            var slash = authority < 0 ? -1 : rawTarget.IndexOf('/', authority + 3);
            rawTarget = slash < 0 ? "/" : rawTarget[slash..];
        }

        var question = rawTarget.IndexOf('?', StringComparison.Ordinal);
        return question < 0 ? (rawTarget, "") : (rawTarget[..question], rawTarget[(question + 1)..]);
    }

    /// <summary>
    /// The path as it is written, still encoded. Routes are held against this, letter by letter: what another
    /// spelling of a path means is nothing to guess.
    /// </summary>
    public static string PathOf(HttpContext http) =>
        Split(http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget).Path;

    /// <summary>
    /// Percent-decodes to bytes; in a query, '+' is a space (the form encoding of HTML). 400 if an escape is
    /// malformed.
    /// </summary>
    public static byte[] Decode(ReadOnlySpan<char> encoded, bool isQuery)
    {
        var bytes = new byte[encoded.Length];
        var count = 0;
        for (var i = 0; i < encoded.Length; i++)
        {
            if (encoded[i] == '%')
            {
                bytes[count++] = Escaped(encoded, i);
                i += 2;
            }
            else if (char.IsAscii(encoded[i]))
                bytes[count++] = encoded[i] == '+' && isQuery ? (byte)' ' : (byte)encoded[i];
            else
                throw HttpFailure.Invalid(
                    "characters beyond ASCII are written as percent-escapes of their UTF-8 bytes");
        }

        return bytes[..count];
    }

    /// <summary>Bytes as text; 400 if they are not UTF-8.</summary>
    public static string Text(string name, ReadOnlySpan<byte> bytes) =>
        Utf8Text.Problem(name, bytes) is { } problem
            ? throw HttpFailure.Invalid(problem)
            : Utf8Text.Decode(name, bytes);

    /// <summary>Base64, padded or not, of either alphabet, as bytes; 400 if it is not.</summary>
    public static byte[] Base64(string name, string text)
    {
        if (text.AsSpan().ContainsAny(" \t\r\n"))
            throw HttpFailure.Invalid($"{name} is not base64: it has spaces");
        var standard = text.Replace('-', '+').Replace('_', '/').TrimEnd('=');
        try
        {
            return Convert.FromBase64String(standard.PadRight((standard.Length + 3) / 4 * 4, '='));
        }
        catch (FormatException)
        {
            throw HttpFailure.Invalid($"{name} is not base64");
        }
    }

    private static byte Escaped(ReadOnlySpan<char> encoded, int at)
    {
        var digits = encoded[(at + 1)..Math.Min(at + 3, encoded.Length)];
        return digits.Length == 2 && char.IsAsciiHexDigit(digits[0]) && char.IsAsciiHexDigit(digits[1])
            ? byte.Parse(digits, System.Globalization.NumberStyles.AllowHexSpecifier, null)
            : throw HttpFailure.Invalid(
                $"'%{digits}' is no percent-escape; a literal percent sign is written %25");
    }
}
