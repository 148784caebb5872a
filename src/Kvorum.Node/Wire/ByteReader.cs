using System.Buffers.Binary;
using Kvorum.Protocol;

namespace Kvorum.Node.Wire;

/// <summary>
/// Reads what <see cref="ByteWriter"/> wrote. Anything that does not fit is a <see cref="FormatException"/>;
/// no length is believed beyond the bytes at hand.
/// </summary>
internal ref struct ByteReader(ReadOnlyMemory<byte> bytes)
{
    private readonly ReadOnlyMemory<byte> _bytes = bytes;
    private readonly ReadOnlySpan<byte> _span = bytes.Span;
    private int _at;

    public readonly bool AtEnd => _at == _span.Length;

    public readonly int Remaining => _span.Length - _at;

    public byte U8() => _span[Take(1)];

    public uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(_span[Take(4)..]);

    /// <summary>A group; <see cref="FormatException"/> if its number is too great.</summary>
    public GroupId Group()
    {
        var value = U32();
        return value <= GroupId.MaxValue ? new(value)
            : throw new FormatException($"there is no group {value}");
    }

    public ulong U64() => BinaryPrimitives.ReadUInt64LittleEndian(_span[Take(8)..]);

    public UInt128 U128() => BinaryPrimitives.ReadUInt128LittleEndian(_span[Take(16)..]);

    /// <summary>The next bytes, in the same memory.</summary>
    public ReadOnlyMemory<byte> Raw(int count) => _bytes.Slice(Take(count), count);

    public ReadOnlyMemory<byte> Bytes()
    {
        var length = U32();
        return length <= Remaining ? Raw((int)length) : throw new FormatException($"a length of {length} bytes where {Remaining} are left");
    }

    public string Text() => Utf8Text.Decode("a text", Bytes().Span);

    public ReadOnlyMemory<byte> Rest() => Raw(Remaining);

    private int Take(int count)
    {
        if (count < 0 || count > Remaining)
            throw new FormatException($"{count} bytes wanted where {Remaining} are left");
        var at = _at;
        _at += count;
        return at;
    }
}
