using System.Globalization;

namespace Kvorum.Protocol;

/// <summary>
/// The whole version of a record in a quorum keyspace: the time of its write by the coordinator's hybrid
/// clock, then the coordinator's data folder. No two writes share one, and of two the greater wins.
/// </summary>
/// <param name="Time">What <see cref="Reply.Version"/> says.</param>
/// <param name="Writer">What <see cref="Reply.Writer"/> says.</param>
public readonly record struct WriteVersion(ulong Time, ulong Writer)
{
    /// <summary>What <see cref="ParseOrNull"/> reads, for people.</summary>
    public const string Form = "a number, '@' and 16 hexadecimal digits, as an indeterminate write told it";

    /// <summary>Time and writer, as in <c>115638272000000001@00c0ffee00c0ffee</c>.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Time}@{Writer:x16}");

    /// <summary>Reads what <see cref="ToString"/> writes; null if it is something else.</summary>
    public static WriteVersion? ParseOrNull(ReadOnlySpan<char> text)
    {
        var at = text.IndexOf('@');
        return at > 0
            && ulong.TryParse(text[..at], NumberStyles.None, CultureInfo.InvariantCulture, out var time)
            && text.Length - at == 17
            && ulong.TryParse(
                text[(at + 1)..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
                out var writer)
            ? new(time, writer) : null;
    }
}
