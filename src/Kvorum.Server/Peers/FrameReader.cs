namespace Kvorum.Server.Peers;

/// <summary>One frame as it came: the array is the receiver's own.</summary>
internal readonly record struct ReceivedFrame(byte Kind, byte[] Payload);

/// <summary>
/// The receiving half of one connection: takes what the socket has into a buffer that is used again and
/// again, and copies each frame into an array of its exact size, so that one kept frame never holds on to its
/// neighbours. One caller.
/// </summary>
internal sealed class FrameReader(Stream stream, TimeProvider time)
{
    private const int UsualBytes = 128 << 10;

    private byte[] _buffer = new byte[UsualBytes];
    private int _start;
    private int _end;
    private int _wanted;
    private long _lastReceived = time.GetTimestamp();

    /// <summary>How long nothing has come. Any thread.</summary>
    public TimeSpan Silence => time.GetElapsedTime(Volatile.Read(ref _lastReceived));

    /// <summary>
    /// Reads the preamble; throws <see cref="PeerWireException"/> or <see cref="EndOfStreamException"/>.
    /// </summary>
    public async ValueTask ReadPreamble(CancellationToken cancel)
    {
        while (_end - _start < PeerWire.PreambleBytes)
            Received(await Receive(cancel).ConfigureAwait(false));
        PeerWire.CheckPreamble(_buffer.AsSpan(_start, PeerWire.PreambleBytes));
        _start += PeerWire.PreambleBytes;
    }

    /// <summary>Reads the next frame, waiting for it; throws as <see cref="ReadPreamble"/> does.</summary>
    public async ValueTask<ReceivedFrame> Read(int boundBytes, CancellationToken cancel)
    {
        ReceivedFrame frame;
        while (!TryTake(boundBytes, out frame))
            Received(await Receive(cancel).ConfigureAwait(false));
        return frame;
    }

    /// <summary>True if a whole frame lies in the buffer: taken without waiting.</summary>
    public bool TryTake(int boundBytes, out ReceivedFrame frame)
    {
        frame = default;
        var have = _buffer.AsSpan(_start, _end - _start);
        if (have.Length < PeerWire.HeaderBytes)
            return false;
        int length = PeerWire.ReadLength(have, boundBytes);
        _wanted = PeerWire.HeaderBytes + length;
        if (have.Length < _wanted)
            return false;
        var payload = have.Slice(PeerWire.HeaderBytes, length);
        PeerWire.CheckFrame(have, payload);
        frame = new(have[8], payload.ToArray());
        _start += _wanted;
        _wanted = 0;
        return true;
    }

    /// <summary>
    /// Waits for bytes behind those that are here; pass what comes back to <see cref="Received"/>. For who
    /// reads all there is: one state machine less for each time.
    /// </summary>
    public ValueTask<int> Receive(CancellationToken cancel)
    {
        int count = _end - _start;
        int room = Math.Max(UsualBytes, _wanted);
        if (_buffer.Length != room && count <= room)
            Move(new byte[room], count);
        else if (count == 0 || _start + room > _buffer.Length)
            Move(_buffer, count);
        return stream.ReadAsync(_buffer.AsMemory(_end), cancel);
    }

    /// <summary>So many bytes have come; <see cref="EndOfStreamException"/> for none.</summary>
    public void Received(int count)
    {
        if (count == 0)
            throw new EndOfStreamException("the other side has closed the connection");
        _end += count;
        Volatile.Write(ref _lastReceived, time.GetTimestamp());
    }

    private void Move(byte[] into, int count)
    {
        Buffer.BlockCopy(_buffer, _start, into, 0, count);
        (_buffer, _start, _end) = (into, 0, count);
    }
}
