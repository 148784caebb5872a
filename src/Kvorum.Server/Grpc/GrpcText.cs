using System.Buffers;
using System.Text;
using Kvorum.Protocol;

namespace Kvorum.Server.Grpc;

/// <summary>
/// The two text forms of the protocol that are more than plain words ("gRPC over HTTP2"): Status-Message and
/// Timeout.
/// </summary>
internal static class GrpcText
{
    private static readonly SearchValues<char> Plain = SearchValues.Create(
        [.. Enumerable.Range(' ', '~' - ' ' + 1).Select(static c => (char)c).Where(static c => c != '%')]);

    /// <summary>
    /// UTF-8, percent-encoded except for printable ASCII: what grpc-message may hold. Cut to <see
    /// cref="GrpcErrors.MessageBytesMax"/>.
    /// </summary>
    public static string EncodeMessage(string message)
    {
        message = Utf8Text.Message(message, GrpcErrors.MessageBytesMax);
        if (!message.AsSpan().ContainsAnyExcept(Plain))
            return message;
        var encoded = new StringBuilder(message.Length + 16);
        foreach (var b in Utf8Text.Encode("the message", message))
        {
            if (b is >= (byte)' ' and <= (byte)'~' and not (byte)'%')
                encoded.Append((char)b);
            else
                encoded.Append('%').Append(b.ToString("X2", null));
        }

        return encoded.ToString();
    }

    /// <summary>
    /// Reads grpc-timeout: at most eight digits and a unit of H, M, S, m, u, n. The result is at most
    /// <paramref name="max"/> (99,999,999 hours overflow every timer). False if the text is not a timeout.
    /// </summary>
    public static bool TryParseTimeout(string text, TimeSpan max, out TimeSpan timeout)
    {
        timeout = default;
        if (text.Length is < 2 or > 9)
            return false;
        long value = 0;
        foreach (var digit in text.AsSpan(0, text.Length - 1))
        {
            if (!char.IsAsciiDigit(digit))
                return false;
            value = (value * 10) + (digit - '0');
        }

        var ticks = text[^1] switch
        {
            'H' => Capped(value, TimeSpan.TicksPerHour, max),
            'M' => Capped(value, TimeSpan.TicksPerMinute, max),
            'S' => Capped(value, TimeSpan.TicksPerSecond, max),
            'm' => Capped(value, TimeSpan.TicksPerMillisecond, max),
            'u' => Capped(value, TimeSpan.TicksPerMicrosecond, max),
            'n' => Math.Min(value / TimeSpan.NanosecondsPerTick, max.Ticks),
            _ => -1,
        };
        timeout = new TimeSpan(ticks);
        return ticks >= 0;
    }

    private static long Capped(long value, long unit, TimeSpan max) =>
        value > max.Ticks / unit ? max.Ticks : value * unit;
}
