namespace Kvorum.Server.Native;

/// <summary>
/// What was received and not yet handled, in one contiguous piece. Grows to the size of one frame and falls
/// back to its usual size when that is done. Owned by the connection's reader.
/// </summary>
internal sealed class ReceiveBuffer
{
    private const int UsualBytes = 64 << 10;

    private byte[] _bytes = new byte[UsualBytes];
    private int _start;
    private int _end;
    private int _wanted;

    /// <summary>Received, not yet taken.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes.AsMemory(_start, _end - _start);

    /// <summary>The frame at the start takes so many bytes; 0 if that is not known yet.</summary>
    public void Want(int size) => _wanted = size;

    /// <summary>So many bytes at the start are done with.</summary>
    public void Taken(int count) => _start += count;

    /// <summary>So many bytes were received into <see cref="Space"/>.</summary>
    public void Filled(int count) => _end += count;

    /// <summary>Room to receive into: at least one byte, and room for the wanted frame.</summary>
    public Memory<byte> Space()
    {
        var count = _end - _start;
        var needed = Math.Max(UsualBytes, _wanted);
        if (_bytes.Length != needed && count <= needed)
            Move(new byte[needed]);
        else if (_start > 0 && (count == 0 || _end == _bytes.Length))
            Move(_bytes);
        return _bytes.AsMemory(_end);
    }

    private void Move(byte[] into)
    {
        var count = _end - _start;
        Buffer.BlockCopy(_bytes, _start, into, 0, count);
        (_bytes, _start, _end) = (into, 0, count);
    }
}
