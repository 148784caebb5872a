namespace Kvorum.Storage.Log;

/// <summary>
/// The records of one node loop's turn, written and synced as one, encoded as they are added. Owned by its
/// creator until <see cref="SharedLog.Append"/>, then by the log until the completion is called; may be
/// reused after <see cref="Clear"/>. After a crash all of its records are there or none.
/// </summary>
public sealed class LogBatch
{
    /// <summary>
    /// The most a batch may hold, in bytes; more is an <see cref="InvalidOperationException"/>.
    /// </summary>
    public const int BytesMax = 1 << 30;

    // A larger buffer is released on Clear.
    private const int KeptBytesMax = 4 << 20;

    private byte[] _buffer = [];

    /// <summary>Bytes of all records so far.</summary>
    public int Bytes { get; private set; }

    /// <summary>Number of records so far.</summary>
    public int Count { get; private set; }

    internal ReadOnlySpan<byte> Records => _buffer.AsSpan(0, Bytes);

    /// <summary>
    /// Adds an entry whose payload is <paramref name="head"/> followed by <paramref name="body"/>.
    /// </summary>
    public void AddEntry(uint group, ulong index, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        var payloadBytes = checked(head.Length + body.Length);
        var record = Add((long)RecordFormat.EntryHeaderBytes + payloadBytes);
        RecordFormat.WriteEntryHeader(record, group, index, payloadBytes);
        head.CopyTo(record[RecordFormat.EntryHeaderBytes..]);
        body.CopyTo(record[(RecordFormat.EntryHeaderBytes + head.Length)..]);
    }

    /// <summary>
    /// Adds a state record: the newest of a group counts, and the log keeps it for ever. An empty payload
    /// removes the group's state; a replay may still report the empty one.
    /// </summary>
    public void SetState(uint group, ReadOnlySpan<byte> payload)
    {
        var record = Add((long)RecordFormat.StateHeaderBytes + payload.Length);
        RecordFormat.WriteStateHeader(record, group, payload.Length);
        payload.CopyTo(record[RecordFormat.StateHeaderBytes..]);
    }

    /// <summary>Forgets all records.</summary>
    public void Clear()
    {
        (Bytes, Count) = (0, 0);
        if (_buffer.Length > KeptBytesMax)
            _buffer = [];
    }

    /// <summary>Adds the record that lets segments below the given one go.</summary>
    internal void AddTrim(ulong segment) => RecordFormat.WriteTrim(Add(RecordFormat.TrimBytes), segment);

    private Span<byte> Add(long recordBytes)
    {
        if (Bytes + recordBytes > BytesMax)
            throw new InvalidOperationException($"A batch of more than {BytesMax} bytes");
        var end = Bytes + (int)recordBytes;
        if (end > _buffer.Length)
            Array.Resize(ref _buffer, (int)Math.Min(Math.Max(end, _buffer.Length * 2L), BytesMax));
        var record = _buffer.AsSpan(Bytes, (int)recordBytes);
        Bytes = end;
        Count++;
        return record;
    }
}
