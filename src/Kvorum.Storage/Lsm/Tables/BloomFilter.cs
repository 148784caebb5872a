using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kvorum.Storage.Lsm.Tables;

/// <summary>
/// A blocked bloom filter: all bits of a key are in one line of 64 bytes, so that a lookup costs one cache
/// miss (Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom Filters, 2007). The upper half of
/// the hash chooses the line, the lower half, multiplied on and on, six bits in it. Hash and bits are part of
/// the format of tables.
/// </summary>
internal static class BloomFilter
{
    private const int LineBytes = 64;
    private const int LineBits = LineBytes * 8;
    private const int Probes = 6;
    private const uint Spread = 0x9E3779B9;

    /// <summary>Bytes of a filter of so many keys, a whole number of lines.</summary>
    public static int BytesOf(int keys, int bitsPerKey) =>
        checked((int)((((long)keys * bitsPerKey) + LineBits - 1) / LineBits * LineBytes));

    /// <summary>
    /// The hash of a key: its bytes in words of eight, the last one filled with zeros, each folded by a
    /// product of 128 bits; the length goes into the beginning.
    /// </summary>
    public static ulong Hash(ReadOnlySpan<byte> key)
    {
        var state = 0x9E3779B97F4A7C15 ^ (ulong)key.Length;
        while (key.Length >= sizeof(ulong))
        {
            state = Fold(state ^ BinaryPrimitives.ReadUInt64LittleEndian(key), 0xD6E8FEB86659FD93);
            key = key[sizeof(ulong)..];
        }

        ulong last = 0;
        for (var i = 0; i < key.Length; i++)
            last |= (ulong)key[i] << (8 * i);
        return Fold(state ^ last, 0xA0761D6478BD642F);
    }

    /// <summary>Writes the filter of these hashes; the bytes must be zero.</summary>
    public static void Write(Span<byte> lines, ReadOnlySpan<ulong> hashes)
    {
        var count = (uint)(lines.Length / LineBytes);
        foreach (var hash in hashes)
        {
            var line = lines.Slice(LineOf(hash, count) * LineBytes, LineBytes);
            var bits = (uint)hash;
            for (var i = 0; i < Probes; i++, bits *= Spread)
                line[(int)(bits >> 26)] |= (byte)(1 << (int)(bits >> 23 & 7));
        }
    }

    /// <summary>False if no such key was put in.</summary>
    public static bool MayHave(ReadOnlySpan<byte> lines, ulong hash)
    {
        var at = LineOf(hash, (uint)(lines.Length / LineBytes)) * LineBytes;
        ref var line = ref MemoryMarshal.GetReference(lines.Slice(at, LineBytes));
        var bits = (uint)hash;
        for (var i = 0; i < Probes; i++, bits *= Spread)
        {
            if ((Unsafe.Add(ref line, (int)(bits >> 26)) & (1 << (int)(bits >> 23 & 7))) == 0)
                return false;
        }

        return true;
    }

    private static int LineOf(ulong hash, uint lines) => (int)((hash >> 32) * lines >> 32);

    private static ulong Fold(ulong a, ulong b)
    {
        var high = Math.BigMul(a, b, out var low);
        return high ^ low;
    }
}
