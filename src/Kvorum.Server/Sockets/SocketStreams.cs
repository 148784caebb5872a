using System.ComponentModel;
using System.Net.Sockets;

namespace Kvorum.Server.Sockets;

/// <summary>Streams over sockets: served by a poller where there is one, else by the runtime.</summary>
internal static class SocketStreams
{
    /// <summary>A stream over a connected, still unused socket; owns it.</summary>
    public static Stream Open(Socket socket, SocketPoller? poller) =>
        poller is null ? new NetworkStream(socket, ownsSocket: true) : poller.Open(socket);

    /// <summary>
    /// Lets go of the socket, which is an ordinary one then. Nothing may be under way on the stream.
    /// </summary>
    public static void Release(Stream stream) => (stream as PolledStream)?.Release();

    /// <summary>True for what such a stream throws when the connection is gone, from either side.</summary>
    public static bool IsLoss(Exception met) =>
        met is IOException or Win32Exception or ObjectDisposedException; // sockets' own are of the second

    /// <summary>
    /// Waits until something has come, and shows its first bytes without taking them: how many there are.
    /// </summary>
    public static async ValueTask<int> PeekAsync(
        Socket socket, Stream stream, byte[] first, CancellationToken cancel)
    {
        await stream.ReadAsync(Memory<byte>.Empty, cancel).ConfigureAwait(false);
        var count = socket.Receive(first, SocketFlags.Peek);
        return count > 0 ? count : throw new SocketException((int)SocketError.ConnectionReset);
    }

    /// <summary>True if received bytes are waiting to be read.</summary>
    public static bool HasUnread(Stream stream) => stream switch
    {
        PolledStream polled => polled.Socket.Available > 0,
        NetworkStream plain => plain.DataAvailable,
        ILayeredStream layered => HasUnread(layered.Under),
        _ => false,
    };
}
