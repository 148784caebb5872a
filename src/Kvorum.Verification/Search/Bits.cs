namespace Kvorum.Verification.Search;

/// <summary>
/// Numbers that look random and are the same everywhere: the finisher of SplitMix64 (Steele, Lea and Flood,
/// "Fast splittable pseudorandom number generators", 2014).
/// </summary>
internal static class Bits
{
    /// <summary>A bijection that spreads each bit over all.</summary>
    public static ulong Mix(ulong bits)
    {
        bits += 0x9E3779B97F4A7C15;
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
        return bits ^ (bits >> 31);
    }

    /// <summary>
    /// The sign of the member <paramref name="index"/>: a set's is the XOR of its members'.
    /// </summary>
    public static UInt128 Member(int index) => new(Mix((ulong)index * 2), Mix((ulong)index * 2 + 1));
}
