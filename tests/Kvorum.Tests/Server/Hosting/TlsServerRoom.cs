using System.Net;
using System.Net.Sockets;
using System.Text;
using Kvorum.Client;
using Kvorum.Server.Certificates;
using Kvorum.Server.Hosting;
using Kvorum.Tests.Server.Listeners;
using Kvorum.Tests.Server.Tls;

namespace Kvorum.Tests.Server.Hosting;

/// <summary>
/// A folder with the certificates of node-1 and of the client alice, the log of the servers that are started
/// there, and what calls them.
/// </summary>
internal sealed class TlsServerRoom : IDisposable
{
    public TlsServerRoom()
    {
        Tls.Issue(CertificateRole.Node, "node-1");
        Tls.Issue(CertificateRole.Client, "alice");
    }

    public TlsFolder Tls { get; } = new();

    public KeptLines Log { get; } = new();

    public ServerOptions Plain => new()
    {
        DataFolder = Path.Combine(Tls.Folder, "data"),
        ClientAddress = "127.0.0.1:0",
        HttpAddress = "127.0.0.1:0",
        PeerAddress = "127.0.0.1:0",
    };

    /// <summary>The same, with TLS at all doors.</summary>
    public ServerOptions Secure => Tls.Secure(Plain, "node-1");

    private static CancellationToken Deadline => TestContext.Current.CancellationToken;

    public static string[] Doors(KvorumServer server) =>
        [server.Self.ClientAddress, server.Self.HttpAddress, server.Self.PeerAddress];

    public static KvorumClient Connect(KvorumServer server, KvorumTls? tls, int seconds = 5) =>
        KvorumClient.Connect(new()
        {
            Addresses = [server.Self.ClientAddress],
            Tls = tls,
            Timeout = TimeSpan.FromSeconds(seconds),
            ConnectTimeout = TimeSpan.FromSeconds(seconds - 1),
        });

    /// <summary>Sends that, ends its half, and returns what is answered until the other half ends.</summary>
    public static async Task<string> Say(string address, byte[] bytes)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        var answer = new StringBuilder();
        try
        {
            await socket.ConnectAsync(IPEndPoint.Parse(address), Deadline);
            await socket.SendAsync(bytes, Deadline);
            socket.Shutdown(SocketShutdown.Send);
            var buffer = new byte[4096];
            while (await socket.ReceiveAsync(buffer, Deadline) is > 0 and var count)
                answer.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }
        catch (SocketException)
        {
            // It was closed over what was not read: as it should be.
        }

        return answer.ToString();
    }

    public Task<KvorumServer> Start(ServerOptions options) =>
        KvorumServer.StartAsync(options, Log, Deadline);

    public bool Told(string what) =>
        Log.Lines.Any(line => line.Text.Contains(what, StringComparison.Ordinal));

    public void Dispose() => Tls.Dispose();
}
