namespace Kvorum.Cli.Bench;

/// <summary>
/// Draws key numbers below a count, evenly or by Zipf's law, where the number k is drawn in proportion to
/// 1/(k+1)^0.99: few keys get most of the load. The method is that of Gray et al., "Quickly Generating
/// Billion-Record Synthetic Databases" (SIGMOD 1994), with the constant that YCSB made usual. Immutable:
/// clients share one.
/// </summary>
internal sealed class KeyPicker
{
    /// <summary>The skew.</summary>
    public const double Theta = 0.99;

    private readonly bool _isZipf;
    private readonly double _zeta;
    private readonly double _eta;

    /// <summary>
    /// A picker among <paramref name="count"/> keys. With Zipf's law it takes a moment for many keys.
    /// </summary>
    public KeyPicker(long count, bool isZipf)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        (Count, _isZipf) = (count, isZipf);
        if (!isZipf)
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
        if (!_isZipf)
            return random.NextInt64(Count);
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
