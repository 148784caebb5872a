using System.Globalization;
using System.Numerics;

namespace Kvorum.Quorum;

/// <summary>
/// A set of the nodes that take part in one operation, as bits. The coordinator numbers them from 0 in the
/// order in which it prefers to ask them, itself first if it holds a replica; the number means nothing
/// elsewhere.
/// </summary>
/// <param name="Bits">Bit i is set if node i is in the set.</param>
public readonly record struct ReplicaMask(ulong Bits)
{
    /// <summary>The most nodes that one operation knows.</summary>
    public const int NodesMax = 64;

    /// <summary>The empty set.</summary>
    public static ReplicaMask None => default;

    /// <summary>True if no node is in the set.</summary>
    public bool IsEmpty => Bits == 0;

    /// <summary>The number of nodes in the set.</summary>
    public int Count => BitOperations.PopCount(Bits);

    /// <summary>The node with the least number; the set is not empty.</summary>
    public int First
    {
        get
        {
            Invariant.Check(Bits != 0);
            return BitOperations.TrailingZeroCount(Bits);
        }
    }

    /// <summary>The set of one node.</summary>
    public static ReplicaMask Of(int node)
    {
        Invariant.Check(node is >= 0 and < NodesMax);
        return new ReplicaMask(1UL << node);
    }

    /// <summary>The set of several nodes.</summary>
    public static ReplicaMask Of(params ReadOnlySpan<int> nodes)
    {
        var bits = 0UL;
        foreach (var node in nodes) bits |= Of(node).Bits;
        return new ReplicaMask(bits);
    }

    /// <summary>The nodes 0 to <paramref name="count"/> - 1.</summary>
    public static ReplicaMask Below(int count)
    {
        Invariant.Check(count is >= 0 and <= NodesMax);
        return new ReplicaMask(count == NodesMax ? ulong.MaxValue : (1UL << count) - 1);
    }

    /// <summary>True if the node is in the set.</summary>
    public bool Contains(int node) => (Bits >> node & 1) != 0;

    /// <summary>True if the sets have a node in common.</summary>
    public bool Overlaps(ReplicaMask other) => (Bits & other.Bits) != 0;

    /// <summary>The nodes of this set that are not in the other.</summary>
    public ReplicaMask Except(ReplicaMask other) => new(Bits & ~other.Bits);

    /// <summary>The nodes of either set.</summary>
    public static ReplicaMask operator |(ReplicaMask left, ReplicaMask right) => new(left.Bits | right.Bits);

    /// <summary>The nodes of both sets.</summary>
    public static ReplicaMask operator &(ReplicaMask left, ReplicaMask right) => new(left.Bits & right.Bits);

    /// <summary>Walks over the nodes in order, without allocating.</summary>
    public Enumerator GetEnumerator() => new(Bits);

    /// <summary>The numbers, as in <c>0,2</c>; or <c>-</c>.</summary>
    public override string ToString()
    {
        if (IsEmpty) return "-";
        var names = new List<string>();
        foreach (var node in this) names.Add(node.ToString(CultureInfo.InvariantCulture));
        return string.Join(',', names);
    }

    /// <summary>A walk over a set.</summary>
    public struct Enumerator
    {
        private ulong _left;

        internal Enumerator(ulong bits)
        {
            _left = bits;
            Current = -1;
        }

        /// <summary>The node.</summary>
        public int Current { get; private set; }

        /// <summary>Goes to the next node; false at the end.</summary>
        public bool MoveNext()
        {
            if (_left == 0) return false;
            Current = BitOperations.TrailingZeroCount(_left);
            _left &= _left - 1;
            return true;
        }
    }
}

/// <summary>Of <paramref name="Members"/>, <paramref name="Needed"/> must have answered.</summary>
/// <param name="Members">The replicas that count.</param>
/// <param name="Needed">1 to their number; zero with the empty set, which is always satisfied.</param>
public readonly record struct QuorumSet(ReplicaMask Members, int Needed)
{
    /// <summary>The set that asks for nothing.</summary>
    public static QuorumSet None => default;

    /// <summary>True if enough members are in <paramref name="answered"/>.</summary>
    public bool IsMetBy(ReplicaMask answered) => (Members & answered).Count >= Needed;

    /// <summary>How many members are lacking in <paramref name="answered"/>.</summary>
    public int Lacking(ReplicaMask answered) => Math.Max(0, Needed - (Members & answered).Count);

    internal void Check() => Invariant.Check(
        Needed <= Members.Count && (Needed >= 1 || Members.IsEmpty), "a quorum of 1 to N");
}
