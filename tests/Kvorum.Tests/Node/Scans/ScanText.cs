using System.Text;

namespace Kvorum.Tests.Node.Scans;

/// <summary>Bytes of keys and values as the text they were made of.</summary>
internal static class ScanText
{
    public static string Text(this ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
