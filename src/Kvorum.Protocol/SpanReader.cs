using System.Buffers.Binary;
using System.Text;

namespace Kvorum.Protocol;

/// <summary>
/// Reads what <see cref="SpanWriter"/> wrote, from bytes that may be anything: every length is checked
/// against the bytes at hand and its bound before it is believed, and all that is wrong is a
/// <see cref="FormatException"/>.
/// </summary>
internal ref struct SpanReader(ReadOnlyMemory<byte> memory)
{
    private readonly ReadOnlyMemory<byte> _memory = memory;
    private readonly ReadOnlySpan<byte> _span = memory.Span;

    /// <summary>Bytes read so far.</summary>
    public int Position { get; private set; }

    /// <summary>Bytes not yet read.</summary>
    public readonly int Left => _span.Length - Position;

    public byte U8(string field) => Take(1, field)[0];

    public ushort U16(string field) => BinaryPrimitives.ReadUInt16LittleEndian(Take(2, field));

    public uint U32(string field) => BinaryPrimitives.ReadUInt32LittleEndian(Take(4, field));

    public ulong U64(string field) => BinaryPrimitives.ReadUInt64LittleEndian(Take(8, field));

    /// <summary>A UUID, most significant byte first.</summary>
    public Guid Guid(string field) => new(Take(16, field), bigEndian: true);

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
    public int Count16(string field, int bytesEach)
    {
        var count = U16(field);
        return (long)count * bytesEach <= Left
            ? count
            : throw new FormatException($"{count} {field} do not fit into {Left} bytes.");
    }

    public ReadOnlyMemory<byte> Bytes32(string field)
    {
        var length = U32(field);
        if (length > (uint)Left)
            throw Short(field, length);
        var at = Position;
        Position += (int)length;
        return _memory.Slice(at, (int)length);
    }

    /// <summary>A text; if it is <paramref name="likely"/>, that very string.</summary>
    public string Text8(string field, int bytesMax, string likely = "") =>
        Text(U8(field), field, bytesMax, likely);

    public string Text16(string field, int bytesMax) => Text(U16(field), field, bytesMax, "");

    public ReadOnlySpan<byte> Take(int count, string field)
    {
        if (count > Left)
            throw Short(field, (uint)count);
        var taken = _span.Slice(Position, count);
        Position += count;
        return taken;
    }

    /// <summary>Everything was read; else the bytes are not what they were taken for.</summary>
    public readonly void End(string what)
    {
        if (Left > 0)
            throw new FormatException($"{Left} bytes too many after the {what}.");
    }

    private string Text(int length, string field, int bytesMax, string likely)
    {
        if (length > bytesMax)
            throw new FormatException($"The {field} has {length} bytes; at most {bytesMax} are allowed.");
        var bytes = Take(length, field);
        if (Ascii.Equals(bytes, likely))
            return likely;
        return Utf8Text.Decode($"The {field}", bytes);
    }

    private readonly FormatException Short(string field, uint wanted) =>
        new($"The {field} wants {wanted} bytes at position {Position}, where only {Left} are left.");
}
