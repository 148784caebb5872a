using System.Net.Sockets;

namespace Kvorum.Server.Peers;

/// <summary>
/// Tells connections of nodes from others at the port of nodes, by their first byte: the protocol between
/// nodes begins with a K. Any thread.
/// </summary>
/// <param name="nodes">Owns a node's connection from then on.</param>
/// <param name="others">Owns another one from then on.</param>
/// <param name="patience">How long a connection may say nothing.</param>
internal sealed class PeerDoor(Action<Socket> nodes, Action<Socket> others, TimeSpan patience)
{
    /// <summary>Connections that have not said anything yet: more are closed at once.</summary>
    private const int SilentMax = 64;

    private int _silent;

    /// <summary>Takes over an accepted socket.</summary>
    public void Take(Socket socket) => _ = LookAsync(socket);

    private async Task LookAsync(Socket socket)
    {
        try
        {
            if (Interlocked.Increment(ref _silent) > SilentMax)
                throw new SocketException((int)SocketError.TooManyOpenSockets);
            using var end = new CancellationTokenSource(patience);
            var first = new byte[1];
            var count = await socket.ReceiveAsync(first, SocketFlags.Peek, end.Token).ConfigureAwait(false);
            if (count == 0)
                throw new SocketException((int)SocketError.ConnectionReset);
            (first[0] == (byte)'K' ? nodes : others)(socket);
        }
        catch (Exception e)
            when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            socket.Dispose();
        }
        finally
        {
            Interlocked.Decrement(ref _silent);
        }
    }
}
