using System.Buffers;
using System.Runtime.CompilerServices;

namespace Kvorum.Server.Sockets;

/// <summary>
/// What waits to be sent on one connection: bytes are gathered by any thread under the caller's lock, and
/// sent all together by the thread that flushes, without ever blocking. Two buffers change places: one is
/// filled while the other is on its way. Large frames are not copied: they wait apart, in pieces, and take
/// turns with what is gathered, so that small frames wait for one large one at most.
/// </summary>
/// <remarks>
/// The stream first tries to send at once; only if the socket is full does it go on later, on the thread that
/// serves the socket. So a node loop that flushes pays one system call for all that its turn has gathered.
/// </remarks>
internal sealed class SocketOutput
{
    private const int FirstBytes = 4096;

    // So many bytes of a large frame are given to the socket at a time: each time the client has taken some.
    private const int SliceBytes = 256 << 10;

    private readonly Stream _stream;
    private readonly Lock _gate;
    private readonly int _keptBytesMax;
    private readonly Action<Exception> _failed;
    private readonly Action _idle;
    private readonly Action _goOn;
    private readonly Queue<(ReadOnlyMemory<byte> Head, ReadOnlyMemory<byte> Tail)> _large = new();
    private ArrayBufferWriter<byte> _gathered = new(FirstBytes);
    private ArrayBufferWriter<byte> _leaving = new(FirstBytes);
    private ReadOnlyMemory<byte> _slice;
    private ReadOnlyMemory<byte> _rest;
    private ReadOnlyMemory<byte> _tail;
    private ValueTaskAwaiter _write;
    private int _frameBytes;
    private long _largeBytes;
    private bool _wasGathered;
    private bool _isSending;

    /// <summary>Output of a connection.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="gate">The lock under which bytes are gathered.</param>
    /// <param name="keptBytesMax">A buffer that has grown beyond this is given back after use.</param>
    /// <param name="failed">Called once, without the lock, when it can no longer be written.</param>
    /// <param name="idle">Called, without the lock, whenever everything gathered has been sent.</param>
    public SocketOutput(
        Stream stream, Lock gate, int keptBytesMax, Action<Exception> failed, Action idle)
    {
        (_stream, _gate, _keptBytesMax, _failed, _idle) = (stream, gate, keptBytesMax, failed, idle);
        _goOn = GoOn;
    }

    /// <summary>
    /// Told, without the lock, how many bytes the socket has taken, and how many of memory are free again
    /// with them: a large frame is, when its last piece has gone.
    /// </summary>
    public Action<int, int>? Left { get; init; }

    /// <summary>Where bytes are gathered. Only under the lock.</summary>
    public IBufferWriter<byte> Gathered => _gathered;

    /// <summary>Bytes that wait to be sent. Only under the lock.</summary>
    public long Waiting => _gathered.WrittenCount + _leaving.WrittenCount + _largeBytes;

    /// <summary>
    /// A large frame, that need not be in one piece; the memory stays as it is until it is sent. Only under
    /// the lock.
    /// </summary>
    public void Add(ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> tail)
    {
        _large.Enqueue((head, tail));
        _largeBytes += head.Length + tail.Length;
    }

    /// <summary>
    /// Sends everything gathered, unless a send is under way, which then goes on with it. Never blocks. Any
    /// thread.
    /// </summary>
    public void Flush()
    {
        lock (_gate)
        {
            if (_isSending || !TakeNext())
                return;
            _isSending = true;
        }

        try
        {
            Send();
        }
        catch (Exception e) when (SocketStreams.IsLoss(e))
        {
            _failed(e);
        }
    }

    // A send that had to wait for room is done.
    private void GoOn()
    {
        try
        {
            _write.GetResult();
            if (HasMore())
                Send();
        }
        catch (Exception e) when (SocketStreams.IsLoss(e))
        {
            _failed(e);
        }
    }

    /// <summary>Owned by the thread for which <see cref="_isSending"/> was set.</summary>
    private void Send()
    {
        do
        {
#pragma warning disable CA2012 // awaited by hand: an async method would cost a state machine for each write
            var write = _stream.WriteAsync(_slice).GetAwaiter();
#pragma warning restore CA2012
            if (!write.IsCompleted)
            {
                _write = write;
                write.UnsafeOnCompleted(_goOn);
                return;
            }

            write.GetResult();
        }
        while (HasMore());
    }

    private bool HasMore()
    {
        var left = _slice.Length;
        int free;
        bool isMore;
        lock (_gate)
        {
            free = EndSlice();
            isMore = TakeNext();
            _isSending = isMore;
        }

        Left?.Invoke(left, free);
        if (!isMore)
            _idle();
        return isMore;
    }

    /// <summary>The slice is sent: how much memory is free again with it.</summary>
    private int EndSlice()
    {
        var free = _leaving.WrittenCount;
        if (free > 0)
        {
            _leaving.ResetWrittenCount();
            return free;
        }

        _largeBytes -= _slice.Length;
        return _rest.IsEmpty && _tail.IsEmpty ? _frameBytes : 0;
    }

    /// <summary>The slice to be sent next: a frame that has begun is not interrupted.</summary>
    private bool TakeNext()
    {
        if (_rest.IsEmpty)
            (_rest, _tail) = (_tail, default);
        if (!_rest.IsEmpty)
            TakeSlice();
        else if (_gathered.WrittenCount > 0 && (_large.Count == 0 || !_wasGathered))
            TakeGathered();
        else if (_large.TryDequeue(out var frame))
            TakeFrame(frame);
        else
            _slice = default; // and with it the memory of a large frame
        return !_slice.IsEmpty;
    }

    private void TakeFrame((ReadOnlyMemory<byte> Head, ReadOnlyMemory<byte> Tail) frame)
    {
        (_rest, _tail) = frame;
        _frameBytes = _rest.Length + _tail.Length;
        _wasGathered = false;
        TakeSlice();
    }

    private void TakeSlice()
    {
        _slice = _rest[..Math.Min(_rest.Length, SliceBytes)];
        _rest = _rest.Length == _slice.Length ? default : _rest[_slice.Length..];
    }

    private void TakeGathered()
    {
        (_gathered, _leaving) = (_leaving.Capacity > _keptBytesMax ? new(FirstBytes) : _leaving, _gathered);
        _gathered.ResetWrittenCount();
        _slice = _leaving.WrittenMemory;
        _wasGathered = true;
    }
}
