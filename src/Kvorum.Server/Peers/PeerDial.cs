using System.Net.Sockets;
using Kvorum.Protocol;
using Kvorum.Server.Tls;

namespace Kvorum.Server.Peers;

/// <summary>Dials nodes.</summary>
internal static class PeerDial
{
    /// <summary>
    /// A connection to an address, encrypted where there is TLS; throws what <see cref="IsExpected"/> knows.
    /// A
    /// node that speaks none is met plainly where that is allowed.
    /// </summary>
    public static async Task<Stream> Connect(string address, TlsDial? tls, CancellationToken cancel)
    {
        var (socket, stream) = await Connect(address, cancel).ConfigureAwait(false);
        if (tls is null)
            return stream;
        try
        {
            return await tls.ConnectAsync(socket, stream, cancel).ConfigureAwait(false);
        }
        catch (NoTlsException) when (tls.TakesPlain)
        {
            return (await Connect(address, cancel).ConfigureAwait(false)).Stream;
        }
    }

    private static async Task<(Socket Socket, Stream Stream)> Connect(
        string address, CancellationToken cancel)
    {
        var (host, port) = HostPort.TryParse(address)
            ?? throw new FormatException($"'{address}' is no host:port{HostPort.Hint(address)}");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(host, port, cancel).ConfigureAwait(false);
            // To a port of this machine that nothing listens on, in the range of outgoing ones, the kernel
            // may connect a socket with itself: that would keep the port from the node it belongs to.
            if (Equals(socket.LocalEndPoint, socket.RemoteEndPoint))
                throw new SocketException((int)SocketError.ConnectionRefused);
            return (socket, new NetworkStream(socket, ownsSocket: true));
        }
        catch (ArgumentException e)
        {
            socket.Dispose();
            throw new FormatException($"'{address}' cannot be dialled: {e.Message}");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>True for what a connection between nodes may end with.</summary>
    public static bool IsExpected(Exception e) =>
        e is IOException or SocketException or ObjectDisposedException or OperationCanceledException
            or PeerWireException or PeerRefusedException or FormatException;
}
