namespace Kvorum.Verification.Search;

/// <summary>
/// What a key may hold at a moment of an order that is being tried. The version of a write whose answer was
/// lost is not known until an answer shows it; until then it is only known to be greater than all before.
/// </summary>
/// <param name="Value">Number of the value in <see cref="KeySteps"/>, or <see cref="Absent"/>.</param>
/// <param name="Floor">The version, if it is known; else a bound that it is greater than.</param>
/// <param name="HasVersion">True if the version is known, or the key is absent.</param>
internal readonly record struct RegisterState(int Value, ulong Floor, bool HasVersion)
{
    /// <summary>Number of the value of a key that is not there.</summary>
    public const int Absent = -1;

    /// <summary>A key that was never written.</summary>
    public static RegisterState Initial => new(Absent, 0, true);

    /// <summary>The least version that the key may have now, or its last write had.</summary>
    public ulong LeastVersion => HasVersion ? Floor : Floor + 1;

    /// <summary>128 bits that tell this state from others.</summary>
    public UInt128 Fingerprint(bool flag)
    {
        var low = Bits.Mix(Floor + Bits.Mix((ulong)(uint)Value));
        var high = Bits.Mix(low ^ (HasVersion ? 3UL : 5UL) ^ (flag ? 16UL : 32UL));
        return new(high, Bits.Mix(high + low));
    }
}
