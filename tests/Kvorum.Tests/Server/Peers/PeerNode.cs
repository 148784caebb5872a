using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Kvorum.Node;
using Kvorum.Raft;
using Kvorum.Server.Peers;
using Kvorum.Server.Tls;
using Microsoft.Extensions.Logging;

namespace Kvorum.Tests.Server.Peers;

/// <summary>A transport with a receiver and a log that remember everything.</summary>
internal sealed class PeerNode : IPeerReceiver, ILogger, IAsyncDisposable
{
    public static readonly TransportOptions Fast = new()
    {
        PingInterval = TimeSpan.FromMilliseconds(50),
        SilenceMax = TimeSpan.FromMilliseconds(600),
        ConnectTimeout = TimeSpan.FromMilliseconds(500),
        BackoffMin = TimeSpan.FromMilliseconds(10),
        BackoffMax = TimeSpan.FromMilliseconds(200),
        JoinTimeout = TimeSpan.FromMilliseconds(800),
    };

    private readonly TcpTransport _transport;
    private readonly PeerHello _hello;
    private readonly MemberSeed[] _peers;
    private volatile bool _isDisposed;

    public PeerNode(
        NodeAddress self, IEnumerable<NodeAddress> members, TransportOptions? options = null,
        UInt128? cluster = null, UInt128? founding = null)
    {
        Self = self;
        _hello = new(
            self.Id, self.Name, self.Address, "client-of-" + self.Name, "http-of-" + self.Name)
        {
            FoundingId = founding ?? 70,
            ClusterId = cluster ?? 7,
        };
        _peers = [.. members.Where(member => member.Id != self.Id)
            .Select(member => new MemberSeed(member.Id, member.Name, member.Address))];
        var listener = TcpTransport.Listen(IPEndPoint.Parse(self.Address));
        _transport = new(listener, options ?? Fast, TimeProvider.System, this);
    }

    public NodeAddress Self { get; }

    public ConcurrentQueue<PeerHello> Ups { get; } = [];

    public ConcurrentQueue<(NodeId Peer, PeerLoss Loss)> Downs { get; } = [];

    public ConcurrentQueue<(NodeId From, PeerFrameKind Kind, ReadOnlyMemory<byte> Payload)> Frames { get; } =
        [];

    public ConcurrentQueue<ReadOnlyMemory<byte>> Asks { get; } = [];

    public ConcurrentQueue<(string Address, ReadOnlyMemory<byte> Bytes, string? Failure)> Answers { get; } =
        [];

    public Action<ReadOnlyMemory<byte>, Action<ReadOnlyMemory<byte>>> OnAsk { get; set; } =
        static (_, _) => { };

    public ConcurrentQueue<string> LogLines { get; } = [];

    public ConcurrentQueue<string> Refusals { get; } = [];

    public ConcurrentQueue<PeerHello> InVain { get; } = [];

    public TransportCounters Counters => _transport.Counters;

    public Action<NodeId, ReadOnlyMemory<byte>>? OnFrame { get; set; }

    public PeerNode Start()
    {
        _transport.Start(_hello, _peers, this);
        return this;
    }

    public void Identify(UInt128 cluster) => _transport.Identify(cluster);

    public void Follow(params NodeAddress[] members) =>
        _transport.Follow(
            [.. members.Select(member => new MemberSeed(member.Id, member.Name, member.Address))]);

    public void AskToJoin(string address, params byte[] ask) => _transport.AskToJoin(address, ask);

    public void TakeAsker(Socket socket, TlsStream? tls) => _transport.TakeAsker(socket, tls);

    public bool Send(PeerNode to, params byte[] payload) =>
        _transport.Send(to.Self.Id, PeerFrameKind.Raft, payload);

    public bool IsUp(PeerNode peer) => Ups.Any(hello => hello.Id == peer.Self.Id);

    public void JoinAsked(ReadOnlyMemory<byte> ask, Action<ReadOnlyMemory<byte>> answer)
    {
        Asks.Enqueue(ask);
        OnAsk(ask, answer);
    }

    public void JoinAnswered(string address, ReadOnlyMemory<byte> answer, string? failure) =>
        Answers.Enqueue((address, answer, failure));

    public void PeerUp(PeerHello peer) => Ups.Enqueue(peer);

    public void PeerDown(NodeId peer, PeerLoss loss) => Downs.Enqueue((peer, loss));

    public void PeerRefused(NodeId peer, string why) => Refusals.Enqueue(why);

    public void DialledInVain(PeerHello unknown) => InVain.Enqueue(unknown);

    public void Receive(NodeId from, PeerFrameKind kind, ReadOnlyMemory<byte> payload)
    {
        if (OnFrame is { } take)
            take(from, payload);
        else
            Frames.Enqueue((from, kind, payload));
    }

    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        await _transport.DisposeAsync();
    }

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    bool ILogger.IsEnabled(LogLevel logLevel) => true;

    void ILogger.Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?,
        string> formatter) =>
        LogLines.Enqueue($"{eventId.Id} {formatter(state, exception)}");
}

/// <summary>Where a node of a test lives.</summary>
internal sealed record NodeAddress(NodeId Id, string Name, string Address)
{
    /// <summary>Addresses on free ports of the loopback interface.</summary>
    public static NodeAddress[] Free(int count)
    {
        var listeners =
            Enumerable.Range(0, count).Select(_ => TcpTransport.Listen(new(IPAddress.Loopback, 0))).ToArray();
        var addresses = listeners.Select(
            (socket, n) => new NodeAddress(new((UInt128)n + 1), $"node-{n + 1}", $"{socket.LocalEndPoint}"));
        var all = addresses.ToArray();
        foreach (var listener in listeners)
            listener.Dispose();
        return all;
    }
}
