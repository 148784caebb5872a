using Kvorum.Node.Budgets;
using Kvorum.Protocol;

namespace Kvorum.Server.Native;

/// <summary>
/// What the connection holds of the node's memory, counted: replies from before they are made until the
/// socket has taken them, and requests from when they begin to come until they are answered.
/// </summary>
internal sealed partial class NativeConnection
{
    /// <summary>A reply whose value is larger is sent from where the value lies.</summary>
    private const int CopiedBytesMax = 32 << 10;

    private readonly ByteShare _requests;
    private MessagePace _pace; // owned by the listener's timer
    private long _spaceRoom; // owned by the reader
    private long _receivedBytes;
    private long _receivedFrames;
    private bool _isHalfSent;

    /// <summary>What its replies hold.</summary>
    public ByteShare Replies { get; }

    /// <summary>Looks whether a request that has begun goes on coming. The listener's timer.</summary>
    public void Watch(long nowMs)
    {
        var isTooSlow = _pace.IsTooSlow(
            nowMs, Volatile.Read(ref _isHalfSent), Volatile.Read(ref _receivedBytes),
            Volatile.Read(ref _receivedFrames));
        if (isTooSlow)
            End(
                _log.CutOff,
                $"it has begun a request and sent less than {MessagePace.WindowBytes} bytes of it in "
                    + $"{MessagePace.WindowMs / 1000} s");
    }

    private void NotReading() => End(
        _log.CutOff,
        $"other replies wait for room, and of {Replies.Used} bytes that wait for it, it takes less than "
            + $"{TrafficRoom.BytesPerSecondMin} in a second");

    /// <summary>
    /// True if there is room for what is received next: a frame that is larger than the usual buffer is
    /// admitted whole before memory is made for it, and a connection with much under way asks for each
    /// buffer.
    /// </summary>
    private bool HasSpaceRoom(out long wanted)
    {
        wanted = _received.Expected > _received.UsualBytes
            ? _received.Expected
            : _requests.FreeLeft > 0 ? 0 : _received.UsualBytes;
        return wanted == _spaceRoom && wanted != _received.UsualBytes;
    }

    private async ValueTask TakeSpaceRoomAsync(long wanted)
    {
        _requests.Give(_spaceRoom);
        _spaceRoom = 0;
        if (wanted == 0)
            return;
        await _requests.TakeAsync(wanted).ConfigureAwait(false);
        _spaceRoom = wanted;
    }

    private void Write(NativeFrameKind kind, ulong correlation, ReadOnlySpan<byte> body = default)
    {
        var before = _output.Waiting;
        NativeCodec.Write(_output.Gathered, kind, correlation, body);
        Count(before);
    }

    // With what was taken for it before it was made.
    private void WriteReply(ulong correlation, Reply reply, long taken = 0)
    {
        var before = _output.Waiting;
        try
        {
            if (reply.Value.Length <= CopiedBytesMax)
            {
                NativeCodec.WriteReply(_output.Gathered, correlation, reply);
            }
            else
            {
                var (head, value) = NativeCodec.ReplyInPieces(correlation, reply);
                _output.Add(head, value);
            }
        }
        catch (ArgumentException e)
        {
            var failed = new Reply { Status = ReplyStatus.Internal, Message = e.Message };
            NativeCodec.WriteReply(_output.Gathered, correlation, failed);
        }

        Count(before, taken);
    }

    private void Count(long before, long taken = 0)
    {
        var more = _output.Waiting - before - taken;
        if (more > 0)
            Replies.Charge(more);
        else
            Replies.Give(-more);
    }

    /// <summary>The socket has taken some.</summary>
    private void Left(int bytes, int free)
    {
        if (free > 0)
            Replies.Give(free);
        else
            Replies.Progress(bytes);
    }
}
