using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Kvorum.Cli.Chaos;

/// <summary>
/// Stands before one node's peer address: all members name this proxy's address as the node's own, in
/// --peers and in what they tell each other, so that no way between two nodes leads past it. It learns
/// from the first bytes of a connection which node dials, and lets bytes through as the links of the two say.
/// </summary>
internal sealed class PeerProxy : IAsyncDisposable
{
    // Preamble, header of the hello's frame, founding id, cluster id: then comes the dialler's id. See
    // PeerWire.
    internal const int IdAt = 8 + 9 + 16 + 16;
    internal const int OpeningBytes = IdAt + 16;

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _tasks = [];
    private readonly IPEndPoint _target;
    private readonly Func<UInt128, (Link There, Link Back)?> _links;

    /// <param name="port">Where to listen.</param>
    /// <param name="target">The node's own port for peers.</param>
    /// <param name="links">The links from and to the node with that id.</param>
    public PeerProxy(int port, int target, Func<UInt128, (Link There, Link Back)?> links)
    {
        (_target, _links) = (new(IPAddress.Loopback, target), links);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        _listener.Listen(64);
        _tasks.Add(Accept());
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        Task[] tasks;
        lock (_tasks)
            tasks = [.. _tasks];
        await Task.WhenAll(tasks).ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task Accept()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var dialler = await _listener.AcceptAsync(_stop.Token).ConfigureAwait(false);
                lock (_tasks)
                {
                    _tasks.RemoveAll(task => task.IsCompleted);
                    _tasks.Add(Serve(dialler));
                }
            }
            catch (Exception e) when (IsEnd(e))
            {
                if (!_stop.IsCancellationRequested)
                    await Task.Delay(10).ConfigureAwait(false);
            }
        }
    }

    // Both sides are reset together: a node must see the death of the other one as if it were connected.
    private async Task Serve(Socket dialler)
    {
        using var target = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            dialler.NoDelay = target.NoDelay = true;
            dialler.LingerState = target.LingerState = new(true, 0);
            var opening = new byte[OpeningBytes];
            await using var stream = new NetworkStream(dialler);
            await stream.ReadExactlyAsync(opening, _stop.Token).ConfigureAwait(false);
            var id = BinaryPrimitives.ReadUInt128BigEndian(opening.AsSpan(IdAt));
            if (_links(id) is not var (there, back))
                return;
            using var end = CancellationTokenSource.CreateLinkedTokenSource(
                _stop.Token, there.Resets, back.Resets);
            if (there.Cut == CutMode.Reset || back.Cut == CutMode.Reset)
                return;
            await there.Pass(end.Token).ConfigureAwait(false);
            await target.ConnectAsync(_target, end.Token).ConfigureAwait(false);
            await target.SendAsync(opening, end.Token).ConfigureAwait(false);
            var first = await Task.WhenAny(
                Pump(dialler, target, there, end.Token), Pump(target, dialler, back, end.Token))
                .ConfigureAwait(false);
            await end.CancelAsync().ConfigureAwait(false);
            await first.ConfigureAwait(false);
        }
        catch (Exception e) when (IsEnd(e))
        {
        }
        finally
        {
            dialler.Dispose();
        }
    }

    private static async Task Pump(Socket from, Socket to, Link link, CancellationToken cancel)
    {
        var bytes = new byte[64 << 10];
        try
        {
            int count;
            while ((count = await from.ReceiveAsync(bytes, cancel).ConfigureAwait(false)) > 0)
            {
                await link.Pass(cancel).ConfigureAwait(false);
                for (var sent = 0; sent < count;)
                {
                    var rest = bytes.AsMemory(sent, count - sent);
                    sent += await to.SendAsync(rest, cancel).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
        }
    }

    private static bool IsEnd(Exception e) =>
        e is SocketException or IOException or ObjectDisposedException or OperationCanceledException;
}
