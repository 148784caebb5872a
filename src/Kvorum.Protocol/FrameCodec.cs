using System.Buffers.Binary;

namespace Kvorum.Protocol;

/// <summary>
/// The frame around every message on a TCP connection, of clients and of nodes. Integers are little-endian.
/// <code>
/// frame := length:u32 crc:u32 kind:u8 rest       length: bytes of kind and rest, 1 to the bound of a frame
///                                                crc:    CRC-32C (Castagnoli, RFC 3720) of kind and rest
/// </code>
/// The length is believed only as far as its bound before the checksum is known to be right: a reader that
/// keeps to <see cref="TryRead"/> never allocates more than one frame for it. What the kinds mean is the two
/// ends' business.
/// </summary>
public static class FrameCodec
{
    /// <summary>Bytes before the kind.</summary>
    public const int HeaderBytes = 8;

    /// <summary>Bytes before the rest: the header and the kind.</summary>
    public const int PrefixBytes = HeaderBytes + 1;

    /// <summary>
    /// Finishes a frame that fills <paramref name="frame"/> and whose rest is already in place after
    /// <see cref="PrefixBytes"/>: writes length, checksum and kind.
    /// </summary>
    public static void Seal(Span<byte> frame, byte kind)
    {
        frame[HeaderBytes] = kind;
        BinaryPrimitives.WriteUInt32LittleEndian(frame, (uint)(frame.Length - HeaderBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], Crc32C(frame[HeaderBytes..]));
    }

    /// <summary>
    /// The same where the last bytes of the rest lie elsewhere: <paramref name="frame"/> is what is before
    /// them.
    /// </summary>
    public static void Seal(Span<byte> frame, byte kind, ReadOnlySpan<byte> tail)
    {
        frame[HeaderBytes] = kind;
        BinaryPrimitives.WriteUInt32LittleEndian(frame, (uint)(frame.Length - HeaderBytes + tail.Length));
        var crc = Crc32C(~0u, frame[HeaderBytes..]);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], ~Crc32C(crc, tail));
    }

    /// <summary>
    /// How many bytes the frame at the start of <paramref name="bytes"/> takes; 0 while its length is not
    /// here yet. <see cref="FormatException"/> if that is none or over <paramref name="frameBytesMax"/>.
    /// </summary>
    public static int SizeOf(ReadOnlySpan<byte> bytes, int frameBytesMax)
    {
        if (bytes.Length < 4)
            return 0;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (length == 0 || length > frameBytesMax - HeaderBytes)
            throw new FormatException(
                $"A frame of {length} bytes was announced; 1 to {frameBytesMax - HeaderBytes} are allowed.");
        return HeaderBytes + (int)length;
    }

    /// <summary>
    /// Looks for a whole frame at the start of <paramref name="bytes"/>. False while more bytes are needed.
    /// Then <paramref name="size"/> is how many the frame takes if that is known yet, else 0.
    /// <see cref="FormatException"/> if this is no frame: the connection can only be closed.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, int frameBytesMax, out int size, out byte kind)
    {
        kind = 0;
        size = SizeOf(bytes, frameBytesMax);
        if (size == 0 || bytes.Length < size)
            return false;
        var announced = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
        var actual = Crc32C(bytes[HeaderBytes..size]);
        if (announced != actual)
            throw new FormatException(
                $"A frame's checksum is {actual:x8} where {announced:x8} was announced.");
        kind = bytes[HeaderBytes];
        return true;
    }

    /// <summary>
    /// CRC-32C with the usual inversion at both ends; its check value for "123456789" is e3069283.
    /// </summary>
    public static uint Crc32C(ReadOnlySpan<byte> bytes) => ~Crc32C(~0u, bytes);

    /// <summary>Carries a CRC-32C, not inverted, on: for what does not lie in one piece.</summary>
    public static uint Crc32C(uint crc, ReadOnlySpan<byte> bytes) => Crc32CLanes.Add(crc, bytes);
}
