namespace Kvorum.Quorum.Merkle;

/// <summary>What two replicas compare first: equal roots mean equal replicas.</summary>
/// <param name="Sum">The sum of all records.</param>
/// <param name="Count">The number of records, tombstones included.</param>
/// <param name="Depth">The depth of the tree; it plays no part in the comparison.</param>
public readonly record struct MerkleRoot(UInt128 Sum, long Count, int Depth)
{
    /// <summary>Bytes of a root on the wire.</summary>
    public const int Size = 25;

    /// <summary>True if the replicas hold the same records in the same versions.</summary>
    public bool IsSameAs(MerkleRoot other) => Sum == other.Sum && Count == other.Count;
}

/// <summary>
/// The Merkle tree of a partition replica (Merkle, 1987; Dynamo, 2007, section 4.7), kept up with each write.
/// A leaf is the sum, modulo 2^128, of the hashes of key and version of all records whose key's hash begins
/// with the leaf's bits; an inner node is the sum of its children. Owned by one caller.
/// </summary>
/// <remarks>
/// <code>
///                 sum of all                level 0
///          0...              1...           level 1
///      00..    01..      10..    11..       level 2: leaves of a tree of depth 2
/// </code>
/// <para>Sums instead of hashes of hashes (Bellare and Micciancio, "A New Paradigm for Collision-Free
/// Hashing", 1997): to replace a record is one subtraction and one addition, inner nodes need not be kept,
/// and trees of different depths have the same sums at the levels that both have. A tree costs 16 bytes a
/// leaf, about one or two bytes a key.</para>
/// <para>What goes in: every record that the replica holds, with tombstones. A record that expires stays as
/// it is: its tombstone has the same version. A tombstone that is collected goes out.</para>
/// <para><em>To build</em>, at a start and to grow: make a tree, take a read view of the data, and from then
/// on tell each change to the new tree, too; add all records of the view meanwhile, in any order. Sums do not
/// care for the order, so the tree is right when the view is read.</para>
/// </remarks>
/// <param name="depth"><see cref="DepthMin"/> to <see cref="DepthMax"/>; see <see cref="DepthFor"/>.</param>
public sealed class MerkleTree(int depth)
{
    /// <summary>The least depth: 64 leaves, a kibibyte.</summary>
    public const int DepthMin = 6;

    /// <summary>The greatest depth: a million leaves, 16 MiB, for some 16 million keys.</summary>
    public const int DepthMax = 20;

    private const int KeysPerLeaf = 16;

    // A tree is left as it is until it has half as many again: to build it reads all records.
    private const int KeysPerLeafMax = 24;

    private readonly UInt128[] _leaves = new UInt128[1 << Checked(depth)];
    private UInt128 _sum;

    /// <summary>The levels below the root; there are 2^depth leaves.</summary>
    public int Depth { get; } = depth;

    /// <summary>The records in the tree.</summary>
    public long Count { get; private set; }

    /// <summary>The sum of all records, and what goes with it.</summary>
    public MerkleRoot Root => new(_sum, Count, Depth);

    /// <summary>True if a deeper tree should be built: its leaves have come to hold many keys.</summary>
    public bool IsTooShallow => Depth < DepthMax && Count > (long)KeysPerLeafMax << Depth;

    /// <summary>The depth for a number of keys: 8 to 16 keys a leaf, within the bounds.</summary>
    public static int DepthFor(long keys)
    {
        var depth = DepthMin;
        while (depth < DepthMax && (long)KeysPerLeaf << depth < keys) depth++;
        return depth;
    }

    /// <summary>A record came, changed or went. Constant time.</summary>
    /// <param name="keyHash"><see cref="KeyHash.Of"/> the key.</param>
    /// <param name="old">The version that was there; none if the key was not.</param>
    /// <param name="now">The version that is there; none if the record is collected.</param>
    public void Replace(ulong keyHash, RecordVersion old, RecordVersion now)
    {
        ref var leaf = ref _leaves[keyHash >> (64 - Depth)];
        if (!old.IsNone)
        {
            var gone = KeyHash.OfRecord(keyHash, old);
            leaf = unchecked(leaf - gone);
            _sum = unchecked(_sum - gone);
            Count--;
        }

        if (!now.IsNone)
        {
            var added = KeyHash.OfRecord(keyHash, now);
            leaf = unchecked(leaf + added);
            _sum = unchecked(_sum + added);
            Count++;
        }
    }

    /// <summary>The leaf of a key in a tree of a depth.</summary>
    internal static uint LeafOf(ulong keyHash, int depth) => (uint)(keyHash >> (64 - depth));

    /// <summary>
    /// The sum of a node: all records whose key's hash begins with the <paramref name="level"/> bits of
    /// <paramref name="prefix"/>. Takes 2^(depth - level) additions.
    /// </summary>
    internal UInt128 Sum(int level, uint prefix)
    {
        Invariant.Check(level >= 0 && level <= Depth && prefix < 1u << level);
        var leaves = 1 << (Depth - level);
        UInt128 sum = 0;
        foreach (var leaf in _leaves.AsSpan((int)prefix * leaves, leaves)) sum = unchecked(sum + leaf);
        return sum;
    }

    /// <summary>
    /// The sums of a node's descendants at <paramref name="childLevel"/>, cut to 64 bits. Differences below
    /// the root need no more: a wrong match costs a record until the next write or the next depth.
    /// </summary>
    internal void SumsBelow(int level, uint prefix, int childLevel, Span<ulong> into)
    {
        var first = prefix << (childLevel - level);
        for (var i = 0; i < into.Length; i++) into[i] = (ulong)Sum(childLevel, first + (uint)i);
    }

    private static int Checked(int depth)
    {
        Invariant.Check(depth is >= DepthMin and <= DepthMax);
        return depth;
    }
}
