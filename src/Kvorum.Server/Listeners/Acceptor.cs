using System.Net;
using System.Net.Sockets;

namespace Kvorum.Server.Listeners;

/// <summary>
/// Takes the connections of one listening socket and hands on those that there is room for. Whatever the
/// kernel says (out of descriptors or memory, or a client that was gone again), it goes on a moment later.
/// </summary>
/// <param name="listening">Listens.</param>
/// <param name="room">Which are kept; null for all. Told, too, when there is none to be had.</param>
/// <param name="take">Owns the socket from then on.</param>
/// <param name="isForNodes">
/// True if all are kept: connections of nodes are part of the node's own need.
/// </param>
internal sealed class Acceptor(
    Socket listening, ConnectionRoom? room, Action<Socket> take, bool isForNodes = false)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly EndPoint? _endPoint = listening.LocalEndPoint;

    /// <summary>Runs until it is cancelled, or the listening socket is closed.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        while (true)
        {
            try
            {
                HandOn(await listening.AcceptAsync(stopping).ConfigureAwait(false));
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                if (stopping.IsCancellationRequested || e.SocketErrorCode == SocketError.OperationAborted)
                    return;
                room?.CannotAccept(_endPoint, e.Message);
                await Task.Delay(Pause, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    private void HandOn(Socket socket)
    {
        try
        {
            if (isForNodes || room is null || room.Admits(socket))
                take(socket);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            socket.Dispose(); // The client is gone again.
        }
    }
}
