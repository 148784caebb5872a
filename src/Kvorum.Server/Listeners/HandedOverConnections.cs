using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Listeners;

/// <summary>
/// Kestrel's view of the client listener: a transport for one endpoint, whose connections come from a
/// listener that has looked at their first bytes. May be bound again after it was unbound.
/// </summary>
/// <param name="served">The one endpoint.</param>
/// <param name="logging">Where connections log.</param>
internal sealed class HandedOverConnections(IPEndPoint served, ILoggerFactory logging)
    : IConnectionListenerFactory, IConnectionListenerFactorySelector, IDisposable
{
    /// <summary>Connections that may wait for Kestrel to take them: it does so at once.</summary>
    private const int WaitingMax = 1024;

    private readonly SocketConnectionContextFactory _contexts = new(
        new SocketConnectionFactoryOptions(), logging.CreateLogger("Kvorum.Server.Native"));

    private Listener? _bound;

    /// <summary>The one endpoint.</summary>
    public IPEndPoint EndPoint => served;

    /// <inheritdoc/>
    public bool CanBind(EndPoint endpoint) => served.Equals(endpoint);

    /// <inheritdoc/>
    public ValueTask<IConnectionListener> BindAsync(
        EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (!CanBind(endpoint))
            throw new AddressInUseException($"This transport serves {served} only, not {endpoint}.");
        var listener = new Listener(served);
        return Interlocked.CompareExchange(ref _bound, listener, null) is null
            ? ValueTask.FromResult<IConnectionListener>(listener)
            : throw new AddressInUseException($"{served} is already served.");
    }

    /// <summary>Hands a connection to Kestrel; closes it if Kestrel takes no more.</summary>
    public void Take(Socket socket) => Take(_contexts.Create(socket));

    /// <summary>As the other, for a connection that is no bare socket.</summary>
    public void Take(ConnectionContext context)
    {
        if (Volatile.Read(ref _bound) is not { } listener || !listener.Waiting.Writer.TryWrite(context))
            _ = context.DisposeAsync().AsTask();
    }

    /// <summary>No more connections will come.</summary>
    public void Dispose()
    {
        Volatile.Read(ref _bound)?.Waiting.Writer.TryComplete();
        _contexts.Dispose();
    }

    private sealed class Listener(EndPoint endpoint) : IConnectionListener
    {
        public Channel<ConnectionContext> Waiting { get; } = Channel.CreateBounded<ConnectionContext>(
            new BoundedChannelOptions(WaitingMax) { SingleReader = true });

        public EndPoint EndPoint => endpoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            while (await Waiting.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            {
                if (Waiting.Reader.TryRead(out var context))
                    return context;
            }

            return null;
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            Waiting.Writer.TryComplete();
            return ValueTask.CompletedTask;
        }

        public async ValueTask DisposeAsync()
        {
            Waiting.Writer.TryComplete();
            while (Waiting.Reader.TryRead(out var context))
                await context.DisposeAsync().ConfigureAwait(false);
        }
    }
}
