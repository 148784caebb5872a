using System.Collections.Concurrent;
using System.ComponentModel;
using System.Net.Sockets;

namespace Kvorum.Server.Sockets;

/// <summary>
/// Lets one thread, which has other work too, serve sockets: it polls between two pieces of work, and sleeps
/// in the poll when there is none. What a socket has is read on that thread, and the continuation of the read
/// runs there: nothing is handed from thread to thread. Linux only; elsewhere the runtime's own threads do
/// it.
/// </summary>
internal sealed class SocketPoller : ILoopWaiter, IDisposable
{
    private readonly Epoll _epoll = new();
    private readonly ConcurrentDictionary<ulong, PolledStream> _streams = new();
    private ulong _lastKey;
    private int _ready;

    /// <summary>True where there is one.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux();

    /// <summary>
    /// A stream over a connected socket which has not been read or written asynchronously before; owns it.
    /// Any thread.
    /// </summary>
    public PolledStream Open(Socket socket)
    {
        socket.Blocking = false;
        var key = Interlocked.Increment(ref _lastKey);
        var stream = new PolledStream(this, socket, key);
        _streams[key] = stream;
        return stream;
    }

    /// <inheritdoc/>
    public void Sleep(int milliseconds) => _ready = _epoll.Wait(milliseconds);

    /// <summary>What waits on the ready sockets goes on, here.</summary>
    public void Serve()
    {
        for (var i = 0; i < _ready; i++)
        {
            var (key, events) = _epoll.Ready(i);
            if (events != 0 && _streams.TryGetValue(key, out var stream))
                Serve(stream, events);
        }

        _ready = 0;
    }

    private static void Serve(PolledStream stream, uint events)
    {
        try
        {
            stream.Serve(events);
        }
        catch (Win32Exception)
        {
            // The kernel has no room to watch it: one connection less, but not the thread.
            stream.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Wake() => _epoll.Wake();

    /// <summary>From now on the stream is told of these events.</summary>
    public void Watch(PolledStream stream, bool isNew, uint events)
    {
        if (isNew)
            _epoll.Add(stream.Socket.SafeHandle, stream.Key, events);
        else
            _epoll.Change(stream.Socket.SafeHandle, stream.Key, events);
    }

    /// <summary>It is told of nothing until it is watched anew.</summary>
    public void Unwatch(PolledStream stream) => _epoll.Delete(stream.Socket.SafeHandle);

    /// <summary>It is gone.</summary>
    public void Forget(PolledStream stream) => _streams.TryRemove(stream.Key, out _);

    /// <summary>After the last poll, and after all streams are closed.</summary>
    public void Dispose() => _epoll.Dispose();
}
