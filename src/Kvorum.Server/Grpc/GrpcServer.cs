using System.Net;
using Grpc.Core;
using Kvorum.Node;
using Kvorum.Server.Access;
using Kvorum.Server.Listeners;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Grpc;

/// <summary>
/// The gRPC front end: the gRPC library of ASP.NET Core on Kestrel's HTTP/2 without TLS, and around each call
/// what the library does not do: <see cref="GrpcCall"/> counts and bounds what it holds, <see
/// cref="StrictBinder"/> checks its text. It is handed its connections, so a listener that other protocols
/// share can feed it. Reads no configuration of its own and takes no signals.
/// </summary>
public sealed class GrpcServer : IAsyncDisposable
{
    private const int CallsPerConnection = 128;

    private readonly GrpcOptions _options;
    private readonly WebApplication _application;
    private readonly HandlerFailures _failures;
    private readonly DirectCalls? _direct;
    private readonly CallerCheck? _callers;
    private readonly INode? _judge;
    private readonly CancellationTokenSource _stopping = new();
    private ListenOptions? _listening;

    /// <summary>A front end with services of the caller's choice.</summary>
    /// <param name="services">What is served.</param>
    /// <param name="options">Settings.</param>
    /// <param name="transport">Hands it its connections.</param>
    /// <param name="endpoint">Where they come from.</param>
    /// <param name="judge">The node that knows who may ask; null where whoever connects may.</param>
    public GrpcServer(
        IReadOnlyCollection<GrpcService> services,
        GrpcOptions options,
        IConnectionListenerFactory transport,
        EndPoint endpoint,
        INode? judge = null)
    {
        _options = options;
        _judge = judge;
        _callers = judge is null ? null : new(judge, services);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddSingleton<IHostLifetime, EmbeddedLifetime>();
        builder.Services.AddSingleton<ILoggerFactory>(new WithoutRequestLog(options.Logging));
        builder.Services.AddGrpc(library =>
        {
            library.IgnoreUnknownServices = true; // They are told by their name: below.
            library.MaxReceiveMessageSize = options.MessageBytesMax;
            library.MaxSendMessageSize = null;
            library.CompressionProviders.Clear();
            library.CompressionProviders.Add(new Gzip(options.MessageBytesMax));
            library.ResponseCompressionAlgorithm = Gzip.Name;
        });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Configure(kestrel, endpoint));
        builder.Services.AddSingleton(transport);
        _application = builder.Build();
        _application.Use(next => http => ServeAsync(http, next));
        _application.UseRouting();
        _application.Use(next => http => http.GetEndpoint() is null ? NoMethodAsync(http) : next(http));
        _failures = new(options.Logging.CreateLogger("Kvorum.Grpc"));
        var binder = new StrictBinder(_failures);
        foreach (var service in services)
        {
            service.BindTo(binder);
            _direct ??= service.Direct;
        }

        _application.MapGrpcService(binder.Definition);
    }

    /// <summary>Where it listens; after <see cref="StartAsync"/> with the true port.</summary>
    public EndPoint EndPoint => _listening?.EndPoint ?? throw new InvalidOperationException("not started");

    /// <summary>The front end of a node, with all its services.</summary>
    public static GrpcServer Create(
        INode node, GrpcOptions options, IConnectionListenerFactory transport, EndPoint endpoint) =>
        new(GrpcServices.Of(node, options), options, transport, endpoint, node);

    /// <summary>Binds and serves. <see cref="IOException"/> if the endpoint cannot be bound.</summary>
    public Task StartAsync(CancellationToken cancelled) => _application.StartAsync(cancelled);

    /// <summary>
    /// Takes no new calls, asks streams to end, and waits for the calls under way until <paramref
    /// name="impatient"/> fires; what is left then is cut off.
    /// </summary>
    public async Task StopAsync(CancellationToken impatient)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _application.StopAsync(impatient).ConfigureAwait(false);
    }

    /// <summary>Cuts off what is left.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    private void Configure(KestrelServerOptions kestrel, EndPoint endpoint)
    {
        kestrel.AddServerHeader = false;
        // A proxy that ends TLS passes on ":scheme: https"; what it means ended there.
        kestrel.AllowAlternateSchemes = true;
        kestrel.Limits.MinRequestBodyDataRate = null; // A stream may be silent for hours.
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.MaxRequestBodySize = null; // Messages have a bound, streams have none.
        kestrel.Limits.MaxConcurrentConnections = _options.ConnectionsMax;
        kestrel.Limits.Http2.MaxStreamsPerConnection = CallsPerConnection; // Clients keep more calls back.
        // What a client may send of each call before it is admitted; those that wait leave some of the
        // connection's window to those that are.
        kestrel.Limits.Http2.InitialStreamWindowSize = TrafficRoom.SmallBytesMax;
        kestrel.Limits.Http2.InitialConnectionWindowSize =
            (CallsPerConnection + 8) * TrafficRoom.SmallBytesMax;
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromHours(1);
        // Clients that vanished without a word must not keep connections and streams.
        kestrel.Limits.Http2.KeepAlivePingDelay = _options.PingInterval;
        kestrel.Limits.Http2.KeepAlivePingTimeout = _options.PingTimeout;
        kestrel.Listen(endpoint, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.Use(next => connection => OpenAsync(connection, next));
            _listening = listen;
        });
    }

    private async Task OpenAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        PacedLogging.Serves(connection.RemoteEndPoint);
        if (!await ConnectionOpening.IsServedAsync(connection, _options.OpeningTimeout)
            .ConfigureAwait(false))
            return;
        using var traffic = ConnectionTraffic.Open(connection, _options.Traffic);
        using var callers = ConnectionCallers.Open(connection, _judge, traffic);
        if (callers is not null)
            await next(connection).ConfigureAwait(false);
    }

    private async Task ServeAsync(HttpContext http, RequestDelegate next)
    {
        if (GrpcHeaders.Take(http, _options.TimeoutMax, out var timeout) is { } refusal)
        {
            GrpcHeaders.Refuse(http, refusal);
            return;
        }

        using var call = GrpcCall.Open(http, timeout, _options, _stopping.Token);
        try
        {
            _callers?.Admit(http, call);
        }
        catch (AccessRefusedException stranger)
        {
            var refused = _failures.Of(stranger, http);
            GrpcHeaders.Refuse(http, refused.Status, refused.Trailers);
            return;
        }

        await (_direct?.TryServe(http, call, _failures) ?? next(http)).ConfigureAwait(false);
        await call.FinishAsync().ConfigureAwait(false);
    }

    private static Task NoMethodAsync(HttpContext http)
    {
        if (!HttpMethods.IsPost(http.Request.Method))
            http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        else if (!GrpcHeaders.IsGrpc(http.Request.ContentType))
            http.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
        else
            GrpcHeaders.Refuse(
                http, new(StatusCode.Unimplemented, $"there is no method {http.Request.Path}"));
        return Task.CompletedTask;
    }
}
