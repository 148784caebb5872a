using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Kvorum.Server.Sockets;

/// <summary>
/// A connection that is served by a <see cref="SocketPoller"/>. One reader and one writer at a time, as with
/// every stream; reads complete on the polling thread, writes at once or there. Closing it ends both.
/// </summary>
internal sealed class PolledStream : Stream
{
    private readonly SocketPoller _poller;
    private readonly Lock _gate = new();
    private readonly SocketOperation _reader = new();
    private readonly SocketOperation _writer = new();
    private uint _watched;
    private bool _isAdded;
    private bool _isClosed;

    /// <param name="poller">Tells of readiness.</param>
    /// <param name="socket">Connected, not blocking.</param>
    /// <param name="key">Its name at the poller.</param>
    public PolledStream(SocketPoller poller, Socket socket, ulong key) =>
        (_poller, Socket, Key) = (poller, socket, key);

    /// <summary>The connection.</summary>
    public Socket Socket { get; }

    /// <summary>Its name at the poller.</summary>
    public ulong Key { get; }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>
    /// Waits until something has come, or the end: 0 then, and for an empty buffer, which takes nothing. What
    /// comes while it loses patience may be lost: the connection is at its end then.
    /// </summary>
    public override ValueTask<int> ReadAsync(
        Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            _reader.Begin(buffer, cancellationToken);
            Watch(_watched | Epoll.Readable);
            return new(_reader, _reader.Version);
        }
    }

    /// <summary>Writes all of it: what fits at once, the rest when there is room.</summary>
    public override ValueTask WriteAsync(
        ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            _writer.Begin(MemoryMarshal.AsMemory(buffer), cancellationToken);
            var isDone = TryWrite() && _writer.TryEnd();
            if (!isDone)
                Watch(_watched | Epoll.Writable);
            var written = new ValueTask(_writer, _writer.Version);
            if (isDone)
                _writer.Complete();
            return written;
        }
    }

    /// <summary>Gives the socket away, while nothing is under way: it is told nothing more.</summary>
    public void Release()
    {
        lock (_gate)
            Leave();
        Socket.Blocking = true;
    }

    /// <summary>The socket is ready; the polling thread.</summary>
    public void Serve(uint events)
    {
        bool isRead;
        bool isWritten;
        lock (_gate)
        {
            if (_isClosed)
                return;
            isRead = (events & (Epoll.Readable | Epoll.Broken)) != 0
                && _reader.IsWaiting && TryRead() && _reader.TryEnd();
            isWritten = (events & (Epoll.Writable | Epoll.Broken)) != 0
                && _writer.IsWaiting && TryWrite() && _writer.TryEnd();
            // A reader mostly reads on: a reader that is not waiting gets no further signals.
            var wanted = (isRead || _reader.IsWaiting ? Epoll.Readable : 0)
                | (_writer.IsWaiting ? Epoll.Writable : 0);
            if (wanted == 0 && (events & Epoll.Broken) != 0)
                Unwatch(); // of that it is told whether it wants to be or not
            else
                Watch(wanted);
        }

        if (isRead)
            _reader.Complete();
        if (isWritten)
            _writer.Complete();
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        lock (_gate)
        {
            if (_isClosed)
                return;
            Leave();
            Socket.Dispose();
        }

        var closed = new ObjectDisposedException(nameof(PolledStream));
        _reader.Abandon(closed);
        _writer.Abandon(closed);
        base.Dispose(disposing);
    }

    private void Leave()
    {
        _isClosed = true;
        Unwatch();
        _poller.Forget(this);
    }

    private void Watch(uint events)
    {
        if (events == _watched)
            return;
        _poller.Watch(this, !_isAdded, events);
        (_isAdded, _watched) = (true, events);
    }

    private void Unwatch()
    {
        if (_isAdded)
            _poller.Unwatch(this);
        (_isAdded, _watched) = (false, 0);
    }

    private bool TryRead()
    {
        if (_reader.Bytes.IsEmpty)
            return true;
        var count = Socket.Receive(_reader.Bytes.Span, SocketFlags.None, out var error);
        return IsDone(_reader, count, error);
    }

    private bool TryWrite()
    {
        var count = Socket.Send(_writer.Bytes.Span, SocketFlags.None, out var error);
        return IsDone(_writer, count, error) && (_writer.Bytes.IsEmpty || error != SocketError.Success);
    }

    private static bool IsDone(SocketOperation operation, int count, SocketError error)
    {
        if (error is SocketError.WouldBlock or SocketError.Interrupted)
            return false;
        if (error == SocketError.Success)
            operation.Advance(count);
        else
            operation.Refuse(error);
        return true;
    }
}
