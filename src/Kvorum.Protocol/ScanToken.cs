using System.Buffers.Binary;

namespace Kvorum.Protocol;

/// <summary>
/// The token that leads from one page of a scan to the next: where to go on, and which scan it belongs to, so
/// that it cannot be used for another one by mistake. It holds no state of the cluster: any node takes it, at
/// any time.
/// <code>
/// token := format:u8 scan:u32 position crc:u32            format: 1
///          scan:     CRC-32C of keyspace, bounds and direction
///          position: forward, the least key not read yet; reverse, the least key already read
///          crc:      CRC-32C of all before it
/// </code>
/// </summary>
public static class ScanToken
{
    /// <summary>What a token takes besides its position.</summary>
    public const int OverheadBytes = 1 + 4 + 4;

    private const byte Format = 1;

    /// <summary>The token to go on with at a position.</summary>
    public static byte[] Make(ScanRequest scan, ReadOnlySpan<byte> position)
    {
        var token = new byte[OverheadBytes + position.Length];
        token[0] = Format;
        BinaryPrimitives.WriteUInt32LittleEndian(token.AsSpan(1), FingerprintOf(scan));
        position.CopyTo(token.AsSpan(5));
        BinaryPrimitives.WriteUInt32LittleEndian(
            token.AsSpan(token.Length - 4), FrameCodec.Crc32C(token.AsSpan(0, token.Length - 4)));
        return token;
    }

    /// <summary>
    /// The rest of a scan's range: all of it without a token. <see cref="FormatException"/> if the token is
    /// none, was changed, or belongs to another scan.
    /// </summary>
    public static KeyRange RangeOf(ScanRequest scan)
    {
        if (scan.Token.IsEmpty)
            return new(scan.Key, scan.End);
        var token = scan.Token.Span;
        if (token.Length < OverheadBytes || token[0] != Format
            || BinaryPrimitives.ReadUInt32LittleEndian(token[^4..]) != FrameCodec.Crc32C(token[..^4]))
            throw new FormatException(
                "the token is damaged: give it exactly as the page before gave it, or none to begin anew");
        if (BinaryPrimitives.ReadUInt32LittleEndian(token[1..]) != FingerprintOf(scan))
            throw new FormatException(
                "the token belongs to another scan: keyspace, bounds and direction must stay the same");
        var position = scan.Token[5..^4];
        return scan.Reverse ? new(scan.Key, position) : new(position, scan.End);
    }

    private static uint FingerprintOf(ScanRequest scan)
    {
        Span<byte> head = stackalloc byte[9];
        head[0] = scan.Reverse ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32LittleEndian(head[1..], scan.Key.Length);
        BinaryPrimitives.WriteInt32LittleEndian(head[5..], scan.End.Length);
        var crc = FrameCodec.Crc32C(~0u, head);
        crc = FrameCodec.Crc32C(crc, scan.Key.Span);
        crc = FrameCodec.Crc32C(crc, scan.End.Span);
        return ~FrameCodec.Crc32C(crc, Utf8Text.Encode("the keyspace", scan.Keyspace));
    }
}
