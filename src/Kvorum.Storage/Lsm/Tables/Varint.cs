using System.Numerics;

namespace Kvorum.Storage.Lsm.Tables;

/// <summary>LEB128 numbers: seven bits a byte, the lowest first.</summary>
internal static unsafe class Varint
{
    /// <summary>Most bytes a number of 64 bits takes.</summary>
    public const int BytesMax = 10;

    /// <summary>Writes a number; how many bytes it took.</summary>
    public static int Write(Span<byte> into, ulong value)
    {
        var at = 0;
        while (value >= 0x80)
        {
            into[at++] = (byte)(value | 0x80);
            value >>= 7;
        }

        into[at++] = (byte)value;
        return at;
    }

    /// <summary>Writes a number where there is room for any, and moves behind it.</summary>
    public static void Write(ref byte* at, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            *at++ = (byte)(value | 0x80);
        *at++ = (byte)value;
    }

    /// <summary>How many bytes a number takes.</summary>
    public static int BytesOf(ulong value) => (BitOperations.Log2(value | 1) / 7) + 1;

    /// <summary>Reads a number known to be whole, and moves behind it.</summary>
    public static ulong Read(ref byte* at)
    {
        ulong value = *at++;
        if (value < 0x80)
            return value;
        value &= 0x7f;
        for (var shift = 7; ; shift += 7)
        {
            ulong next = *at++;
            value |= (next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
    }

    /// <summary>Reads a number that may be cut short or too long; false if so.</summary>
    public static bool TryRead(ref byte* at, byte* end, out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 64 && at < end; shift += 7)
        {
            ulong next = *at++;
            value |= (next & 0x7f) << shift;
            if (next < 0x80)
                return shift < 63 || next <= 1;
        }

        return false;
    }
}
