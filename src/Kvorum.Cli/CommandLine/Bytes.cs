using System.Text;

namespace Kvorum.Cli.CommandLine;

/// <summary>Between the text of a command line and the bytes of keys and values.</summary>
internal static class Bytes
{
    private static readonly UTF8Encoding Strict =
        new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The text as UTF-8.</summary>
    public static byte[] Of(string text) => Encoding.UTF8.GetBytes(text);

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
}
