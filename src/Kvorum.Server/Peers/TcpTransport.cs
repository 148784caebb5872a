using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Kvorum.Node;
using Kvorum.Raft;
using Kvorum.Server.Listeners;
using Kvorum.Server.Tls;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Peers;

/// <summary>
/// Peers over TCP: open this first. Each node dials every other one and sends on the connection that it
/// dialled; what it accepts it only reads. The wire is described in <c>PeerWire</c>. Bind the port with
/// <see cref="Listen"/>, so that the address is known before the node says of itself where it lives. The
/// node says who its peers are when it starts, and whenever they change.
/// </summary>
public sealed class TcpTransport : ITransport, IAsyncDisposable
{
    private readonly Socket _listener;
    private readonly TransportOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    // Set once, by the start.
    private volatile OwnIntroduction? _self;
    private volatile PeerLinks? _links;
    private volatile IncomingPeers? _incoming;
    private volatile JoinCalls? _joins;
    private readonly CancellationTokenSource _stop = new();
    private Task _accepting = Task.CompletedTask;
    private ITimer? _watch;

    /// <param name="listener">From <see cref="Listen"/>; owned by the transport from now on.</param>
    /// <param name="options">Times and bounds.</param>
    /// <param name="time">Clock.</param>
    /// <param name="log">Where connections and refusals are told.</param>
    public TcpTransport(Socket listener, TransportOptions options, TimeProvider time, ILogger log) =>
        (_listener, _options, _time, _log) = (listener, options, time, log);

    /// <summary>What was sent, received, dropped and lost.</summary>
    public TransportCounters Counters { get; } = new();

    /// <summary>The address that the transport listens on.</summary>
    public IPEndPoint LocalEndPoint => (IPEndPoint)_listener.LocalEndPoint!;

    /// <summary>
    /// Takes a port; throws <see cref="SocketException"/> if it is taken. Port 0 takes a free one.
    /// </summary>
    public static Socket Listen(IPEndPoint endpoint)
    {
        var socket = Listening.Bind(endpoint);
        try
        {
            socket.Listen(128);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Start(PeerHello self, IReadOnlyList<MemberSeed> peers, IPeerReceiver receiver)
    {
        var process = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        var own = _self = new(self, process);
        var links = _links = new(own, receiver, _options, _time, _log, Counters, _stop.Token);
        _joins = new(own, receiver, _options, _time, _stop.Token);
        var lines = _options.Lines ?? new SourceLines(_log, _time);
        var incoming = _incoming = new(own, links, receiver, _options, _time, _log, Counters, lines);
        var acceptor = new Acceptor(
            _listener, _options.Room, socket => incoming.Take(socket, _stop.Token), isForNodes: true);
        links.Follow(peers);
        _accepting = Task.Run(() => acceptor.RunAsync(_stop.Token));
        _watch = _time.CreateTimer(_ => Watch(), null, _options.PingInterval / 2, _options.PingInterval / 2);
    }

    /// <inheritdoc/>
    public void Identify(UInt128 clusterId) => _self?.Identify(clusterId);

    /// <inheritdoc/>
    public void Activate(int format)
    {
        if (_self is not { } self || self.Now.Node.ActiveFormat == format)
            return;
        self.Activate(format);
        _links?.Check();
        _incoming?.Check();
    }

    /// <inheritdoc/>
    public void Follow(IReadOnlyList<MemberSeed> peers) => _links?.Follow(peers);

    /// <inheritdoc/>
    public void AskToJoin(string address, ReadOnlyMemory<byte> ask) => _joins?.Begin(address, ask);

    /// <inheritdoc/>
    public bool Send(NodeId to, PeerFrameKind kind, ReadOnlySpan<byte> payload)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payload.Length, TransportOptions.FrameBytesMax);
        return _links?.Find(to) is { } link && link.Send(kind, payload);
    }

    /// <summary>
    /// Takes over a connection of a node that has come to the port of clients: it may ask to join there, and
    /// do nothing else.
    /// </summary>
    internal void TakeAsker(Socket socket, TlsStream? tls = null)
    {
        if (_incoming is { } incoming)
            incoming.Take(socket, _stop.Token, mayOnlyAsk: true, tls);
        else
            socket.Dispose();
    }

    /// <summary>Closes all connections; when it returns nothing more is told to the receiver.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
            return;
        await _stop.CancelAsync().ConfigureAwait(false);
        if (_watch is not null)
            await _watch.DisposeAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _accepting.ConfigureAwait(false);
        await Task.WhenAll(
            _links?.Stop() ?? Task.CompletedTask, _joins?.Stop() ?? Task.CompletedTask,
            _incoming?.Stop() ?? Task.CompletedTask).ConfigureAwait(false);
        Counters.Dispose();
        _stop.Dispose();
    }

    private void Watch()
    {
        _links?.Watch();
        _incoming?.Watch();
    }
}
