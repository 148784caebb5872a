using System.Net.Sockets;
using System.Threading.Tasks.Sources;

namespace Kvorum.Server.Sockets;

/// <summary>
/// A read or a write that waits for its socket, used again for the next one. It ends once: by the thread
/// that serves the socket, which runs the continuation at once, or by the caller that closes the stream or
/// loses patience; then the continuation runs on the thread pool, as that one may hold locks.
/// </summary>
internal sealed class SocketOperation : IValueTaskSource<int>, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<int> _source;
    private CancellationTokenRegistration _cancel;
    private CancellationToken _token;
    private SocketError _error;
    private int _count;
    private int _isWaiting;

    /// <summary>Where to receive into, or what is left to send.</summary>
    public Memory<byte> Bytes { get; private set; }

    /// <summary>True from <see cref="Begin"/> until it has ended.</summary>
    public bool IsWaiting => Volatile.Read(ref _isWaiting) != 0;

    /// <summary>Of the operation under way, for its task.</summary>
    public short Version => _source.Version;

    /// <summary>
    /// Begins to wait; <see cref="InvalidOperationException"/> while the one before still does.
    /// </summary>
    public void Begin(Memory<byte> bytes, CancellationToken cancel)
    {
        if (IsWaiting)
            throw new InvalidOperationException("One read and one write at a time.");
        _source.Reset();
        (Bytes, _token, _error, _count) = (bytes, cancel, SocketError.Success, 0);
        Volatile.Write(ref _isWaiting, 1);
        _cancel = cancel.UnsafeRegister(static it => ((SocketOperation)it!).Cancel(), this);
    }

    /// <summary>The socket took or gave so many bytes more.</summary>
    public void Advance(int count)
    {
        _count += count;
        Bytes = Bytes[count..];
    }

    /// <summary>It ends with an error.</summary>
    public void Refuse(SocketError error) => _error = error;

    /// <summary>
    /// True for the one caller that may end it: it calls <see cref="Complete"/> then. False if it was
    /// abandoned.
    /// </summary>
    public bool TryEnd() => Interlocked.Exchange(ref _isWaiting, 0) != 0;

    /// <summary>Ends it with what it has. The continuation runs here.</summary>
    public void Complete()
    {
        _cancel.Dispose();
        if (_error == SocketError.Success)
            _source.SetResult(_count);
        else
            _source.SetException(Failure(_error));
    }

    /// <summary>Ends it, if it waits. The continuation runs elsewhere.</summary>
    public void Abandon(Exception why)
    {
        if (!TryEnd())
            return;
        ThreadPool.UnsafeQueueUserWorkItem(
            static told => told.it._source.SetException(told.why), (it: this, why), preferLocal: false);
    }

    /// <summary>As streams tell it.</summary>
    public static IOException Failure(SocketError error)
    {
        var inner = new SocketException((int)error);
        return new(inner.Message, inner);
    }

    int IValueTaskSource<int>.GetResult(short token) => _source.GetResult(token);

    void IValueTaskSource.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _source.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    private void Cancel() => Abandon(new OperationCanceledException(_token));
}
