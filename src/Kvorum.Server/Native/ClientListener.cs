using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Server.Listeners;
using Kvorum.Server.Sockets;
using Kvorum.Server.Tls;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Native;

/// <summary>
/// The door for clients: one port for the native protocol and for gRPC, told apart by a connection's first
/// bytes. Native connections are served here, all others are handed to the listener behind
/// <see cref="Others"/>. A node that asks to join may come here too: it is handed to the transport.
/// </summary>
/// <remarks>
/// <code>
/// await using var clients = new ClientListener(options);           // binds: the port is known, in EndPoint
/// await using var grpc = GrpcServer.Create(node, grpcOptions, clients.Others, clients.EndPoint);
/// await grpc.StartAsync(stopping);
/// clients.Start(node);                                             // accepts from now on
/// ...
/// await clients.DrainAsync(impatient);                             // goodbye to native clients
/// await grpc.StopAsync(impatient);
/// </code>
/// In a web host: <c>services.AddSingleton(clients.Others)</c> and <c>kestrel.Listen(clients.EndPoint,
/// ...)</c>. The factory takes that one endpoint only; Kestrel asks others for the rest.
/// </remarks>
public sealed class ClientListener : IAsyncDisposable
{
    /// <summary>The native protocol, by ALPN.</summary>
    internal static readonly SslApplicationProtocol Protocol = new("kvorum");

    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(1);

    private readonly ClientListenerOptions _options;
    private readonly ILogger _log;
    private readonly SourceLines _lines;
    private readonly ClientLog _clientLog;
    private readonly Socket _listening;
    private readonly HandedOverConnections _others;
    private readonly Lock _gate = new();
    private readonly HashSet<NativeConnection> _connections = [];
    private readonly HashSet<Stream> _unknown = [];
    private readonly CancellationTokenSource _stopping = new();
    private INode? _node;
    private Task _accepting = Task.CompletedTask;
    private Timer? _watch;
    private bool _isStopping;

    /// <summary>
    /// Binds and listens; nothing is accepted before <see cref="Start"/>. <see cref="IOException"/> if the
    /// address cannot be had, with a message for the operator.
    /// </summary>
    public ClientListener(ClientListenerOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.OutputBytesMax, Limits.FrameBytesMax);
        _options = options;
        _log = options.Logging.CreateLogger("Kvorum.Server.Native");
        _lines = options.Lines ?? new(_log, TimeProvider.System);
        _clientLog = new(_log, _lines);
        _listening = options.Bound ?? Bind(options.EndPoint);
        _listening.Listen(512);
        EndPoint = (IPEndPoint)_listening.LocalEndPoint!;
        _others = new(EndPoint, options.Logging);
    }

    /// <summary>Where it listens, with the true port.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>
    /// Kestrel's way to connections that are not native: takes <see cref="EndPoint"/> only.
    /// </summary>
    public IConnectionListenerFactory Others => _others;

    /// <summary>Native connections open now.</summary>
    public int ConnectionCount
    {
        get
        {
            lock (_gate)
                return _connections.Count;
        }
    }

    /// <summary>Begins to accept. Once.</summary>
    public void Start(INode node)
    {
        if (Interlocked.CompareExchange(ref _node, node, null) is not null)
            throw new InvalidOperationException("The listener was started before.");
        var acceptor = new Acceptor(_listening, _options.Room, socket => _ = WelcomeAsync(socket));
        _accepting = Task.Run(() => acceptor.RunAsync(_stopping.Token));
        _watch = new(static it => ((ClientListener)it!).Watch(), this, WatchInterval, WatchInterval);
    }

    /// <summary>
    /// Accepts no more, says goodbye to native clients, and waits until their calls are answered or
    /// <paramref name="impatient"/> fires. Connections handed over are their new owner's to end.
    /// </summary>
    public async Task DrainAsync(CancellationToken impatient)
    {
        await StopAcceptingAsync().ConfigureAwait(false);
        await Task.WhenAll(Connections().Select(connection => connection.DrainAsync(impatient)))
            .ConfigureAwait(false);
    }

    /// <summary>Closes what is left.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAcceptingAsync().ConfigureAwait(false);
        if (_watch is not null)
            await _watch.DisposeAsync().ConfigureAwait(false);
        foreach (var connection in Connections())
            connection.Dispose();
        _others.Dispose();
        _stopping.Dispose();
    }

    private static Socket Bind(IPEndPoint endpoint)
    {
        try
        {
            return Listening.Bind(endpoint);
        }
        catch (SocketException e)
        {
            var remedy = e.SocketErrorCode == SocketError.AddressAlreadyInUse
                ? "another program listens there; end it or choose another --addr"
                : "choose an --addr of this machine";
            throw new IOException($"Cannot listen on {endpoint} for clients: {e.Message} ({remedy}).", e);
        }
    }

    private void Watch()
    {
        foreach (var connection in Connections())
            connection.Watch(Environment.TickCount64);
    }

    private NativeConnection[] Connections()
    {
        lock (_gate)
            return [.. _connections];
    }

    private async Task StopAcceptingAsync()
    {
        Stream[] unknown;
        bool isFirst;
        lock (_gate)
        {
            isFirst = !_isStopping;
            _isStopping = true;
            unknown = [.. _unknown];
        }

        if (isFirst)
            await _stopping.CancelAsync().ConfigureAwait(false);
        _listening.Dispose();
        foreach (var stream in unknown)
            await stream.DisposeAsync().ConfigureAwait(false);
        await _accepting.ConfigureAwait(false);
    }

    private async Task WelcomeAsync(Socket socket)
    {
        Stream? stream = null;
        IDisposable? pass = null;
        try
        {
            if (_options.Tls is { } door && (pass = door.Enter(socket)) is null)
                return;
            socket.NoDelay = true;
            stream = SocketStreams.Open(socket, _options.Poller);
            if (!Remember(stream))
                await stream.DisposeAsync().ConfigureAwait(false);
            else
                await MeetAsync(socket, stream, pass).ConfigureAwait(false);
        }
        catch (Exception e) when (SocketStreams.IsLoss(e) || e is OperationCanceledException)
        {
            if (stream is not null)
                await stream.DisposeAsync().ConfigureAwait(false);
            socket.Dispose();
        }
        finally
        {
            pass?.Dispose();
            if (stream is not null)
                Forget(stream);
        }
    }

    /// <summary>
    /// Gives the connection to whom it belongs. One byte tells a web server's, none of which begins with a K,
    /// and TLS, which has a byte of its own. KVP is a node's: if less of it has come, the native protocol
    /// refuses it, and the node asks again.
    /// </summary>
    private async Task MeetAsync(Socket socket, Stream stream, IDisposable? pass)
    {
        using var patience = new CancellationTokenSource(_options.HandshakeTimeout);
        var first = new byte[3];
        await SocketStreams.PeekAsync(socket, stream, first, patience.Token).ConfigureAwait(false);
        if (first[0] == TlsDoor.FirstByte && _options.Tls is { } door)
        {
            var tls = await door.AcceptAsync(socket, stream, patience.Token).ConfigureAwait(false);
            pass?.Dispose();
            await ServeAsync(tls, stream, door).ConfigureAwait(false);
            return;
        }

        var isNode = first.AsSpan().SequenceEqual("KVP"u8) && _options.Nodes is not null;
        if (first[0] == TlsDoor.FirstByte)
        {
            TlsDoor.TellRefused(
                _lines, _log, socket.RemoteEndPoint, "--addr", "it speaks TLS, and this node is plain");
            await stream.DisposeAsync().ConfigureAwait(false);
        }
        else if (_options.Tls is { TakesPlain: false } only && !isNode)
        {
            only.TellPlain(socket.RemoteEndPoint);
            await RefusePlainAsync(socket, stream, first[0]).ConfigureAwait(false);
        }
        else if (first[0] == NativeCodec.Magic[0] && !isNode)
        {
            pass?.Dispose();
            await ServeAsync(socket, stream, stream).ConfigureAwait(false);
        }
        else
        {
            Forget(stream);
            SocketStreams.Release(stream);
            if (isNode)
                _options.Nodes!(socket, null);
            else
                _others.Take(socket);
        }
    }

    /// <summary>An encrypted connection has said what it speaks; one that has not speaks natively.</summary>
    private async Task ServeAsync(TlsStream tls, Stream under, TlsDoor door)
    {
        var speaks = tls.NegotiatedApplicationProtocol;
        if (speaks == SslApplicationProtocol.Http2)
        {
            Forget(under);
            _others.Take(new TlsConnection(tls));
            return;
        }

        tls.Stay();
        if (speaks != TlsDial.Peers && speaks != TlsDial.Claims)
        {
            await ServeAsync(tls.Socket, tls, under).ConfigureAwait(false);
        }
        else if ((tls.Identity.IsNode || speaks == TlsDial.Claims) && _options.Nodes is { } nodes)
        {
            // Who shows a join token is led to those alone: the other side of the door looks again.
            Forget(under);
            nodes(tls.Socket, tls);
        }
        else
        {
            door.TellRefused(
                tls.Remote, "it speaks as nodes do, and shows no certificate of a node", tls.Identity);
            await tls.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task RefusePlainAsync(Socket socket, Stream stream, byte first)
    {
        if (first != NativeCodec.Magic[0])
        {
            await PlainAnswers.SayAsync(socket, stream, first).ConfigureAwait(false);
            return;
        }

        using var connection = new NativeConnection(socket, stream, _node!, _options, _clientLog);
        await connection.RefuseAsync($"{PlainAnswers.Words} (--tls-ca).").ConfigureAwait(false);
    }

    private async Task ServeAsync(Socket socket, Stream stream, Stream under)
    {
        using var connection = new NativeConnection(socket, stream, _node!, _options, _clientLog);
        bool isTooMany;
        lock (_gate)
        {
            _unknown.Remove(under);
            isTooMany = _connections.Count >= _options.ConnectionsMax;
            if (_isStopping)
                return;
            if (!isTooMany)
                _connections.Add(connection);
        }

        if (isTooMany)
        {
            await connection.RefuseAsync(
                $"Node {_options.NodeName} has {_options.ConnectionsMax} native connections: its bound.")
                .ConfigureAwait(false);
            return;
        }

        await connection.RunAsync().ConfigureAwait(false);
        lock (_gate)
            _connections.Remove(connection);
    }

    private bool Remember(Stream stream)
    {
        lock (_gate)
            return !_isStopping && _unknown.Count < _options.ConnectionsMax && _unknown.Add(stream);
    }

    private void Forget(Stream stream)
    {
        lock (_gate)
            _unknown.Remove(stream);
    }
}
