using System.Buffers.Binary;
using K4os.Compression.LZ4;
using Kvorum.Storage.Lsm.Caching;

namespace Kvorum.Storage.Lsm.Tables;

/// <summary>
/// The stored form of compressed data blocks. Blocks in memory and in the cache are always unpacked.
/// </summary>
internal static class PackedBlock
{
    /// <summary>The flag of a block that is stored as it is.</summary>
    public const byte PlainFlag = 0;

    /// <summary>The flag of a block whose body is its length before, u32, and LZ4.</summary>
    public const byte Lz4Flag = 1;

    private const int LengthBytes = sizeof(uint);

    // No byte of an LZ4 block stands for more bytes than this.
    private const int RatioMax = 255;

    // Smaller savings are not worth the unpacking in every read.
    private const int LeastSaved = 8;

    /// <summary>
    /// Packs a body; how many bytes that made, or 0 if it saves less than an eighth. The room is grown.
    /// </summary>
    public static int Pack(ReadOnlySpan<byte> body, ref byte[] into)
    {
        var most = body.Length - (body.Length / LeastSaved);
        if (into.Length < most)
            into = new byte[most];
        if (most <= LengthBytes)
            return 0;
        var bytes = LZ4Codec.Encode(body, into.AsSpan(LengthBytes, most - LengthBytes));
        BinaryPrimitives.WriteInt32LittleEndian(into, body.Length);
        return bytes <= 0 ? 0 : LengthBytes + bytes;
    }

    /// <summary>
    /// The unpacked length if it is possible for these bytes, else 0: so a damaged length allocates nothing.
    /// </summary>
    public static int PlainLength(ReadOnlySpan<byte> packed)
    {
        if (packed.Length <= LengthBytes)
            return 0;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(packed);
        var most = (long)(packed.Length - LengthBytes) * RatioMax;
        return length <= Math.Min(most, TableFormat.BlockBytesMax) ? (int)length : 0;
    }

    /// <summary>
    /// Unpacks into a block of <see cref="PlainLength"/> and a trailer; false if they do not match.
    /// </summary>
    public static bool TryUnpack(ReadOnlySpan<byte> packed, Span<byte> block)
    {
        block[^TableFormat.TrailerBytes..].Clear();
        var body = block[..^TableFormat.TrailerBytes];
        return LZ4Codec.Decode(packed[LengthBytes..], body) == body.Length;
    }

    /// <summary>
    /// Room for the plain block of some packed bytes, kept from one to the next if it will do.
    /// </summary>
    public static void Room(ref CachedBlock kept, int bytes)
    {
        if (kept.Exists && kept.Length >= bytes)
            return;
        kept.Release();
        kept = default;
        kept = CachedBlock.Allocate(bytes);
    }
}
