using System.Buffers.Binary;
using Kvorum.Storage.Files;

namespace Kvorum.Node.Export;

/// <summary>Writes records to an empty file. One owner.</summary>
public sealed class WalWriter(IFile file)
{
    private const int WriteBytes = 1 << 20;

    private byte[] _buffer = new byte[WriteBytes];
    private int _used;
    private long _written;

    /// <summary>Adds a record.</summary>
    public void Add(bool isDelete, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var bytes = checked(WalFormat.OverheadBytes + key.Length + value.Length);
        if (bytes > _buffer.Length - _used)
            Flush();
        if (bytes > _buffer.Length)
            Array.Resize(ref _buffer, bytes);
        var into = _buffer.AsSpan(_used, bytes);
        into[0] = isDelete ? WalFormat.Delete : WalFormat.Put;
        BinaryPrimitives.WriteInt32LittleEndian(into[1..], key.Length);
        key.CopyTo(into[5..]);
        BinaryPrimitives.WriteInt32LittleEndian(into[(5 + key.Length)..], value.Length);
        value.CopyTo(into[(9 + key.Length)..]);
        _used += bytes;
    }

    /// <summary>Writes what is left and makes all of it durable.</summary>
    public void Finish()
    {
        Flush();
        file.Sync();
    }

    private void Flush()
    {
        file.Write(_written, _buffer.AsSpan(0, _used));
        _written += _used;
        _used = 0;
    }
}
