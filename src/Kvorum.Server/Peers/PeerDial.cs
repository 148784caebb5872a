using System.Net.Sockets;
using Kvorum.Protocol;

namespace Kvorum.Server.Peers;

/// <summary>Dials nodes.</summary>
internal static class PeerDial
{
    /// <summary>A connection to an address; throws what <see cref="IsExpected"/> knows.</summary>
    public static async Task<Stream> Connect(string address, CancellationToken cancel)
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
            return new NetworkStream(socket, ownsSocket: true);
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
