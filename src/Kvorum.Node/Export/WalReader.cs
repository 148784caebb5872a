using System.Buffers.Binary;
using Kvorum.Storage.Files;

namespace Kvorum.Node.Export;

/// <summary>
/// Reads the records of a plain write-ahead log, believing no length beyond its bounds and the file. One
/// owner.
/// </summary>
public sealed class WalReader(IFile file)
{
    private const int ReadBytes = 1 << 20;

    private readonly long _length = file.Length;
    private byte[] _buffer = [];
    private int _start;
    private int _end;

    /// <summary>Where the next record begins, in bytes.</summary>
    public long Offset { get; private set; }

    /// <summary>
    /// The next record, in memory of its own; null at the end. A <see cref="FormatException"/> that says at
    /// which offset if the bytes there are none that a node could take.
    /// </summary>
    public WalOperation? Next()
    {
        if (Offset == _length)
            return null;
        var op = Need(1)[0];
        if (op is not (WalFormat.Put or WalFormat.Delete))
            throw Damaged($"0x{op:x2} is no operation (01 puts, 02 deletes)");
        var keyBytes = Length(1, "key", Protocol.Limits.KeyBytesMax);
        if (keyBytes == 0)
            throw Damaged("the key is empty");
        var valueBytes = Length(5 + keyBytes, "value", Protocol.Limits.ValueBytesCeiling);
        if (op == WalFormat.Delete && valueBytes > 0)
            throw Damaged($"a delete with a value of {valueBytes} bytes");
        var bytes = WalFormat.OverheadBytes + keyBytes + valueBytes;
        var record = Need(bytes).ToArray().AsMemory();
        Offset += bytes;
        _start += bytes;
        return new(
            op == WalFormat.Delete, record.Slice(5, keyBytes), record.Slice(9 + keyBytes, valueBytes));
    }

    private int Length(int at, string what, int max)
    {
        var length = BinaryPrimitives.ReadUInt32LittleEndian(Need(at + sizeof(uint))[at..]);
        return length <= max ? (int)length : throw Damaged($"a {what} of {length} bytes, the bound is {max}");
    }

    // The first bytes of the record.
    private ReadOnlySpan<byte> Need(int count)
    {
        if (count > _length - Offset)
            throw Damaged($"the file ends within it, after {_length - Offset} of at least {count} bytes");
        if (_end - _start < count)
            Fill(count);
        return _buffer.AsSpan(_start, count);
    }

    private void Fill(int count)
    {
        var into = new byte[Math.Max(count, ReadBytes)];
        _buffer.AsSpan(_start, _end - _start).CopyTo(into);
        (_end, _start, _buffer) = (_end - _start, 0, into);
        _end += file.Read(Offset + _end, into.AsSpan(_end));
        if (_end < count)
            throw Damaged("the file became shorter while it was read");
    }

    private FormatException Damaged(string what) => new($"the record at offset {Offset} is damaged: {what}");
}
