namespace Kvorum.Verification.Search;

/// <summary>
/// How many of the steps of unknown outcome that do the same are done, for some kinds of them: lanes of one
/// number.
/// </summary>
internal static class RepeatCounts
{
    /// <summary>Number of lanes.</summary>
    public const int Lanes = 4;

    /// <summary>Bound of a lane's count; the bit above it is the comparison's.</summary>
    public const int LaneMax = 1 << (LaneBits - 1);

    private const int LaneBits = 64 / Lanes;

    private const ulong TopBits = 0x8000_8000_8000_8000;

    /// <summary>One in a lane.</summary>
    public static ulong One(int lane) => 1UL << (lane * LaneBits);

    /// <summary>
    /// True if no lane of <paramref name="few"/> is above that of <paramref name="many"/>.
    /// </summary>
    public static bool IsAtMost(ulong few, ulong many) => (((many | TopBits) - few) & TopBits) == TopBits;
}
