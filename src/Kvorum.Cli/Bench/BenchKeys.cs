using System.Globalization;

namespace Kvorum.Cli.Bench;

/// <summary>
/// The keys of a run: the key's number in decimal digits, after as many 'k' as fill the size.
/// </summary>
internal static class BenchKeys
{
    /// <summary>How many digits the numbers below <paramref name="keys"/> take.</summary>
    public static int DigitsFor(long keys) =>
        (Math.Max(1, keys) - 1).ToString(CultureInfo.InvariantCulture).Length;

    /// <summary>The key with a number, in memory of its own.</summary>
    public static byte[] Of(long number, int size)
    {
        var key = new byte[size];
        var at = size;
        do
        {
            key[--at] = (byte)('0' + (number % 10));
            number /= 10;
        }
        while (number > 0);
        key.AsSpan(0, at).Fill((byte)'k');
        return key;
    }
}
