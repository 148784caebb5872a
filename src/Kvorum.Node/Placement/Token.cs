using System.Globalization;
using Kvorum.Raft;

namespace Kvorum.Node.Placement;

/// <summary>
/// A position on the ring of 2^64 positions. Positions come from <see cref="Of(NodeId, int)"/> and
/// <see cref="OfPartition"/> only, so every node, in every process and for all time, computes the same ones:
/// changing the mixing function would move all data.
/// </summary>
/// <param name="Position">Distance from the ring's origin, clockwise.</param>
public readonly record struct Token(ulong Position) : IComparable<Token>
{
    /// <summary>The position of a node's virtual node.</summary>
    /// <param name="node">The whole id takes part: ids that share half of their bits do not share
    /// positions.</param>
    /// <param name="virtualNode">Number of the virtual node, from zero.</param>
    public static Token Of(NodeId node, int virtualNode) =>
        new(Mix(Mix(Mix((ulong)(node.Value >> 64)) ^ (ulong)node.Value) ^ (uint)virtualNode));

    /// <summary>The position from which a partition's replicas are searched.</summary>
    /// <param name="partition">Number of the partition.</param>
    public static Token OfPartition(uint partition) => new(Mix(~(ulong)partition));

    /// <inheritdoc/>
    public int CompareTo(Token other) => Position.CompareTo(other.Position);

    /// <inheritdoc/>
    public override string ToString() => Position.ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>Order clockwise from the ring's origin.</summary>
    public static bool operator <(Token left, Token right) => left.Position < right.Position;

    /// <summary>Order clockwise from the ring's origin.</summary>
    public static bool operator >(Token left, Token right) => left.Position > right.Position;

    /// <summary>Order clockwise from the ring's origin.</summary>
    public static bool operator <=(Token left, Token right) => left.Position <= right.Position;

    /// <summary>Order clockwise from the ring's origin.</summary>
    public static bool operator >=(Token left, Token right) => left.Position >= right.Position;

    // One step of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA
    // 2014): a bijection of 64-bit numbers in which each input bit changes each output bit with probability
    // of about a half.
    private static ulong Mix(ulong value)
    {
        value += 0x9e3779b97f4a7c15;
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }
}
