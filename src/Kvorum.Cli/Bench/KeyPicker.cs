namespace Kvorum.Cli.Bench;

/// <summary>
/// Draws key numbers below a count: evenly; one after the other; or by Zipf's law, where the number k is
/// drawn in proportion to 1/(k+1)^0.99: few keys get most of the load. The method is that of Gray et al.,
/// "Quickly Generating Billion-Record Synthetic Databases" (SIGMOD 1994), with the constant that YCSB made
/// usual. Clients share one, from any thread.
/// </summary>
internal sealed class KeyPicker
{
    /// <summary>The skew.</summary>
    public const double Theta = 0.99;

    /// <summary>Zipf's law is summed up key by key: a second for so many.</summary>
    public const long ZipfKeysMax = 100_000_000;

    private readonly string _distribution;
    private readonly double _zeta;
    private readonly double _eta;
    private long _last;

    /// <summary>
    /// A picker among <paramref name="count"/> keys. With Zipf's law it takes a moment for many keys.
    /// </summary>
    /// <param name="count">Keys, 1 at least.</param>
    /// <param name="distribution">uniform, sequential or zipf.</param>
    /// <param name="first">The first number of sequential; behind the greatest comes 0.</param>
    public KeyPicker(long count, string distribution, long first = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        (Count, _distribution, _last) = (count, distribution, first - 1);
        if (distribution != "zipf")
            return;
        for (long k = 1; k <= count; k++)
            _zeta += 1 / Math.Pow(k, Theta);
        _eta = count < 3 ? 0 : (1 - Math.Pow(2.0 / count, 1 - Theta)) / (1 - (SumOfTwo / _zeta));
    }

    /// <summary>How many keys there are.</summary>
    public long Count { get; }

    private static double SumOfTwo => 1 + Math.Pow(0.5, Theta);

    /// <summary>The next key number, 0 to <see cref="Count"/> - 1.</summary>
    public long Next(Random random)
    {
        if (_distribution == "uniform")
            return random.NextInt64(Count);
        if (_distribution == "sequential")
            return Interlocked.Increment(ref _last) % Count;
        var u = random.NextDouble();
        var uz = u * _zeta;
        if (uz < 1 || Count == 1)
            return 0;
        if (uz < SumOfTwo || Count == 2)
            return 1;
        var drawn = (long)(Count * Math.Pow((_eta * u) - _eta + 1, 1 / (1 - Theta)));
        return Math.Clamp(drawn, 0, Count - 1);
    }
}
