namespace Kvorum.Protocol;

/// <summary>
/// Which slot and partition a key belongs to. A slot is CRC-16/XMODEM of the key, or of the part between the
/// first '{' and the next '}' if that is not empty, modulo 16384 (Redis Cluster specification, "Key
/// distribution model"). A partition is a contiguous range of slots.
/// </summary>
public static class KeySlot
{
    private static readonly ushort[] Table = MakeTable();

    /// <summary>The slot of a key.</summary>
    public static int Of(ReadOnlySpan<byte> key) => Crc16(Hashed(key)) % Limits.SlotCount;

    /// <summary>The partition, of <paramref name="partitionCount"/>, that holds a slot.</summary>
    public static uint PartitionOf(int slot, int partitionCount) =>
        (uint)((long)slot * partitionCount / Limits.SlotCount);

    private static ReadOnlySpan<byte> Hashed(ReadOnlySpan<byte> key)
    {
        var open = key.IndexOf((byte)'{');
        if (open < 0)
            return key;
        var rest = key[(open + 1)..];
        var close = rest.IndexOf((byte)'}');
        return close > 0 ? rest[..close] : key;
    }

    private static ushort Crc16(ReadOnlySpan<byte> bytes)
    {
        ushort crc = 0;
        foreach (var b in bytes)
            crc = (ushort)((crc << 8) ^ Table[(crc >> 8) ^ b]);
        return crc;
    }

    private static ushort[] MakeTable()
    {
        var table = new ushort[256];
        for (var i = 0; i < 256; i++)
        {
            var crc = (ushort)(i << 8);
            for (var bit = 0; bit < 8; bit++)
                crc = (ushort)((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
            table[i] = crc;
        }

        return table;
    }
}
