using System.Text;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Workloads;

/// <summary>
/// Values of any length, known by a short text: the text, a space, and bytes that follow from it. A value
/// that differs in any byte is another text.
/// </summary>
internal static class Padding
{
    private const byte End = (byte)' ';

    /// <summary>The value of a text, with so many bytes more.</summary>
    public static byte[] Pad(string text, int bytes)
    {
        var value = new byte[text.Length + 1 + bytes];
        Encoding.ASCII.GetBytes(text, value);
        value[text.Length] = End;
        Fill(text, value.AsSpan(text.Length + 1));
        return value;
    }

    /// <summary>The text of a value; a value without padding is its own text.</summary>
    public static string TextOf(ReadOnlySpan<byte> value)
    {
        var end = value.IndexOf(End);
        if (end < 0)
            return Encoding.ASCII.GetString(value);
        var text = Encoding.ASCII.GetString(value[..end]);
        var padding = value[(end + 1)..];
        var expected = new byte[padding.Length];
        Fill(text, expected);
        return padding.SequenceEqual(expected) ? text : $"{text}, damaged: {Fingerprint.Of(value):x16}";
    }

    private static void Fill(string text, Span<byte> room)
    {
        var random = new RandomStream((ulong)room.Length, text);
        foreach (ref var one in room)
            one = (byte)random.Next();
    }
}
