using System.Buffers.Binary;
using System.Text;

namespace Kvorum.Protocol;

/// <summary>
/// Reads fields, little-endian, one after the other, from bytes that may be anything: every length is checked
/// against the bytes at hand and its bound before it is believed, and all that is wrong is a
/// <see cref="FormatException"/>. Names of fields are for its message only.
/// </summary>
internal ref struct ByteReader(ReadOnlyMemory<byte> memory)
{
    private readonly ReadOnlyMemory<byte> _memory = memory;
    private readonly ReadOnlySpan<byte> _span = memory.Span;

    /// <summary>Bytes read so far.</summary>
    public int Position { get; private set; }

    /// <summary>Bytes not yet read.</summary>
    public readonly int Left => _span.Length - Position;

    /// <summary>True once everything was read.</summary>
    public readonly bool AtEnd => Left == 0;

    public byte U8(string field = "number") => _span[Take(1, field)];

    public ushort U16(string field = "number") =>
        BinaryPrimitives.ReadUInt16LittleEndian(_span[Take(2, field)..]);

    public uint U32(string field = "number") =>
        BinaryPrimitives.ReadUInt32LittleEndian(_span[Take(4, field)..]);

    public ulong U64(string field = "number") =>
        BinaryPrimitives.ReadUInt64LittleEndian(_span[Take(8, field)..]);

    public UInt128 U128(string field = "number") =>
        BinaryPrimitives.ReadUInt128LittleEndian(_span[Take(16, field)..]);

    /// <summary>A UUID, most significant byte first.</summary>
    public Guid Guid(string field) => new(_span.Slice(Take(16, field), 16), bigEndian: true);

    /// <summary>A number that is no more than an int holds.</summary>
    public int Int(string field)
    {
        var value = U32(field);
        return value <= int.MaxValue
            ? (int)value
            : throw new FormatException($"The {field} is {value}, which is too large.");
    }

    /// <summary>
    /// How many things follow, each of at least <paramref name="bytesEach"/> bytes: no more than there is
    /// room for.
    /// </summary>
    public int Count16(string field, int bytesEach) => Count(U16(field), field, bytesEach);

    /// <summary>The same, counted by a u32.</summary>
    public int Count32(string field, int bytesEach) => Count(U32(field), field, bytesEach);

    /// <summary>The next bytes, in the same memory.</summary>
    public ReadOnlyMemory<byte> Raw(int count, string field = "bytes") =>
        _memory.Slice(Take((uint)count, field), count);

    /// <summary>Bytes after their length as u32, in the same memory.</summary>
    public ReadOnlyMemory<byte> Bytes32(string field = "bytes")
    {
        var length = U32(field);
        return _memory.Slice(Take(length, field), (int)length);
    }

    /// <summary>A text; if it is <paramref name="likely"/>, that very string.</summary>
    public string Text8(string field, int bytesMax, string likely = "") =>
        Text(U8(field), field, bytesMax, likely);

    public string Text16(string field, int bytesMax) => Text(U16(field), field, bytesMax, "");

    /// <summary>UTF-8 after its length as u32.</summary>
    public string Text32(string field = "text") => Utf8Text.Decode($"The {field}", Bytes32(field).Span);

    /// <summary>All that is left, in the same memory.</summary>
    public ReadOnlyMemory<byte> Rest() => Raw(Left);

    /// <summary>Everything was read; else the bytes are not what they were taken for.</summary>
    public readonly void End(string what)
    {
        if (!AtEnd)
            throw new FormatException($"{Left} bytes too many after the {what}.");
    }

    private readonly int Count(uint count, string field, int bytesEach) =>
        (long)count * bytesEach <= Left
            ? (int)count
            : throw new FormatException($"{count} {field} do not fit into {Left} bytes.");

    private string Text(int length, string field, int bytesMax, string likely)
    {
        if (length > bytesMax)
            throw new FormatException($"The {field} has {length} bytes; at most {bytesMax} are allowed.");
        var bytes = _span.Slice(Take((uint)length, field), length);
        if (Ascii.Equals(bytes, likely))
            return likely;
        return Utf8Text.Decode($"The {field}", bytes);
    }

    // Where the next bytes begin, which are read now.
    private int Take(uint count, string field)
    {
        var at = Position;
        if (count > (uint)Left)
            throw new FormatException(
                $"The {field} wants {count} bytes at position {at}, where only {Left} are left.");
        Position += (int)count;
        return at;
    }
}
