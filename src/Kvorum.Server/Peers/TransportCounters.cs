using System.Diagnostics.Metrics;

namespace Kvorum.Server.Peers;

/// <summary>
/// What the transport has done since its start, over all peers. Read on any thread. Published under the meter
/// <c>Kvorum.Peers</c>.
/// </summary>
public sealed class TransportCounters : IDisposable
{
    private readonly Meter _meter = new("Kvorum.Peers");
    private long _framesSent;
    private long _bytesSent;
    private long _framesReceived;
    private long _bytesReceived;
    private long _framesDropped;
    private long _connects;
    private long _losses;

    internal TransportCounters()
    {
        _meter.CreateObservableCounter(
            "kvorum_peer_frames_sent", () => FramesSent, "frames", "Frames given to peers' connections.");
        _meter.CreateObservableCounter(
            "kvorum_peer_bytes_sent", () => BytesSent, "bytes", "Bytes of those frames.");
        _meter.CreateObservableCounter(
            "kvorum_peer_frames_received", () => FramesReceived, "frames", "Frames from peers.");
        _meter.CreateObservableCounter(
            "kvorum_peer_bytes_received", () => BytesReceived, "bytes", "Bytes of those frames.");
        _meter.CreateObservableCounter(
            "kvorum_peer_frames_dropped", () => FramesDropped, "frames", "Frames that were not taken.");
        _meter.CreateObservableCounter(
            "kvorum_peer_connects", () => Connects, "connections", "Connections that came to stand.");
        _meter.CreateObservableCounter(
            "kvorum_peer_losses", () => Losses, "connections", "Connections that were lost.");
    }

    /// <summary>Frames given to peers' connections.</summary>
    public long FramesSent => Volatile.Read(ref _framesSent);

    /// <summary>Bytes of those frames, headers included.</summary>
    public long BytesSent => Volatile.Read(ref _bytesSent);

    /// <summary>Frames from peers handed on, pings not counted.</summary>
    public long FramesReceived => Volatile.Read(ref _framesReceived);

    /// <summary>Bytes of those frames, headers not counted.</summary>
    public long BytesReceived => Volatile.Read(ref _bytesReceived);

    /// <summary>Frames not taken, because the peer was not connected or its queue was full.</summary>
    public long FramesDropped => Volatile.Read(ref _framesDropped);

    /// <summary>Connections that came to stand.</summary>
    public long Connects => Volatile.Read(ref _connects);

    /// <summary>Connections that were lost.</summary>
    public long Losses => Volatile.Read(ref _losses);

    internal void Sent(int bytes)
    {
        Interlocked.Increment(ref _framesSent);
        Interlocked.Add(ref _bytesSent, bytes);
    }

    internal void Received(int bytes)
    {
        Interlocked.Increment(ref _framesReceived);
        Interlocked.Add(ref _bytesReceived, bytes);
    }

    internal void Dropped() => Interlocked.Increment(ref _framesDropped);

    internal void Connected() => Interlocked.Increment(ref _connects);

    internal void Lost() => Interlocked.Increment(ref _losses);

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();
}
