using System.Net;
using System.Net.Sockets;
using Kvorum.Server.Sockets;

namespace Kvorum.Tests.Server.Sockets;

/// <summary>A connection whose one end is polled, and a thread that polls once it is started.</summary>
internal sealed class PolledPair : IAsyncDisposable
{
    private readonly Thread _thread;
    private volatile bool _isEnding;

    public PolledPair()
    {
        Assert.SkipUnless(SocketPoller.IsSupported, "only Linux has epoll");
        Poller = new();
        (var polled, Far) = Connected();
        Near = Poller.Open(polled);
        _thread = new(Poll) { IsBackground = true };
    }

    public SocketPoller Poller { get; }

    public PolledStream Near { get; }

    /// <summary>The other end, of an ordinary kind.</summary>
    public Socket Far { get; }

    public static (Socket Accepted, Socket Dialled) Connected()
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        listener.Listen();
        var dialled = new Socket(SocketType.Stream, ProtocolType.Tcp);
        dialled.Connect(listener.LocalEndPoint!);
        return (listener.Accept(), dialled);
    }

    public PolledPair Started()
    {
        _thread.Start();
        return this;
    }

    public async ValueTask DisposeAsync()
    {
        await Task.Yield(); // a test that has read is on the very thread that is to end
        _isEnding = true;
        Poller.Wake();
        if (_thread.IsAlive)
            _thread.Join();
        await Near.DisposeAsync();
        Far.Dispose();
        Poller.Dispose();
    }

    /// <summary>One look, for tests that poll by themselves.</summary>
    public void Poll(int milliseconds)
    {
        Poller.Sleep(milliseconds);
        Poller.Serve();
    }

    private void Poll()
    {
        while (!_isEnding)
            Poll(10_000);
    }
}
