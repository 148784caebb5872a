using System.Net;
using System.Net.Sockets;
using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Server.Grpc;
using Kvorum.Server.Http;
using Kvorum.Server.Listeners;
using Kvorum.Server.Native;
using Kvorum.Server.Sockets;
using Kvorum.Server.Tls;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Hosting;

/// <summary>The doors for clients: gRPC and the native protocol on one port, HTTP on another.</summary>
internal sealed class FrontEnds(
    INode node, Func<Guid> clusterId, ServerOptions options, ServerParts parts, ILoggerFactory logging,
    SourceLines lines, ConnectionRoom room, long trafficBytes, SocketPoller? poller,
    Action<Socket, TlsStream?> nodes,
    HandedOverConnections? peerPort, Func<string, TlsDoor?> doors)
    : IAsyncDisposable
{
    private readonly PacedLogging _logging = new(logging, lines);
    private ClientListener? _clients;
    private GrpcServer? _grpc;
    private GrpcServer? _peerGrpc;
    private BoundConnections? _httpConnections;
    private HttpServer? _http;
    private Timer? _judge;

    /// <summary>What all clients' requests and replies hold.</summary>
    public TrafficRoom Traffic { get; } = new(trafficBytes);

    /// <summary>
    /// Binds and serves; <see cref="ServerStartException"/> if a port was taken in the meantime.
    /// </summary>
    public async Task Start()
    {
        try
        {
            _clients = new(new()
            {
                EndPoint = (IPEndPoint)parts.Client.LocalEndPoint!,
                Bound = parts.Client,
                Lines = lines,
                Room = room,
                NodeName = parts.Self.Name,
                ClusterId = clusterId,
                Poller = poller,
                Nodes = nodes,
                Tls = doors("--addr"),
                Audit = parts.Audit,
                Traffic = Traffic,
                Logging = _logging,
            });
            var grpc = new GrpcOptions
            {
                KvStoreKeyspace = options.KvStoreKeyspace.Length > 0
                    ? options.KvStoreKeyspace : KeyspaceName.Default,
                NodeName = parts.Self.Name,
                Audit = parts.Audit,
                MessageBytesMax = options.ValueBytesMax + Protocol.Limits.KeyBytesMax + (64 << 10),
                Traffic = Traffic,
                Logging = _logging,
            };
            _grpc = GrpcServer.Create(node, grpc, _clients.Others, _clients.EndPoint);
            await _grpc.StartAsync(CancellationToken.None).ConfigureAwait(false);
            if (peerPort is not null)
            {
                _peerGrpc = new(GrpcServices.ForNodes(node, grpc), grpc, peerPort, peerPort.EndPoint);
                await _peerGrpc.StartAsync(CancellationToken.None).ConfigureAwait(false);
            }

            var http = new HttpOptions
            {
                EndPoint = (IPEndPoint)parts.Http.LocalEndPoint!,
                Transport = _httpConnections = new(parts.Http, room, doors("--http-addr"), _logging),
                HostNames = [.. options.HostNames(parts.Self.Name), .. parts.Tls?.Now.HostNames ?? []],
                Audit = parts.Audit,
                KeyBytesMax = options.KeyBytesMax ?? Protocol.Limits.KeyBytesMax,
                ValueBytesMax = options.ValueBytesMax,
                Traffic = Traffic,
                Logging = _logging,
            };
            _http = HttpServer.Create(node, http);
            await _http.StartAsync(CancellationToken.None).ConfigureAwait(false);
            _clients.Start(node);
            var trim = new MemoryTrim(Traffic);
            _judge = new(
                _ =>
                {
                    Traffic.Judge();
                    trim.Look();
                },
                null, TrafficRoom.JudgeInterval, TrafficRoom.JudgeInterval);
        }
        catch (SocketException e)
        {
            // Another process that starts had bound the port too, and listens by now.
            throw Endpoints.CannotListen("--addr", parts.Client.LocalEndPoint!, e.SocketErrorCode, e.Message);
        }
        catch (IOException e)
        {
            throw new ServerStartException(e.Message);
        }
    }

    /// <summary>Takes no more calls and lets those under way finish.</summary>
    public async Task Stop(TimeSpan patience)
    {
        using var impatient = new CancellationTokenSource(patience);
        await Task.WhenAll(
            _clients?.DrainAsync(impatient.Token) ?? Task.CompletedTask,
            _grpc?.StopAsync(impatient.Token) ?? Task.CompletedTask,
            _peerGrpc?.StopAsync(impatient.Token) ?? Task.CompletedTask,
            _httpConnections?.StopAsync() ?? Task.CompletedTask,
            _http?.StopAsync(impatient.Token) ?? Task.CompletedTask).ConfigureAwait(false);
    }

    /// <summary>Closes what is left.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_judge is not null)
            await _judge.DisposeAsync().ConfigureAwait(false);
        if (_http is not null)
            await _http.DisposeAsync().ConfigureAwait(false);
        if (_httpConnections is not null)
            await _httpConnections.DisposeAsync().ConfigureAwait(false);
        if (_peerGrpc is not null)
            await _peerGrpc.DisposeAsync().ConfigureAwait(false);
        if (_grpc is not null)
            await _grpc.DisposeAsync().ConfigureAwait(false);
        if (_clients is not null)
            await _clients.DisposeAsync().ConfigureAwait(false);
    }
}
