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
    private readonly byte[] _buffer = new byte[128 << 10];
    private int _start;
    private int _end;
    private long _lastReceived = time.GetTimestamp();

    /// <summary>How long nothing has come. Any thread.</summary>
    public TimeSpan Silence => time.GetElapsedTime(Volatile.Read(ref _lastReceived));

    /// <summary>
    /// Reads the preamble; throws <see cref="PeerWireException"/> or <see cref="EndOfStreamException"/>.
    /// </summary>
    public async ValueTask ReadPreamble(CancellationToken cancel)
    {
        await Fill(PeerWire.PreambleBytes, cancel).ConfigureAwait(false);
        PeerWire.CheckPreamble(_buffer.AsSpan(_start, PeerWire.PreambleBytes));
        _start += PeerWire.PreambleBytes;
    }

    /// <summary>True if a whole frame lies in the buffer: taken without waiting.</summary>
    public bool TryTake(int boundBytes, out ReceivedFrame frame)
    {
        frame = default;
        var have = _buffer.AsSpan(_start, _end - _start);
        if (have.Length < PeerWire.HeaderBytes)
            return false;
        int length = PeerWire.ReadLength(have, boundBytes);
        if (have.Length < PeerWire.HeaderBytes + length)
            return false;
        var payload = have.Slice(PeerWire.HeaderBytes, length);
        PeerWire.CheckFrame(have, payload);
        frame = new(have[8], payload.ToArray());
        _start += PeerWire.HeaderBytes + length;
        return true;
    }

    /// <summary>Reads the next frame, waiting for it; throws as <see cref="ReadPreamble"/> does.</summary>
    public async ValueTask<ReceivedFrame> Read(int boundBytes, CancellationToken cancel)
    {
        ReceivedFrame frame;
        while (!TryTake(boundBytes, out frame))
        {
            await Fill(PeerWire.HeaderBytes, cancel).ConfigureAwait(false);
            int length = PeerWire.ReadLength(_buffer.AsSpan(_start), boundBytes);
            if (PeerWire.HeaderBytes + length > _buffer.Length)
                return await ReadLarge(length, cancel).ConfigureAwait(false);
            await Fill(PeerWire.HeaderBytes + length, cancel).ConfigureAwait(false);
        }

        return frame;
    }

    /// <summary>A frame larger than the buffer is read straight into its own array.</summary>
    private async ValueTask<ReceivedFrame> ReadLarge(int length, CancellationToken cancel)
    {
        var header = _buffer.AsSpan(_start, PeerWire.HeaderBytes).ToArray();
        var payload = GC.AllocateUninitializedArray<byte>(length);
        int have = _end - _start - PeerWire.HeaderBytes;
        _buffer.AsSpan(_start + PeerWire.HeaderBytes, have).CopyTo(payload);
        _start = _end = 0;
        while (have < length)
            have += await ReadSome(payload.AsMemory(have), cancel).ConfigureAwait(false);
        PeerWire.CheckFrame(header, payload);
        return new(header[8], payload);
    }

    /// <summary>Waits until so many bytes lie in the buffer.</summary>
    private async ValueTask Fill(int bytes, CancellationToken cancel)
    {
        if (_start == _end)
            _start = _end = 0;
        if (_start + bytes > _buffer.Length)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        while (_end - _start < bytes)
            _end += await ReadSome(_buffer.AsMemory(_end), cancel).ConfigureAwait(false);
    }

    private async ValueTask<int> ReadSome(Memory<byte> into, CancellationToken cancel)
    {
        int count = await stream.ReadAsync(into, cancel).ConfigureAwait(false);
        if (count == 0)
            throw new EndOfStreamException("the other side has closed the connection");
        Volatile.Write(ref _lastReceived, time.GetTimestamp());
        return count;
    }
}
