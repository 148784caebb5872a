using System.Buffers.Binary;

namespace Kvorum.Protocol;

/// <summary>
/// Writes fields, little-endian, one after the other, into a span that is known to be large enough.
/// </summary>
internal ref struct SpanWriter(Span<byte> span)
{
    private readonly Span<byte> _span = span;

    /// <summary>Bytes written so far.</summary>
    public int Position { get; private set; }

    public void U8(byte value) => _span[Position++] = value;

    public void U16(ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_span[Position..], value);
        Position += 2;
    }

    public void U32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_span[Position..], value);
        Position += 4;
    }

    public void U64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_span[Position..], value);
        Position += 8;
    }

    /// <summary>A UUID, most significant byte first.</summary>
    public void Guid(Guid id)
    {
        id.TryWriteBytes(_span[Position..], bigEndian: true, out _);
        Position += 16;
    }

    public void Raw(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_span[Position..]);
        Position += bytes.Length;
    }

    /// <summary>Bytes after their length as u32.</summary>
    public void Bytes32(ReadOnlySpan<byte> bytes)
    {
        U32((uint)bytes.Length);
        Raw(bytes);
    }

    /// <summary>UTF-8 after its length as u8; the caller has checked that it fits.</summary>
    public void Text8(string text)
    {
        var count = Utf8Text.Write(text, _span[(Position + 1)..]);
        _span[Position] = checked((byte)count);
        Position += 1 + count;
    }

    /// <summary>UTF-8 after its length as u16; the caller has checked that it fits.</summary>
    public void Text16(string text)
    {
        var count = Utf8Text.Write(text, _span[(Position + 2)..]);
        BinaryPrimitives.WriteUInt16LittleEndian(_span[Position..], checked((ushort)count));
        Position += 2 + count;
    }
}
