using System.Buffers.Binary;

namespace Kvorum.Storage.Lsm;

/// <summary>The first eight bytes of a key as a number, which decides most comparisons of keys.</summary>
internal static class KeyPrefix
{
    /// <summary>Ordered as the keys are; a shorter key counts as followed by zeros.</summary>
    public static ulong Of(ReadOnlySpan<byte> key)
    {
        if (key.Length >= sizeof(ulong))
            return BinaryPrimitives.ReadUInt64BigEndian(key);
        ulong prefix = 0;
        for (var i = 0; i < key.Length; i++)
            prefix |= (ulong)key[i] << (56 - (8 * i));
        return prefix;
    }
}
