using System.Net;
using System.Net.Sockets;
using Kvorum.Server.Listeners;
using Kvorum.Server.Sockets;
using Kvorum.Server.Tls;
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
    // Connections that have not said anything yet: more are closed at once.
    private const int SilentMax = 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Socket _bound;
    private readonly HandedOverConnections _handedOver;
    private readonly Acceptor _acceptor;
    private readonly CancellationTokenSource _stopping = new();
    private Task _accepting = Task.CompletedTask;
    private int _silent;

    public BoundConnections(Socket bound, ConnectionRoom? room, TlsDoor? tls, ILoggerFactory logging)
    {
        _bound = bound;
        _handedOver = new((IPEndPoint)bound.LocalEndPoint!, logging);
        _acceptor = new(bound, room, tls is null ? _handedOver.Take : socket => _ = MeetAsync(socket, tls));
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

    /// <summary>Where there is TLS, the first byte tells whether the connection is.</summary>
    private async Task MeetAsync(Socket socket, TlsDoor door)
    {
        if (door.Enter(socket) is not { } pass)
            return;
        try
        {
            if (Interlocked.Increment(ref _silent) > SilentMax)
                throw new SocketException((int)SocketError.TooManyOpenSockets);
            socket.NoDelay = true;
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
            patience.CancelAfter(Patience);
            var stream = SocketStreams.Open(socket, poller: null);
            var first = new byte[1];
            await SocketStreams.PeekAsync(socket, stream, first, patience.Token).ConfigureAwait(false);
            if (first[0] == TlsDoor.FirstByte)
            {
                var tls = await door.AcceptAsync(socket, stream, patience.Token).ConfigureAwait(false);
                _handedOver.Take(new TlsConnection(tls));
            }
            else if (door.TakesPlain)
            {
                _handedOver.Take(socket);
            }
            else
            {
                door.TellPlain(socket.RemoteEndPoint);
                await PlainAnswers.SayAsync(socket, stream, first[0]).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (SocketStreams.IsLoss(e) || e is OperationCanceledException)
        {
            socket.Dispose();
        }
        finally
        {
            pass.Dispose();
            Interlocked.Decrement(ref _silent);
        }
    }
}
