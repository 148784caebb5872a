using Kvorum.Protocol;

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
    private readonly FrameInput _input = new(128 << 10);
    private long _lastReceived = time.GetTimestamp();

    /// <summary>How long nothing has come. Any thread.</summary>
    public TimeSpan Silence => time.GetElapsedTime(Volatile.Read(ref _lastReceived));

    /// <summary>
    /// Reads the preamble; throws <see cref="PeerWireException"/> or <see cref="EndOfStreamException"/>.
    /// </summary>
    public async ValueTask ReadPreamble(CancellationToken cancel)
    {
        while (_input.Bytes.Length < PeerWire.PreambleBytes)
            Received(await Receive(cancel).ConfigureAwait(false));
        PeerWire.CheckPreamble(_input.Bytes.Span[..PeerWire.PreambleBytes]);
        _input.Skip(PeerWire.PreambleBytes);
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
        var have = _input.Bytes.Span;
        if (have.Length < PeerWire.HeaderBytes)
            return false;
        var length = PeerWire.ReadLength(have, boundBytes);
        var whole = PeerWire.HeaderBytes + length;
        if (have.Length < whole)
        {
            _input.Expect(whole);
            return false;
        }

        var payload = have.Slice(PeerWire.HeaderBytes, length);
        PeerWire.CheckFrame(have, payload);
        frame = new(have[8], payload.ToArray());
        _input.Skip(whole);
        return true;
    }

    /// <summary>
    /// Waits for bytes behind those that are here; pass what comes back to <see cref="Received"/>. For a
    /// caller that reads all there is: one state machine less for each call.
    /// </summary>
    public ValueTask<int> Receive(CancellationToken cancel) => stream.ReadAsync(_input.Space(), cancel);

    /// <summary>So many bytes have come; <see cref="EndOfStreamException"/> for none.</summary>
    public void Received(int count)
    {
        if (count == 0)
            throw new EndOfStreamException("the other side has closed the connection");
        _input.Filled(count);
        Volatile.Write(ref _lastReceived, time.GetTimestamp());
    }
}
