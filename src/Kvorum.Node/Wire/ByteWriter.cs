using System.Buffers;
using System.Buffers.Binary;
using Kvorum.Protocol;

namespace Kvorum.Node.Wire;

/// <summary>
/// A growing buffer that is written field by field, little endian, and used again after <see cref="Clear"/>.
/// One owner.
/// </summary>
internal sealed class ByteWriter : IBufferWriter<byte>
{
    private byte[] _bytes = new byte[256];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public void Clear()
    {
        // One huge frame must not be remembered for ever.
        if (_bytes.Length > Limits.KeptBufferBytes)
            _bytes = new byte[256];
        Length = 0;
    }

    public byte[] ToArray() => Written.ToArray();

    public void Advance(int count) => Length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _bytes.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _bytes.AsSpan(Length);
    }

    public void U8(byte value)
    {
        Reserve(1);
        _bytes[Length++] = value;
    }

    public void U16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(2), value);

    public void U32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);

    public void Group(GroupId group) => U32(group.Value);

    public void U64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);

    public void U128(UInt128 value) => BinaryPrimitives.WriteUInt128LittleEndian(Take(16), value);

    public void Raw(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    /// <summary>Bytes after their length as u32.</summary>
    public void Bytes32(ReadOnlySpan<byte> bytes)
    {
        U32((uint)bytes.Length);
        Raw(bytes);
    }

    /// <summary>UTF-8 after its length as u32.</summary>
    public void Text32(string text)
    {
        var count = Utf8Text.CountOf(text);
        U32((uint)count);
        Utf8Text.Write(text, Take(count));
    }

    /// <summary>Overwrites four bytes written before: a length that was not known then.</summary>
    public void PatchU32(int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(at, 4), value);

    /// <summary>Overwrites eight bytes written before.</summary>
    public void PatchU64(int at, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(at, 8), value);

    private Span<byte> Take(int count)
    {
        Reserve(count);
        var span = _bytes.AsSpan(Length, count);
        Length += count;
        return span;
    }

    private void Reserve(int count)
    {
        if (_bytes.Length - Length < count)
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + count));
    }
}
