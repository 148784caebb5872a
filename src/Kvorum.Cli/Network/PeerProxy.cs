using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;

namespace Kvorum.Cli.Network;

/// <summary>
/// Stands before one node's peer address: all members name this proxy's address as the node's own, in
/// --peers and in what they tell each other, so that no way between two nodes leads past it. It learns
/// from the first bytes of a connection which node dials, and lets bytes through as the links of the two say.
/// </summary>
internal sealed class PeerProxy : IAsyncDisposable
{
    // Preamble and header of the first frame; of a hello come four ids and the process, then the dialler's
    // name. See PeerWire. A node that was replaced has another id and the same name.
    internal const int HeadBytes = 8 + 9;
    internal const int NameAt = HeadBytes + (4 * 16) + sizeof(ulong) + sizeof(ushort);
    internal const byte HelloKind = 0xF0;
    private const byte JoinKind = 0xF4;

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _tasks = [];
    private readonly IPEndPoint _target;
    private readonly Func<string, (Link There, Link Back)?> _links;
    private readonly ProxyTls? _tls;

    /// <param name="port">Where to listen.</param>
    /// <param name="target">The node's own port for peers.</param>
    /// <param name="links">The links from and to the node with that name.</param>
    /// <param name="tls">How it poses as each side to the other; null where they are plain.</param>
    public PeerProxy(
        int port, int target, Func<string, (Link There, Link Back)?> links, ProxyTls? tls = null)
    {
        (_target, _links, _tls) = (new(IPAddress.Loopback, target), links, tls);
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
            await using var plain = new NetworkStream(dialler);
            var (near, who) = _tls is null ? (plain, "")
                : await _tls.AcceptAsync(plain, _stop.Token).ConfigureAwait(false);
            await using var stream = near;
            var opening = await ReadOpening(stream).ConfigureAwait(false);
            using var free = new Link();
            // A node that asks to join is none yet: no way of it is cut.
            var links = opening[HeadBytes - 1] == JoinKind ? (free, free) : LinksOf(opening);
            if (links is not var (there, back))
                return;
            using var end = CancellationTokenSource.CreateLinkedTokenSource(
                _stop.Token, there.Resets, back.Resets);
            if (there.Cut == CutMode.Reset || back.Cut == CutMode.Reset)
                return;
            await there.Pass(end.Token).ConfigureAwait(false);
            await target.ConnectAsync(_target, end.Token).ConfigureAwait(false);
            await using var beyond = new NetworkStream(target);
            await using var far = _tls is null ? beyond
                : await _tls.ConnectAsync(beyond, who, end.Token).ConfigureAwait(false);
            await far.WriteAsync(opening, end.Token).ConfigureAwait(false);
            var first = await Task.WhenAny(
                Pump(stream, far, there, end.Token), Pump(far, stream, back, end.Token))
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

    private async Task<byte[]> ReadOpening(Stream stream)
    {
        var head = await Read(HeadBytes).ConfigureAwait(false);
        if (head[^1] != HelloKind)
            return head;
        var ids = await Read(NameAt - HeadBytes).ConfigureAwait(false);
        var length = BinaryPrimitives.ReadUInt16LittleEndian(ids.AsSpan(ids.Length - sizeof(ushort)));
        var name = await Read(length).ConfigureAwait(false);
        return [.. head, .. ids, .. name];

        async Task<byte[]> Read(int count)
        {
            var bytes = new byte[count];
            await stream.ReadExactlyAsync(bytes, _stop.Token).ConfigureAwait(false);
            return bytes;
        }
    }

    private (Link There, Link Back)? LinksOf(byte[] opening) => opening.Length > NameAt
        ? _links(Encoding.UTF8.GetString(opening.AsSpan(NameAt))) : null;

    private static async Task Pump(Stream from, Stream to, Link link, CancellationToken cancel)
    {
        var bytes = new byte[64 << 10];
        try
        {
            int count;
            while ((count = await from.ReadAsync(bytes, cancel).ConfigureAwait(false)) > 0)
            {
                await link.Pass(cancel).ConfigureAwait(false);
                await to.WriteAsync(bytes.AsMemory(0, count), cancel).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
        }
    }

    private static bool IsEnd(Exception e) =>
        e is SocketException or IOException or ObjectDisposedException or OperationCanceledException
            or AuthenticationException;
}
