using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Google.Protobuf;
using Kvorum.Client;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Server.Certificates;
using Kvorum.Server.Hosting;
using Kvorum.Tests.Server.Grpc;
using Kvorum.Tests.Server.Listeners;
using Kvorum.Tests.Server.Tls;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Hosting;

/// <summary>What a whole server writes into its audit log, at each of its doors.</summary>
public sealed class AuditTests : IDisposable
{
    private readonly TlsFolder _tls = new();
    private readonly KeptLines _log = new();

    public AuditTests()
    {
        _tls.Issue(CertificateRole.Node, "node-1");
        _tls.Issue(CertificateRole.Client, "alice");
    }

    private static CancellationToken Deadline => TestContext.Current.CancellationToken;

    private string Place => Path.Combine(_tls.Folder, "audit.log");

    private ServerOptions Secure => _tls.Secure(
        new()
        {
            DataFolder = Path.Combine(_tls.Folder, "data"),
            ClientAddress = "127.0.0.1:0",
            HttpAddress = "127.0.0.1:0",
            PeerAddress = "127.0.0.1:0",
            AuditLog = Place,
        },
        "node-1");

    public void Dispose() => _tls.Dispose();

    [Fact(Timeout = 60_000)]
    public async Task Logins_refusals_and_changes_are_written_with_who_and_from_where()
    {
        await using (var server = await KvorumServer.StartAsync(Secure, _log, Deadline))
        {
            await Eventually.Holds(
                () => server.StatusAsync().GetAwaiter().GetResult().IsReady, seconds: 30);
            using (var http = Http())
            {
                var at = $"https://{server.Self.HttpAddress}/v1/admin/";
                foreach (var (method, path, status) in new[]
                {
                    ("POST", "keyspaces/by-http?partitions=1&replicas=1", 200),
                    ("POST", "keyspaces/dry?partitions=1&replicas=1&dry_run=true", 200),
                    ("DELETE", "keyspaces/none", 409), ("PATCH", "limits?moves_max=3", 200),
                })
                {
                    using var request = new HttpRequestMessage(new(method), new Uri(at + path));
                    using var answer = await http.SendAsync(request, Deadline);
                    Assert.True(
                        (status == 200) == answer.IsSuccessStatusCode,
                        await answer.Content.ReadAsStringAsync(Deadline));
                }

                await CallAsync(http, server);
            }

            await using (var native = KvorumClient.Connect(
                new() { Addresses = [server.Self.ClientAddress], Tls = _tls.ForClient("alice") }))
            {
                var reply = await native.AdministerAsync(
                    AdminJson.Encode(new DropKeyspace("by-http")), mayRepeat: false,
                    cancellationToken: Deadline);
                Assert.Equal(ReplyStatus.Ok, AdminJson.DecodeReply(reply.Span).Status);
            }

            await Refused(server.Self.ClientAddress);
            await Eventually.Holds(() => server.StatusAsync().GetAwaiter().GetResult().Security is
            {
                LoginsFailed: 1, AuditEvents: > 8, AuditEventsLost: 0, StrangersRefused: 0,
            });
        }

        JsonElement[] lines =
            [.. File.ReadAllLines(Place).Select(static line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal("start_node", Of(lines[0], "action"));
        Assert.Equal("stop_node", Of(lines[^1], "action"));
        Assert.All(lines, static line => Assert.Equal("node-1", Of(line, "node")));
        var changes = lines.Where(static line =>
            Of(line, "via") is "http" or "grpc" or "native").ToArray();
        Assert.Equal(
            [
                "http create_keyspace keyspace by-http ok", "http drop_keyspace keyspace none refused",
                "http change_limits cluster ok", "grpc create_keyspace keyspace by-grpc ok",
                "native drop_keyspace keyspace by-http ok",
            ],
            changes.Select(static line => $"{Of(line, "via")} {Of(line, "action")} {Of(line, "on")} "
                + Of(line, "result")));
        Assert.All(changes, static line =>
        {
            Assert.Equal("client alice", Of(line, "who"));
            Assert.Equal("certificate", Of(line, "by"));
            Assert.StartsWith("127.0.0.1:", Of(line, "from"), StringComparison.Ordinal);
            Assert.Equal(JsonValueKind.Object, line.GetProperty("change").ValueKind);
        });
        foreach (var listener in new[] { "--addr", "--http-addr" })
            Assert.Contains(lines, line => Of(line, "action") == "log_in" && Of(line, "on") == listener
                && Of(line, "result") == "ok" && Of(line, "who") == "client alice");
        var refused = Assert.Single(lines, static line =>
            Of(line, "action") == "log_in" && Of(line, "result") == "refused");
        Assert.Equal("it shows no certificate", Of(refused, "reason"));
        Assert.Equal(("", "none", 1), (
            Of(refused, "who"), Of(refused, "by"), refused.GetProperty("attempts").GetInt32()));
    }

    [Fact]
    public async Task A_place_that_cannot_be_had_stops_the_start()
    {
        var refused = await Assert.ThrowsAsync<ServerStartException>(() => KvorumServer.StartAsync(
            Secure with { AuditLog = Path.Combine(_tls.Folder, "none", "audit.log") }, _log, Deadline));
        Assert.Contains("--audit-log", refused.Message, StringComparison.Ordinal);
        Assert.Contains("name a file in a folder", refused.Message, StringComparison.Ordinal);
    }

    private static string Of(JsonElement line, string name) => line.GetProperty(name).GetString()!;

    private static async Task Refused(string address)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPEndPoint.Parse(address), Deadline);
        await using var tls = new System.Net.Security.SslStream(
            new NetworkStream(socket), false, static (_, shown, _, _) => shown is not null);
        try
        {
            await tls.AuthenticateAsClientAsync("localhost");
            Assert.Equal(0, await tls.ReadAsync(new byte[1], Deadline));
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
        {
        }
    }

    private HttpClient Http() => new(
        new SocketsHttpHandler
        {
            SslOptions = new()
            {
                RemoteCertificateValidationCallback = static (_, shown, _, _) => shown is not null,
                ClientCertificates = [X509Certificate2.CreateFromPemFile(
                    _tls.Certificate("alice"), _tls.Key("alice"))],
            },
        },
        disposeHandler: true);

    private static async Task CallAsync(HttpClient http, KvorumServer server)
    {
        var create = new V1.CreateKeyspaceRequest { Keyspace = "by-grpc", Partitions = 1, Replicas = 1 };
        using var request = new HttpRequestMessage(
            HttpMethod.Post, $"https://{server.Self.ClientAddress}/kvorum.v1.Admin/CreateKeyspace")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(RawHttp2.Message(create.ToByteArray())),
        };
        request.Headers.Add("te", "trailers");
        request.Content.Headers.ContentType = new("application/grpc");
        using var answer = await http.SendAsync(request, Deadline);
        await answer.Content.ReadAsByteArrayAsync(Deadline);
        Assert.Equal("0", answer.TrailingHeaders.GetValues("grpc-status").Single());
    }
}
