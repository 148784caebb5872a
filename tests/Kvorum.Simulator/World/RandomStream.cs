namespace Kvorum.Simulator.World;

/// <summary>
/// Random numbers for one purpose, the same on every machine and in every version of the runtime: SplitMix64
/// (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
/// </summary>
internal sealed class RandomStream
{
    private ulong _state;

    /// <summary>Every purpose and number of a seed has its own, independent sequence.</summary>
    public RandomStream(ulong seed, string purpose, int number = 0)
    {
        _state = seed;
        foreach (var letter in purpose)
            _state = Next() ^ letter;
        _state = Next() ^ (ulong)number;
    }

    /// <summary>64 random bits.</summary>
    public ulong Next()
    {
        var mixed = _state += 0x9e3779b97f4a7c15;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>A number from 0 up to, not including, the bound.</summary>
    public int Below(int bound) => (int)Math.BigMul(Next(), (ulong)bound, out _);

    /// <summary>A number from the least to the greatest, both included.</summary>
    public long Between(long least, long greatest) =>
        least + (long)Math.BigMul(Next(), (ulong)(greatest - least + 1), out _);

    /// <summary>From 0 up to, not including, 1.</summary>
    public double Fraction() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>True with that probability.</summary>
    public bool Chance(double probability) => Fraction() < probability;

    /// <summary>
    /// A time between events that come at random with this mean: most are short, few are long.
    /// </summary>
    public long Exponential(double mean) => (long)(-Math.Log(1 - Fraction()) * mean);

    /// <summary>One of them.</summary>
    public T Pick<T>(IReadOnlyList<T> from) => from[Below(from.Count)];
}
