using System.Buffers.Binary;

namespace Kvorum.Storage.Lsm.Tables;

/// <summary>
/// A place that is searched for in blocks: a key and a sequence number. The first eight bytes of the key are
/// kept as a number, which decides most comparisons without a walk over bytes.
/// </summary>
internal readonly unsafe ref struct SoughtKey
{
    /// <summary>To be searched for.</summary>
    public SoughtKey(ReadOnlySpan<byte> key, ulong sequence)
    {
        Key = key;
        Sequence = sequence;
        Prefix = KeyPrefix.Of(key);
    }

    /// <summary>The key.</summary>
    public ReadOnlySpan<byte> Key { get; }

    /// <summary>Of a key's versions, the first one that is not newer.</summary>
    public ulong Sequence { get; }

    /// <summary>Its <see cref="KeyPrefix.Of"/>.</summary>
    public ulong Prefix { get; }

    /// <summary>
    /// Below zero if the key of an entry of a whole block, which shares nothing, is before the sought one.
    /// </summary>
    /// <param name="key">
    /// Where it begins: eight bytes can be read, as a stamp and two numbers of four bytes at least follow.
    /// </param>
    /// <param name="bytes">Its length.</param>
    public int Compare(byte* key, int bytes)
    {
        var common = Math.Min(bytes, Key.Length);
        if (common > 0)
        {
            var other = BinaryPrimitives.ReverseEndianness(*(ulong*)key);
            var shift = 64 - (8 * Math.Min(common, sizeof(ulong)));
            var mine = Prefix >> shift;
            other >>= shift;
            if (other != mine)
                return other < mine ? -1 : 1;
        }

        if (common <= sizeof(ulong))
            return bytes.CompareTo(Key.Length);
        return new ReadOnlySpan<byte>(key + sizeof(ulong), bytes - sizeof(ulong))
            .SequenceCompareTo(Key[sizeof(ulong)..]);
    }
}
