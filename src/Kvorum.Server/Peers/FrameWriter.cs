using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Kvorum.Server.Peers;

/// <summary>
/// The sending half of one connection: callers append whole frames to a buffer under a short lock; whoever
/// finds nobody writing writes everything that has queued, itself, with one call after the other until
/// nothing is left or the socket is full, and then the socket's completion goes on. So a lone frame leaves
/// without a hop between threads, and under load one call carries many frames. Any thread.
/// </summary>
internal sealed class FrameWriter
{
    private const int FirstBufferBytes = 64 << 10;
    private const int KeptBufferBytes = 4 << 20;

    private readonly Lock _lock = new();
    private readonly Stream _stream;
    private readonly int _boundBytes;
    private readonly TimeProvider _time;
    private readonly Action<Exception> _failed;
    private readonly Action _resume;

    private byte[] _queued = new byte[FirstBufferBytes];
    private byte[] _spare = [];
    private int _queuedBytes;
    private int _writingBytes;
    private bool _isWriting;
    private bool _isClosed;
    private ValueTaskAwaiter _write;
    private long _lastSent;

    // `failed` is told once when a write fails, on the writing thread.
    public FrameWriter(Stream stream, int boundBytes, TimeProvider time, Action<Exception> failed)
    {
        (_stream, _boundBytes, _time, _failed) = (stream, boundBytes, time, failed);
        _resume = () => Write(resumed: true);
        _lastSent = time.GetTimestamp();
    }

    /// <summary>True if nothing was queued for so long.</summary>
    public bool IsIdleFor(TimeSpan span) => _time.GetElapsedTime(Volatile.Read(ref _lastSent)) >= span;

    /// <summary>
    /// Copies the frame; false if the connection is gone or the bound is reached. Never blocks.
    /// </summary>
    public bool Send(byte kind, ReadOnlySpan<byte> payload)
    {
        Span<byte> header = stackalloc byte[PeerWire.HeaderBytes];
        PeerWire.WriteHeader(header, kind, payload);
        lock (_lock)
        {
            int length = header.Length + payload.Length;
            if (_isClosed || (long)_queuedBytes + _writingBytes + length > _boundBytes)
                return false;
            Reserve(length);
            header.CopyTo(_queued.AsSpan(_queuedBytes));
            payload.CopyTo(_queued.AsSpan(_queuedBytes + header.Length));
            _queuedBytes += length;
            Volatile.Write(ref _lastSent, _time.GetTimestamp());
            if (_isWriting)
                return true;
            _isWriting = true;
        }

        Write(resumed: false);
        return true;
    }

    /// <summary>Takes no more frames.</summary>
    public void Close()
    {
        lock (_lock)
            _isClosed = true;
    }

    private void Write(bool resumed)
    {
        try
        {
            if (resumed)
                _write.GetResult();
            while (TakeQueued(out var bytes))
            {
#pragma warning disable CA2012 // awaited by hand: an async method would cost a state machine for each write
                var write = _stream.WriteAsync(bytes).GetAwaiter();
#pragma warning restore CA2012
                if (!write.IsCompleted)
                {
                    _write = write;
                    write.UnsafeOnCompleted(_resume);
                    return;
                }

                write.GetResult();
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or SocketException)
        {
            Close();
            _failed(e);
        }
    }

    /// <summary>Swaps the two buffers; the writer owns the one it took until it asks again.</summary>
    private bool TakeQueued(out ReadOnlyMemory<byte> bytes)
    {
        lock (_lock)
        {
            bytes = default;
            _writingBytes = 0;
            if (_queuedBytes == 0 || _isClosed)
            {
                _isWriting = false;
                return false;
            }

            bytes = _queued.AsMemory(0, _queuedBytes);
            (_queued, _spare) = (_spare.Length <= KeptBufferBytes ? _spare : [], _queued);
            (_writingBytes, _queuedBytes) = (_queuedBytes, 0);
            return true;
        }
    }

    private void Reserve(int length)
    {
        int wanted = _queuedBytes + length;
        if (wanted <= _queued.Length)
            return;
        var larger = GC.AllocateUninitializedArray<byte>(
            Math.Max(wanted, Math.Max(FirstBufferBytes, _queued.Length * 2)));
        _queued.AsSpan(0, _queuedBytes).CopyTo(larger);
        _queued = larger;
    }
}
