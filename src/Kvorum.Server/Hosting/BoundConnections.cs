using System.Net;
using System.Net.Sockets;
using Kvorum.Server.Listeners;
using Kvorum.Server.Native;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Hosting;

/// <summary>
/// The web server's way to the connections of a port that is bound already. Its own would take connections
/// without a bound on descriptors, and when there is none left it asks again without a pause.
/// </summary>
internal sealed class BoundConnections : IConnectionListenerFactory, IConnectionListenerFactorySelector,
    IAsyncDisposable
{
    private readonly Socket _bound;
    private readonly HandedOverConnections _handedOver;
    private readonly Acceptor _acceptor;
    private readonly CancellationTokenSource _stopping = new();
    private Task _accepting = Task.CompletedTask;

    public BoundConnections(Socket bound, ConnectionRoom? room, ILoggerFactory logging)
    {
        _bound = bound;
        _handedOver = new((IPEndPoint)bound.LocalEndPoint!, logging);
        _acceptor = new(bound, room, _handedOver.Take);
    }

    /// <inheritdoc/>
    public bool CanBind(EndPoint endpoint) => _handedOver.CanBind(endpoint);

    /// <inheritdoc/>
    public async ValueTask<IConnectionListener> BindAsync(
        EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var listener = await _handedOver.BindAsync(endpoint, cancellationToken).ConfigureAwait(false);
        try
        {
            _bound.Listen(512);
        }
        catch (SocketException e)
        {
            // Another process that starts had bound the port too, and listens by now.
            throw Endpoints.CannotListen("--http-addr", endpoint, e.SocketErrorCode, e.Message);
        }

        _accepting = Task.Run(() => _acceptor.RunAsync(_stopping.Token), CancellationToken.None);
        return listener;
    }

    /// <summary>Takes no more connections. Those that it has handed on are the web server's.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _bound.Dispose();
        await _accepting.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        _handedOver.Dispose();
        _stopping.Dispose();
    }
}
