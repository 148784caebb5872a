using System.Buffers.Binary;
using System.Numerics;

namespace Kvorum.Quorum.Merkle;

/// <summary>
/// Leaves in which two replicas differ: a bit for each leaf at the depth that both trees have.
/// </summary>
/// <remarks>Grammar of the bytes; whichever form is shorter:
/// <code>
/// set    = depth:u8 (list | bitmap)
/// list   = 0:u8 (leaf:u32)*               little-endian, ascending
/// bitmap = 1:u8 (bits:u64){2^depth / 64}  little-endian, leaf 0 is the lowest bit
/// </code></remarks>
public sealed class LeafSet
{
    private readonly ulong[] _bits;

    /// <summary>The empty set of leaves of trees of that depth.</summary>
    public LeafSet(int depth)
    {
        Invariant.Check(depth is >= MerkleTree.DepthMin and <= MerkleTree.DepthMax);
        Depth = depth;
        _bits = new ulong[1 << (depth - 6)];
    }

    /// <summary>The depth of the leaves.</summary>
    public int Depth { get; }

    /// <summary>The leaves in the set.</summary>
    public int Count { get; private set; }

    /// <summary>True if the set has the leaf of that key: the record is to be compared.</summary>
    public bool Contains(ulong keyHash) => Has(MerkleTree.LeafOf(keyHash, Depth));

    internal bool Has(uint leaf) => (_bits[leaf >> 6] >> (int)(leaf & 63) & 1) != 0;

    internal void Add(uint leaf)
    {
        if (Has(leaf)) return;
        _bits[leaf >> 6] |= 1UL << (int)(leaf & 63);
        Count++;
    }

    /// <summary>The bytes of the set: at most 128 KiB.</summary>
    public byte[] Encode()
    {
        var isList = Count * 4L < _bits.Length * 8L;
        var bytes = new byte[2 + (isList ? Count * 4 : _bits.Length * 8)];
        bytes[0] = (byte)Depth;
        bytes[1] = isList ? (byte)0 : (byte)1;
        var into = bytes.AsSpan(2);
        for (var i = 0; i < _bits.Length; i++)
        {
            if (!isList)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(into[(i * 8)..], _bits[i]);
                continue;
            }

            for (var bits = _bits[i]; bits != 0; bits &= bits - 1)
            {
                var leaf = ((uint)i << 6) + (uint)BitOperations.TrailingZeroCount(bits);
                BinaryPrimitives.WriteUInt32LittleEndian(into, leaf);
                into = into[4..];
            }
        }

        return bytes;
    }

    /// <summary>Reads what <see cref="Encode"/> writes; null if it is something else.</summary>
    public static LeafSet? DecodeOrNull(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 2 || bytes[0] is < MerkleTree.DepthMin or > MerkleTree.DepthMax) return null;
        var set = new LeafSet(bytes[0]);
        var kind = bytes[1];
        bytes = bytes[2..];
        if (kind == 1)
        {
            if (bytes.Length != set._bits.Length * 8) return null;
            for (var i = 0; i < set._bits.Length; i++)
            {
                set._bits[i] = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(i * 8)..]);
                set.Count += BitOperations.PopCount(set._bits[i]);
            }

            return set;
        }

        if (kind != 0 || bytes.Length % 4 != 0) return null;
        for (; bytes.Length > 0; bytes = bytes[4..])
        {
            var leaf = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            if (leaf >= 1u << set.Depth) return null;
            set.Add(leaf);
        }

        return set;
    }
}
