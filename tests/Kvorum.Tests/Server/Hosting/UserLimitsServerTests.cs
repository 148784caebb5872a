using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Kvorum.Client;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Server;
using Kvorum.Server.Hosting;
using Kvorum.Tests.Server.Native;

namespace Kvorum.Tests.Server.Hosting;

/// <summary>The bounds of a user on a whole server: bytes, and connections that say nothing.</summary>
public sealed class UserLimitsServerTests : IDisposable
{
    private const int Limit = 120_000;
    private const int ValueBytes = 1 << 20;

    private readonly TlsServerRoom _room = new();

    private static CancellationToken Ending => TestContext.Current.CancellationToken;

    public void Dispose() => _room.Dispose();

    /// <summary>
    /// A user asks for much on many connections and takes nothing: others are served, also what is large.
    /// </summary>
    [Fact(Timeout = Limit)]
    public async Task A_user_that_takes_nothing_keeps_no_room_from_others()
    {
        await using var server = await _room.Start(_room.Plain with
        {
            TrafficBytes = TrafficRoom.BytesMin,
            TrafficBytesPerUserMax = 4 * ValueBytes,
        });
        var (greedy, other) = await EnforceAsync(server);
        await using var client = Connect(server, other);
        await client.PutAsync("large"u8.ToArray(), new byte[ValueBytes], cancellationToken: Ending);
        var readers = Enumerable.Range(0, 10).Select(_ =>
        {
            var reader = RawClient.Greeted(IPEndPoint.Parse(server.Self.ClientAddress));
            reader.Send(writer => NativeCodec.WriteCredential(writer, greedy));
            for (ulong n = 1; n <= 50; n++)
                reader.Get(n, "large", 60_000);
            return reader;
        }).ToArray();
        await Eventually.Holds(() => server.Traffic.Replies.Waiting >= 300, 30);
        // Ten connections could have far more, each by itself.
        Assert.InRange(server.Traffic.Replies.Taken, ValueBytes, 5 * ValueBytes);
        var got = await client.GetAsync("large"u8.ToArray(), cancellationToken: Ending);
        Assert.Equal(ValueBytes, got.Value.Length);
        Assert.True((await server.StatusAsync()).Security!.UserPiecesDelayed > 300);
        Assert.True(_room.Told("user 'greedy' has 4194304 bytes"));
        foreach (var reader in readers)
            reader.Dispose();
        await Eventually.Holds(() => server.Traffic.Replies is { Taken: 0, Waiting: 0 }, 30);
    }

    /// <summary>Whoever has a certificate is known before it says anything.</summary>
    [Fact(Timeout = Limit)]
    public async Task Connections_with_a_certificate_count_before_they_say_anything()
    {
        await using var server = await _room.Start(_room.Secure with
        {
            ConnectionsPerUserMax = 3,
        });
        await EnforceAsync(server, _room.Tls.ForClient("alice"), "alice");
        string[] ways = ["h2", "http/1.1", "kvorum"];
        List<SslStream> open = [];
        foreach (var way in ways)
        {
            var stream = await OpenAsync(server, way);
            open.Add(stream);
            // It is there as soon as the server says something.
            if (way == "http/1.1")
                await AskAsync(stream, "/readyz");
            Assert.True(await stream.ReadAsync(new byte[4096], Ending) > 0, way);
        }

        foreach (var way in ways)
        {
            // It is told at its first request, or closed soon.
            await using var late = await OpenAsync(server, way);
            Assert.True(await EndsAsync(late), way);
        }

        Assert.Equal(3, Refused(server));
        await using var one = await OpenAsync(server, "http/1.1");
        await AskAsync(one, "/v1/map");
        var answer = await new StreamReader(one).ReadToEndAsync(Ending);
        Assert.StartsWith("HTTP/1.1 429 ", answer);
        Assert.Contains("user 'alice' has 3 connections", answer, StringComparison.Ordinal);

        foreach (var stream in open)
            await stream.DisposeAsync();
        await using var again = TlsServerRoom.Connect(server, _room.Tls.ForClient("alice"));
        var deadline = DateTime.UtcNow.AddSeconds(20);
        while (!await TryAsync(again) && DateTime.UtcNow < deadline)
            await Task.Delay(20, Ending);
        Assert.True(await TryAsync(again));
    }

    private static async Task<bool> TryAsync(KvorumClient client)
    {
        try
        {
            await client.GetAsync("k"u8.ToArray(), cancellationToken: Ending);
            return true;
        }
        catch (KvorumException)
        {
            return false;
        }
    }

    private static long Refused(KvorumServer server) =>
        server.StatusAsync().GetAwaiter().GetResult().Security!.UserConnectionsRefused;

    // Whether the other side ends it.
    private static async Task<bool> EndsAsync(SslStream stream)
    {
        var waste = new byte[4096];
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ending);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        try
        {
            while (await stream.ReadAsync(waste, patience.Token) > 0)
            {
            }

            return true;
        }
        catch (IOException)
        {
            return true;
        }
        catch (OperationCanceledException) when (!Ending.IsCancellationRequested)
        {
            return false;
        }
    }

    private static async Task AskAsync(SslStream stream, string path) => await stream.WriteAsync(
        Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"), Ending);

    private async Task<SslStream> OpenAsync(KvorumServer server, string way)
    {
        var address = IPEndPoint.Parse(
            way == "http/1.1" ? server.Self.HttpAddress : server.Self.ClientAddress);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address, Ending);
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true), false,
            static (_, known, _, _) => known is not null);
        using var shown = X509Certificate2.CreateFromPemFile(
            _room.Tls.Certificate("alice"), _room.Tls.Key("alice"));
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                ApplicationProtocols = [new(way)],
                ClientCertificateContext = SslStreamCertificateContext.Create(shown, null, offline: true),
            }, Ending);
        if (way == "h2")
        {
            // The preface, and a frame of settings.
            await stream.WriteAsync(
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0"u8.ToArray(), Ending);
        }

        if (way != "kvorum")
            return stream;
        await stream.WriteAsync(NativeCodec.Magic.ToArray(), Ending);
        var hello = new System.Buffers.ArrayBufferWriter<byte>();
        NativeCodec.WriteHello(hello, "raw");
        await stream.WriteAsync(hello.WrittenMemory, Ending);
        return stream;
    }

    // The keys of two users, or of the one who is named and may change users.
    private static async Task<(string Greedy, string Other)> EnforceAsync(
        KvorumServer server, KvorumTls? tls = null, string? admin = null)
    {
        await Eventually.Holds(
            () => server.StatusAsync().GetAwaiter().GetResult() is { IsReady: true, FormatVersion: > 1 },
            seconds: 60);
        await using var client = TlsServerRoom.Connect(server, tls);
        List<string> keys = [];
        foreach (var name in admin is null ? (string[])["greedy", "other"] : [admin])
        {
            await Do(client, new CreateUser(name, ["admin"]));
            keys.Add((await Do(client, new CreateApiKey(name))).ApiKey!);
        }

        await Do(client, new EnforceRights(true) { Force = true });
        return (keys[0], keys[^1]);
    }

    private static async Task<AdminReply> Do(KvorumClient client, AdminChange change)
    {
        var bytes = await client.AdministerAsync(AdminJson.Encode(change), false, null, Ending);
        var reply = AdminJson.DecodeReply(bytes.Span);
        Assert.True(reply.Status == ReplyStatus.Ok, $"{change}: {reply.Status} {reply.Message}");
        return reply;
    }

    private static KvorumClient Connect(KvorumServer server, string token) => KvorumClient.Connect(new()
    {
        Addresses = [server.Self.ClientAddress],
        Timeout = TimeSpan.FromSeconds(20),
        Credential = KvorumCredential.FromToken(token),
    });
}
