using System.Globalization;

namespace Kvorum.Cli.CommandLine;

/// <summary>A time as people write it: <c>100ms</c>, <c>1.5s</c>, <c>2m</c>, <c>1h</c>.</summary>
internal readonly record struct Duration(TimeSpan Span)
{
    private static readonly (string Unit, double Ms)[] Units =
        [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

    /// <summary>Reads a number with its unit; null if it is none.</summary>
    public static Duration? TryParse(string text)
    {
        foreach (var (unit, ms) in Units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint,
                    CultureInfo.InvariantCulture, out double number)
                && number * ms < TimeSpan.MaxValue.TotalMilliseconds)
                return new(TimeSpan.FromMilliseconds(number * ms));
        }

        return text == "0" ? new(TimeSpan.Zero) : null;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        double total = Span.TotalMilliseconds;
        var (unit, ms) =
            Units.Last(one => one.Ms <= Math.Max(total, 1) && total % one.Ms == 0 || one.Ms == 1);
        return string.Create(CultureInfo.InvariantCulture, $"{total / ms:0.###}{unit}");
    }
}
