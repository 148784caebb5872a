using System.Text;

namespace Kvorum.Tests.Storage;

/// <summary>Text as bytes and back.</summary>
internal static class TestBytes
{
    public static byte[] Of(string text) => Encoding.Latin1.GetBytes(text);

    public static string Text(ReadOnlyMemory<byte> bytes) => Encoding.Latin1.GetString(bytes.Span);
}
