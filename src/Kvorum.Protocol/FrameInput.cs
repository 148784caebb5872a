namespace Kvorum.Protocol;

/// <summary>
/// What was received and not yet handled, in one contiguous piece. Grows to the size of one frame and falls
/// back to its usual size when that is done. Owned by the connection's reader.
/// </summary>
/// <param name="usualBytes">Its size while no longer frame has begun.</param>
public sealed class FrameInput(int usualBytes = 64 << 10)
{
    private byte[] _bytes = new byte[usualBytes];
    private int _start;
    private int _end;
    private int _wanted;

    /// <summary>Received, not yet taken.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes.AsMemory(_start, _end - _start);

    /// <summary>Bytes of the frame that has begun, if that is known yet; else 0.</summary>
    public int Expected => _wanted;

    /// <summary>Its size while no longer frame has begun.</summary>
    public int UsualBytes => usualBytes;

    /// <summary>
    /// So many bytes at the start are done with: what comes before the first frame, or a frame of another
    /// form than <see cref="TryTake"/> knows.
    /// </summary>
    public void Skip(int count) => (_start, _wanted) = (_start + count, 0);

    /// <summary>The frame of another form that has begun is so long.</summary>
    public void Expect(int count) => _wanted = count;

    /// <summary>So many bytes were received into <see cref="Space"/>.</summary>
    public void Filled(int count) => _end += count;

    /// <summary>
    /// Takes the next frame, if it is here whole; its body is good until the next <see cref="Space"/>.
    /// <see cref="FormatException"/> if what came is no frame.
    /// </summary>
    public bool TryTake(out NativeFrame frame)
    {
        if (NativeCodec.TryRead(Bytes, out _wanted, out frame))
        {
            Skip(_wanted);
            return true;
        }

        return false;
    }

    /// <summary>Room to receive into: at least one byte, and room for the frame that has begun.</summary>
    public Memory<byte> Space()
    {
        var count = _end - _start;
        var needed = Math.Max(usualBytes, _wanted);
        if (_bytes.Length != needed && count <= needed)
            Move(new byte[needed]);
        else if (_start > 0 && (count == 0 || _end == _bytes.Length || _start + needed > _bytes.Length))
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
