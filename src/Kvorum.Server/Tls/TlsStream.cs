using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Kvorum.Server.Certificates;
using Kvorum.Server.Sockets;

namespace Kvorum.Server.Tls;

/// <summary>An encrypted connection, and who is at its other end.</summary>
internal sealed class TlsStream : SslStream, ILayeredStream
{
    private readonly TlsCarrier _carrier;
    private readonly TlsKeeper _keeper;

    /// <param name="socket">The socket.</param>
    /// <param name="stream">The stream over it; owned from now on.</param>
    /// <param name="keeper">Closes it when its certificate is believed no longer.</param>
    public TlsStream(Socket socket, Stream stream, TlsKeeper keeper)
        : this(socket, new TlsCarrier(socket, stream), keeper)
    {
    }

    private TlsStream(Socket socket, TlsCarrier carrier, TlsKeeper keeper) : base(carrier)
    {
        (Socket, _carrier, _keeper) = (socket, carrier, keeper);
        Remote = socket.RemoteEndPoint;
    }

    /// <summary>The socket.</summary>
    public Socket Socket { get; }

    /// <summary>The other end.</summary>
    public EndPoint? Remote { get; }

    /// <inheritdoc/>
    public Stream Under => _carrier.Under;

    /// <summary>Who is at the other end, after the handshake.</summary>
    public ConnectionIdentity Identity { get; private set; } = ConnectionIdentity.Anonymous;

    /// <summary>What its certificate is worth; null if it has shown none.</summary>
    public CertificateVerdict? Verdict { get; private set; }

    /// <summary>The handshake is over.</summary>
    public void Met(CertificateVerdict? verdict)
    {
        Verdict = verdict;
        if (verdict?.Name is { } name)
            Identity = new(IdentityMeans.Certificate, name);
        _keeper.Follow(this);
    }

    /// <summary>The thread that serves the socket decrypts, too.</summary>
    public void Stay() => _carrier.Stay();

    /// <summary>The runtime's threads serve the socket from now on.</summary>
    public void Leave() => _carrier.Leave();

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        _keeper.Forget(this);
        return base.DisposeAsync();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _keeper.Forget(this);
        base.Dispose(disposing);
    }
}
