using System.Buffers;
using Kvorum.Server.Sockets;

namespace Kvorum.Server.Peers;

/// <summary>
/// The sending half of one connection: frames are gathered under a short lock, and leave together. A lone
/// frame leaves without a hop between threads, and under load one call carries many frames. Any thread.
/// </summary>
internal sealed class FrameWriter
{
    // The longest pieces of checkpoints, a few of them.
    private const int KeptBytesMax = 4 << 20;

    private readonly Lock _gate = new();
    private readonly SocketOutput _output;
    private readonly int _boundBytes;
    private readonly TimeProvider _time;
    private bool _isClosed;
    private long _lastSent;

    // `failed` is told once when a write fails, on the writing thread.
    public FrameWriter(Stream stream, int boundBytes, TimeProvider time, Action<Exception> failed)
    {
        (_boundBytes, _time) = (boundBytes, time);
        _output = new(stream, _gate, KeptBytesMax, Fail, idle: static () => { });
        _lastSent = time.GetTimestamp();

        void Fail(Exception loss)
        {
            Close();
            failed(loss);
        }
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
        lock (_gate)
        {
            if (_isClosed || _output.Waiting + header.Length + payload.Length > _boundBytes)
                return false;
            _output.Gathered.Write(header);
            _output.Gathered.Write(payload);
            Volatile.Write(ref _lastSent, _time.GetTimestamp());
        }

        _output.Flush();
        return true;
    }

    /// <summary>Takes no more frames.</summary>
    public void Close()
    {
        lock (_gate)
            _isClosed = true;
    }
}
