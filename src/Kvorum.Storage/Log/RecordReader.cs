using System.Buffers.Binary;

namespace Kvorum.Storage.Log;

/// <summary>Walks over the records of a frame's body whose checksum was right.</summary>
internal ref struct RecordReader(ReadOnlySpan<byte> body)
{
    private ReadOnlySpan<byte> _rest = body;

    /// <summary>One of the kinds in <see cref="RecordFormat"/>.</summary>
    public byte Kind { get; private set; }

    /// <summary>The group; 0 for a record that names a segment.</summary>
    public uint Group { get; private set; }

    /// <summary>The index of an entry, or the segment that the record names.</summary>
    public ulong Number { get; private set; }

    /// <summary>The payload of an entry or a state.</summary>
    public ReadOnlySpan<byte> Payload { get; private set; }

    /// <summary>
    /// True if the rest cannot be decoded: a kind of a newer version, or an impossible length.
    /// </summary>
    public bool Failed { get; private set; }

    /// <summary>Moves to the next record; false at the end or when <see cref="Failed"/>.</summary>
    public bool MoveNext()
    {
        if (_rest.IsEmpty || Failed)
            return false;
        Kind = _rest[0];
        var read = Kind switch
        {
            RecordFormat.Entry => TryReadEntry(),
            RecordFormat.State => TryReadState(),
            RecordFormat.Trim or RecordFormat.Continued => TryReadSegment(),
            _ => false,
        };
        Failed = !read;
        return read;
    }

    private bool TryReadEntry()
    {
        if (_rest.Length < RecordFormat.EntryHeaderBytes)
            return false;
        Group = BinaryPrimitives.ReadUInt32LittleEndian(_rest[1..]);
        Number = BinaryPrimitives.ReadUInt64LittleEndian(_rest[5..]);
        var length = BinaryPrimitives.ReadUInt32LittleEndian(_rest[13..]);
        return TryTakePayload(RecordFormat.EntryHeaderBytes, length);
    }

    private bool TryReadState()
    {
        if (_rest.Length < RecordFormat.StateHeaderBytes)
            return false;
        Group = BinaryPrimitives.ReadUInt32LittleEndian(_rest[1..]);
        var length = BinaryPrimitives.ReadUInt32LittleEndian(_rest[5..]);
        return TryTakePayload(RecordFormat.StateHeaderBytes, length);
    }

    private bool TryReadSegment()
    {
        if (_rest.Length < RecordFormat.TrimBytes)
            return false;
        Group = 0;
        Number = BinaryPrimitives.ReadUInt64LittleEndian(_rest[1..]);
        return TryTakePayload(RecordFormat.TrimBytes, 0);
    }

    private bool TryTakePayload(int headerBytes, uint length)
    {
        if (length > (uint)(_rest.Length - headerBytes))
            return false;
        Payload = _rest.Slice(headerBytes, (int)length);
        _rest = _rest[(headerBytes + (int)length)..];
        return true;
    }
}
