using System.Net;
using Kvorum.Node;
using Kvorum.Server.Listeners;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace Kvorum.Server.Grpc;

/// <summary>
/// The gRPC front end: Kestrel's HTTP/2 without TLS, and nothing between it and <see
/// cref="GrpcApplication"/>. It is handed its connections, so a listener that other protocols share can feed
/// it.
/// </summary>
public sealed class GrpcServer : IAsyncDisposable
{
    private const int CallsPerConnection = 128;

    private readonly GrpcApplication _application;
    private readonly KestrelServer _kestrel;
    private readonly CancellationTokenSource _stopping;
    private ListenOptions? _listening;

    /// <summary>A front end with services of the caller's choice.</summary>
    public GrpcServer(
        IEnumerable<GrpcService> services,
        GrpcOptions options,
        IConnectionListenerFactory transport,
        EndPoint endpoint)
    {
        _stopping = new();
        _application = new(services, options, _stopping.Token);
        var kestrel = new KestrelServerOptions { AddServerHeader = false };
        // A proxy that ends TLS passes on ":scheme: https"; what it means ended there.
        kestrel.AllowAlternateSchemes = true;
        kestrel.Limits.MinRequestBodyDataRate = null; // A stream may be silent for hours.
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.MaxRequestBodySize = null; // Messages have a bound, streams have none.
        kestrel.Limits.MaxConcurrentConnections = options.ConnectionsMax;
        kestrel.Limits.Http2.MaxStreamsPerConnection = CallsPerConnection; // Clients keep more calls back.
        // What a client may send of each call before it is admitted; those that wait leave some of the
        // connection's window to those that are.
        kestrel.Limits.Http2.InitialStreamWindowSize = TrafficRoom.SmallBytesMax;
        kestrel.Limits.Http2.InitialConnectionWindowSize =
            (CallsPerConnection + 8) * TrafficRoom.SmallBytesMax;
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromHours(1);
        // Clients that vanished without a word must not keep connections and streams.
        kestrel.Limits.Http2.KeepAlivePingDelay = options.PingInterval;
        kestrel.Limits.Http2.KeepAlivePingTimeout = options.PingTimeout;
        kestrel.Listen(endpoint, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.Use(next => connection => OpenAsync(connection, next, options));
            _listening = listen;
        });
        _kestrel = new(Options.Create(kestrel), transport, options.Logging);
    }

    /// <summary>Where it listens; after <see cref="StartAsync"/> with the true port.</summary>
    public EndPoint EndPoint => _listening?.EndPoint ?? throw new InvalidOperationException("not started");

    /// <summary>The front end of a node, with all its services.</summary>
    public static GrpcServer Create(
        INode node, GrpcOptions options, IConnectionListenerFactory transport, EndPoint endpoint) =>
        new(GrpcServices.Of(node, options), options, transport, endpoint);

    /// <summary>Binds and serves. <see cref="IOException"/> if the endpoint cannot be bound.</summary>
    public Task StartAsync(CancellationToken cancelled) => _kestrel.StartAsync(_application, cancelled);

    /// <summary>
    /// Takes no new calls, asks streams to end, and waits for the calls under way until <paramref
    /// name="impatient"/> fires; what is left then is cut off.
    /// </summary>
    public async Task StopAsync(CancellationToken impatient)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _kestrel.StopAsync(impatient).ConfigureAwait(false);
    }

    /// <summary>Cuts off what is left.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
        _kestrel.Dispose();
        _stopping.Dispose();
    }

    private static async Task OpenAsync(
        ConnectionContext connection, ConnectionDelegate next, GrpcOptions options)
    {
        PacedLogging.Serves(connection.RemoteEndPoint);
        if (!await ConnectionOpening.IsServedAsync(connection, options.OpeningTimeout)
            .ConfigureAwait(false))
            return;
        using var traffic = ConnectionTraffic.Open(connection, options.Traffic);
        await next(connection).ConfigureAwait(false);
    }
}
