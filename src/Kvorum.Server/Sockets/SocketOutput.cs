using System.Buffers;
using System.Runtime.CompilerServices;

namespace Kvorum.Server.Sockets;

/// <summary>
/// What waits to be sent on one connection: bytes are gathered by any thread under the caller's lock, and
/// sent all together by whoever flushes, without ever blocking. Two buffers change places: one is filled
/// while the other is on its way.
/// </summary>
/// <remarks>
/// The stream first tries to send at once; only if the socket is full does it go on later, on the thread that
/// serves the socket. So a node loop that flushes pays one system call for all that its turn has gathered.
/// </remarks>
internal sealed class SocketOutput
{
    private const int FirstBytes = 4096;

    private readonly Stream _stream;
    private readonly Lock _gate;
    private readonly int _keptBytesMax;
    private readonly Action<Exception> _failed;
    private readonly Action _idle;
    private readonly Action _goOn;
    private ArrayBufferWriter<byte> _gathered = new(FirstBytes);
    private ArrayBufferWriter<byte> _leaving = new(FirstBytes);
    private ValueTaskAwaiter _write;
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

    /// <summary>Where bytes are gathered. Only under the lock.</summary>
    public IBufferWriter<byte> Gathered => _gathered;

    /// <summary>Bytes that wait to be sent. Only under the lock.</summary>
    public long Waiting => _gathered.WrittenCount + (_isSending ? _leaving.WrittenCount : 0L);

    /// <summary>
    /// Sends everything gathered, unless a send is under way, which then goes on with it. Never blocks. Any
    /// thread.
    /// </summary>
    public void Flush()
    {
        lock (_gate)
        {
            if (_isSending || _gathered.WrittenCount == 0)
                return;
            TakeGathered();
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

    /// <summary>Owned by the one for whom <see cref="_isSending"/> was set.</summary>
    private void Send()
    {
        do
        {
#pragma warning disable CA2012 // awaited by hand: an async method would cost a state machine for each write
            var write = _stream.WriteAsync(_leaving.WrittenMemory).GetAwaiter();
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
        lock (_gate)
        {
            if (_gathered.WrittenCount > 0)
            {
                TakeGathered();
                return true;
            }

            _leaving.ResetWrittenCount();
            _isSending = false;
        }

        _idle();
        return false;
    }

    private void TakeGathered()
    {
        (_gathered, _leaving) = (_leaving.Capacity > _keptBytesMax ? new(FirstBytes) : _leaving, _gathered);
        _gathered.ResetWrittenCount();
        _isSending = true;
    }
}
