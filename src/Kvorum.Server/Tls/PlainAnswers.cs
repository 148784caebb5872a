using System.Net.Sockets;
using System.Text;
using Kvorum.Server.Sockets;

namespace Kvorum.Server.Tls;

/// <summary>
/// What a plain HTTP client hears where only TLS is taken, in its own language: the sentence is the same for
/// everybody and tells nothing about the node.
/// </summary>
internal static class PlainAnswers
{
    /// <summary>What to do.</summary>
    public const string Words = "This node takes TLS only: give your client the cluster's CA, and https";

    private static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(1);

    private static readonly byte[] Http1 = Encoding.ASCII.GetBytes(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
        + $"Content-Length: {Words.Length + 1}\r\n\r\n{Words}\n");

    // SETTINGS without any, and GOAWAY: last stream 0, error INADEQUATE_SECURITY (RFC 9113, 6.8 and 7).
    private static readonly byte[] Http2 =
    [
        0, 0, 0, 4, 0, 0, 0, 0, 0,
        0, 0, (byte)(8 + Words.Length), 7, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0x0C, .. Encoding.ASCII.GetBytes(Words),
    ];

    /// <summary>Answers a client that began so, and closes.</summary>
    public static async Task SayAsync(Socket socket, Stream stream, byte first)
    {
        try
        {
            using var patience = new CancellationTokenSource(LingerTime);
            await stream.WriteAsync(first == (byte)'P' ? Http2 : Http1, patience.Token).ConfigureAwait(false);
            // A socket closed over unread bytes resets the connection, and the words would be lost.
            socket.Shutdown(SocketShutdown.Send);
            var waste = new byte[4096];
            while (await stream.ReadAsync(waste, patience.Token).ConfigureAwait(false) > 0)
            {
            }
        }
        catch (Exception e) when (SocketStreams.IsLoss(e) || e is OperationCanceledException)
        {
            // It does not care to listen.
        }
        finally
        {
            await stream.DisposeAsync().ConfigureAwait(false);
        }
    }
}
