using System.Buffers.Binary;
using Kvorum.Storage.Files;

namespace Kvorum.Storage.Trees;

/// <summary>Writes a checkpoint file front to back, block by block. One thread.</summary>
internal sealed class CheckpointWriter(IFile file, int blockBytes)
{
    private byte[] _block = new byte[CheckpointFormat.BlockHeadBytes + blockBytes];
    private int _used = CheckpointFormat.BlockHeadBytes;
    private ulong _ordinal;

    /// <summary>Bytes written so far.</summary>
    public long Position { get; private set; }

    public void Begin(ulong appliedIndex, long count, ReadOnlySpan<byte> tag) =>
        Write(CheckpointFormat.Header(appliedIndex, count, tag));

    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        int bytes = checked(CheckpointFormat.EntryHeadBytes + key.Length + value.Length);
        bool fits = _used + (long)bytes <= CheckpointFormat.BlockHeadBytes + blockBytes;
        if (!fits && _used > CheckpointFormat.BlockHeadBytes)
            WriteBlock();
        if (_block.Length - _used < bytes)
            Array.Resize(ref _block, checked(_used + bytes));

        Span<byte> entry = _block.AsSpan(_used, bytes);
        BinaryPrimitives.WriteInt32LittleEndian(entry, key.Length);
        BinaryPrimitives.WriteInt32LittleEndian(entry[4..], value.Length);
        key.CopyTo(entry[CheckpointFormat.EntryHeadBytes..]);
        value.CopyTo(entry[(CheckpointFormat.EntryHeadBytes + key.Length)..]);
        _used += bytes;
    }

    /// <summary>Writes what is left and the end, and makes the file durable.</summary>
    public void End()
    {
        if (_used > CheckpointFormat.BlockHeadBytes)
            WriteBlock();
        WriteBlock();
        file.Sync();
    }

    private void WriteBlock()
    {
        Span<byte> block = _block.AsSpan(0, _used);
        CheckpointFormat.WriteBlockHead(block, _ordinal++);
        Write(block);
        _used = CheckpointFormat.BlockHeadBytes;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        file.Write(Position, bytes);
        Position += bytes.Length;
    }
}
