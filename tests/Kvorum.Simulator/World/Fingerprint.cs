using System.Runtime.InteropServices;

namespace Kvorum.Simulator.World;

/// <summary>
/// A running 64-bit hash, the same on every machine. Tells runs apart; no defence against anyone.
/// </summary>
internal struct Fingerprint
{
    private const ulong Prime = 0x9e3779b97f4a7c15;

    /// <summary>The hash of all that was added.</summary>
    public ulong Value { get; private set; }

    /// <summary>The hash of some bytes.</summary>
    public static ulong Of(ReadOnlySpan<byte> bytes)
    {
        var hash = default(Fingerprint);
        hash.Add(bytes);
        return hash.Value;
    }

    /// <summary>Adds a number.</summary>
    public void Add(ulong number)
    {
        var mixed = (Value ^ number) * Prime;
        Value = (mixed ^ (mixed >> 29)) * 0xbf58476d1ce4e5b9;
    }

    /// <summary>Adds bytes, and how many they are.</summary>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        Add((ulong)bytes.Length);
        foreach (var number in MemoryMarshal.Cast<byte, ulong>(bytes))
            Add(number);
        ulong rest = 0;
        foreach (var one in bytes[(bytes.Length & ~7)..])
            rest = (rest << 8) | one;
        Add(rest);
    }
}
