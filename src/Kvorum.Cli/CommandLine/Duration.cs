using System.Buffers;
using System.Globalization;

namespace Kvorum.Cli.CommandLine;

/// <summary>
/// A time as people write it, in whole milliseconds: <c>100ms</c>, <c>1.5s</c>, <c>2m</c>, <c>1h30m</c>,
/// <c>7d</c>.
/// </summary>
internal readonly record struct Duration(TimeSpan Span)
{
    /// <summary>What is asked for when a text is none.</summary>
    public const string Wanted = "a time such as 100ms, 1.5s, 2m, 1h30m or 7d, in whole milliseconds";

    // Longest first: the parts of a time come in this order, each unit once.
    private static readonly (string Unit, long Ms)[] Units =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789.");

    // A hundred years.
    private const long MsMax = 36_500L * 86_400_000;

    /// <summary>
    /// Reads one or more numbers with their units; null if the text is none, or is no whole number of
    /// milliseconds: a part of one is neither nothing nor a whole one.
    /// </summary>
    public static Duration? TryParse(string text)
    {
        if (text == "0")
            return new(TimeSpan.Zero);
        decimal total = 0;
        var unit = 0;
        for (var rest = text.AsSpan(); ;)
        {
            var digits = rest.IndexOfAnyExcept(Digits);
            var word = digits < 1 ? default : rest[digits..];
            var letters = word.IndexOfAny(Digits);
            word = letters < 0 ? word : word[..letters];
            unit = IndexOf(word, unit);
            if (unit < 0 || ToNumber(rest[..digits]) is not { } number || number > MsMax)
                return null;
            total += number * Units[unit++].Ms;
            rest = rest[(digits + word.Length)..];
            if (rest.IsEmpty)
                break;
        }

        return total <= MsMax && decimal.IsInteger(total)
            ? new(TimeSpan.FromMilliseconds((long)total)) : null;
    }

    private static decimal? ToNumber(ReadOnlySpan<char> text) => decimal.TryParse(
        text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
        ? number : null;

    private static int IndexOf(ReadOnlySpan<char> word, int from)
    {
        for (var n = from; n < Units.Length; n++)
        {
            if (word.SequenceEqual(Units[n].Unit))
                return n;
        }

        return -1;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var total = Span.TotalMilliseconds;
        var (unit, ms) = Units.First(one => (one.Ms <= total && total % one.Ms == 0) || one.Ms == 1);
        return string.Create(CultureInfo.InvariantCulture, $"{total / ms:0.###}{unit}");
    }
}
