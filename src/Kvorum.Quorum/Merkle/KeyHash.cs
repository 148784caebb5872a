using System.Buffers.Binary;
using System.Numerics;

namespace Kvorum.Quorum.Merkle;

/// <summary>
/// The hashes of Merkle trees: the same on all machines and in all versions of the program, because replicas
/// compare them. Multiply and fold, as in Wang Yi's wyhash. No protection against people who choose keys that
/// collide: such keys cost an exchange some records, and never hide a difference of versions for good, since
/// each write changes the sums again.
/// </summary>
public static class KeyHash
{
    private const ulong A = 0x9E3779B97F4A7C15;
    private const ulong B = 0xBF58476D1CE4E5B9;
    private const ulong C = 0x94D049BB133111EB;
    private const ulong D = 0xD6E8FEB86659FD93;

    /// <summary>The hash of a key, by which it has its leaf.</summary>
    public static ulong Of(ReadOnlySpan<byte> key)
    {
        var hash = Fold((ulong)key.Length ^ A, B);
        for (; key.Length >= 16; key = key[16..])
        {
            hash = Fold(
                BinaryPrimitives.ReadUInt64LittleEndian(key) ^ hash ^ C,
                BinaryPrimitives.ReadUInt64LittleEndian(key[8..]) ^ D);
        }

        if (key.Length > 0)
        {
            Span<byte> rest = stackalloc byte[16];
            rest.Clear();
            key.CopyTo(rest);
            hash = Fold(
                BinaryPrimitives.ReadUInt64LittleEndian(rest) ^ hash ^ C,
                BinaryPrimitives.ReadUInt64LittleEndian(rest[8..]) ^ D);
        }

        return Fold(hash ^ A, hash ^ D) ^ hash;
    }

    /// <summary>What a record adds to the sums of a tree.</summary>
    internal static UInt128 OfRecord(ulong keyHash, RecordVersion version)
    {
        var left = Fold(keyHash ^ A, version.Time.Value ^ B);
        var right = Fold(version.Writer.Value ^ C, BitOperations.RotateLeft(keyHash, 32) ^ D);
        return new UInt128(
            Fold(left ^ C, BitOperations.RotateLeft(right, 17) ^ A), Fold(left ^ D, right ^ B));
    }

    private static ulong Fold(ulong left, ulong right)
    {
        var high = Math.BigMul(left, right, out var low);
        return high ^ low;
    }
}
