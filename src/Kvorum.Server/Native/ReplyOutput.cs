using System.Buffers;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Kvorum.Server.Native;

/// <summary>
/// What waits to be sent on one socket: frames are gathered by any thread under the caller's lock, and sent
/// all together by whoever flushes, without ever blocking. Two buffers change places: one is filled while the
/// other is on its way.
/// </summary>
/// <remarks>
/// The socket's asynchronous send first tries to send at once; only if the socket is full does it go on
/// later, on the socket's thread. So a node loop that flushes pays one system call for all replies of its
/// batch.
/// </remarks>
internal sealed class ReplyOutput : IDisposable
{
    /// <summary>A buffer that has grown beyond this is given back after use.</summary>
    private const int KeptBytesMax = 1 << 20;

    private readonly Socket _socket;
    private readonly Lock _gate;
    private readonly Action<string> _failed;
    private readonly Action _idle;
    private readonly SocketAsyncEventArgs _send = new(true);
    private ArrayBufferWriter<byte> _gathered = new(4096);
    private ArrayBufferWriter<byte> _leaving = new(4096);
    private int _sent;
    private bool _isSending;

    /// <summary>Output of a socket.</summary>
    /// <param name="socket">Connected.</param>
    /// <param name="gate">The lock under which frames are gathered.</param>
    /// <param name="failed">Called once, when the socket can no longer be written.</param>
    /// <param name="idle">Called, without the lock, whenever everything gathered has been sent.</param>
    public ReplyOutput(Socket socket, Lock gate, Action<string> failed, Action idle)
    {
        (_socket, _gate, _failed, _idle) = (socket, gate, failed, idle);
        _send.Completed += (_, _) => GoOn();
    }

    /// <summary>Where frames are gathered. Only under the lock.</summary>
    public IBufferWriter<byte> Gathered => _gathered;

    /// <summary>Bytes that wait to be sent. Only under the lock.</summary>
    public long Waiting => _gathered.WrittenCount + (_isSending ? _leaving.WrittenCount : 0);

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

        Send();
    }

    /// <inheritdoc/>
    public void Dispose() => _send.Dispose();

    private void GoOn()
    {
        if (HasMore())
            Send();
    }

    /// <summary>Owned by the one for whom <see cref="_isSending"/> was set.</summary>
    private void Send()
    {
        try
        {
            do
            {
                var left = MemoryMarshal.AsMemory(_leaving.WrittenMemory)[_sent..];
                _send.SetBuffer(left);
                if (_socket.SendAsync(_send))
                    return;
            }
            while (HasMore());
        }
        catch (Exception e)
            when (e is ObjectDisposedException or SocketException or InvalidOperationException)
        {
            _failed(e.Message);
        }
    }

    private bool HasMore()
    {
        if (_send.SocketError != SocketError.Success || _send.BytesTransferred == 0)
        {
            _failed(_send.SocketError.ToString());
            return false;
        }

        _sent += _send.BytesTransferred;
        if (_sent < _leaving.WrittenCount)
            return true;
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
        (_gathered, _leaving) = (_leaving.Capacity > KeptBytesMax ? new(4096) : _leaving, _gathered);
        _gathered.ResetWrittenCount();
        _sent = 0;
        _isSending = true;
    }
}
