using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf;
using Kvorum.Client;
using Kvorum.Server.Certificates;
using Kvorum.Server.Hosting;
using Kvorum.Server.Tls;
using Kvorum.Tests.Server.Tls;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Hosting;

/// <summary>A whole server with TLS at all its doors.</summary>
public sealed class TlsServerTests : IDisposable
{
    private readonly TlsServerRoom _room = new();

    private static CancellationToken Deadline => TestContext.Current.CancellationToken;

    public void Dispose() => _room.Dispose();

    [Fact(Timeout = 60_000)]
    public async Task All_doors_serve_over_TLS_and_the_node_is_called_as_its_certificate_calls_it()
    {
        await using var server = await _room.Start(_room.Secure);
        Assert.Equal("node-1", server.Self.Name);
        var large = new byte[3 << 20];
        new Random(3).NextBytes(large);
        await using var native = TlsServerRoom.Connect(server, _room.Tls.ForClient("alice"));
        await native.PutAsync("large"u8.ToArray(), large, cancellationToken: Deadline);
        Assert.True(
            (await native.GetAsync("large", cancellationToken: Deadline)).Value.Span.SequenceEqual(large));

        using var http = Http();
        var at = $"https://{server.Self.HttpAddress}/v1/kv/";
        using var put = await http.PutAsync(new Uri(at + "k"), new ByteArrayContent([1, 2, 3]), Deadline);
        put.EnsureSuccessStatusCode();
        Assert.Equal([1, 2, 3], await http.GetByteArrayAsync(new Uri(at + "k"), Deadline));
        Assert.True(
            (await http.GetByteArrayAsync(new Uri(at + "large"), Deadline)).AsSpan().SequenceEqual(large));

        var got = await CallAsync(http, server, new V1.GetRequest { Key = ByteString.CopyFromUtf8("large") });
        Assert.True(V1.GetResponse.Parser.ParseFrom(got.AsSpan(5)).Value.Span.SequenceEqual(large));
        Assert.Empty((await server.StatusAsync()).HealthIssues);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_client_without_a_certificate_is_refused_unless_it_need_not_have_one()
    {
        await using (var server = await _room.Start(_room.Secure))
        {
            await using var nobody = TlsServerRoom.Connect(server, _room.Tls.ForClient());
            var refused = await Assert.ThrowsAsync<KvorumException>(
                async () => await nobody.GetAsync("k", cancellationToken: Deadline));
            Assert.Contains("right after the TLS handshake", refused.Message, StringComparison.Ordinal);
            await Eventually.Holds(() => _room.Told("it shows no certificate"));
            using var http = Http(showsOne: false);
            await Assert.ThrowsAsync<HttpRequestException>(
                () => http.GetStringAsync(new Uri($"https://{server.Self.HttpAddress}/livez"), Deadline));
        }

        await using var open = await _room.Start(_room.Secure with { TlsClientAuth = "request" });
        await using var client = TlsServerRoom.Connect(open, _room.Tls.ForClient());
        await client.PutAsync("k", "v", cancellationToken: Deadline);
        Assert.True(_room.Told("--tls-client-auth request"));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_plain_client_is_told_in_its_own_language_that_there_is_only_TLS()
    {
        await using var server = await _room.Start(_room.Secure);
        await using var client = TlsServerRoom.Connect(server, tls: null);
        var refused = await Assert.ThrowsAsync<KvorumException>(
            async () => await client.GetAsync("k", cancellationToken: Deadline));
        Assert.Contains(PlainAnswers.Words, refused.Message, StringComparison.Ordinal);
        foreach (var (address, begin, status) in new[]
        {
            (server.Self.HttpAddress, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400 "),
            (server.Self.ClientAddress, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "),
            (server.Self.ClientAddress, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\0\0\0\u0004\0"),
        })
        {
            var answer = await TlsServerRoom.Say(address, Encoding.Latin1.GetBytes(begin));
            Assert.StartsWith(status, answer, StringComparison.Ordinal);
            Assert.Contains(PlainAnswers.Words, answer, StringComparison.Ordinal);
        }

        Assert.True(_room.Told("it is plain, and this node takes TLS only"));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_client_of_TLS_at_a_plain_node_and_one_that_dials_another_name_are_told()
    {
        await using (var server = await _room.Start(_room.Plain))
        {
            await using var client = TlsServerRoom.Connect(server, _room.Tls.ForClient("alice"));
            var refused = await Assert.ThrowsAsync<KvorumException>(
                async () => await client.GetAsync("k", cancellationToken: Deadline));
            Assert.Contains(
                "no TLS came to stand: is the node plain", refused.Message, StringComparison.Ordinal);
            Assert.True(_room.Told("it speaks TLS, and this node is plain"));
        }

        using var elsewhere = CertificateMaker.Issue(
            _room.Tls.Authority, new(CertificateRole.Node, "node-1"), ["node-1.example"],
            DateTimeOffset.UtcNow, TimeSpan.FromDays(1));
        _room.Tls.Write("node-1", elsewhere);
        await using var secure = await _room.Start(
            _room.Secure with { DataFolder = Path.Combine(_room.Tls.Folder, "other") });
        await using var misled = TlsServerRoom.Connect(secure, _room.Tls.ForClient("alice"));
        var distrusted = await Assert.ThrowsAsync<KvorumException>(
            async () => await misled.GetAsync("k", cancellationToken: Deadline));
        Assert.Contains(
            "it does not name 127.0.0.1, which was dialled", distrusted.Message, StringComparison.Ordinal);
        using var stranger = new TlsFolder("Stranger");
        await using var unsure = TlsServerRoom.Connect(secure, stranger.ForClient());
        distrusted = await Assert.ThrowsAsync<KvorumException>(
            async () => await unsure.GetAsync("k", cancellationToken: Deadline));
        Assert.Contains("signed by none of the CAs given", distrusted.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task While_plain_connections_are_taken_too_both_are_served()
    {
        await using var server = await _room.Start(_room.Secure with { Insecure = true });
        await using var plain = TlsServerRoom.Connect(server, tls: null);
        await using var secure = TlsServerRoom.Connect(server, _room.Tls.ForClient("alice"));
        await plain.PutAsync("k", "v", cancellationToken: Deadline);
        Assert.Equal("v", (await secure.GetAsync("k", cancellationToken: Deadline)).Text);
        using var http = Http();
        foreach (var scheme in new[] { "http", "https" })
        {
            Assert.Equal(
                "v"u8.ToArray(),
                await http.GetByteArrayAsync(
                    new Uri($"{scheme}://{server.Self.HttpAddress}/v1/kv/k"), Deadline));
            await CallAsync(http, server, new V1.GetRequest { Key = ByteString.CopyFromUtf8("k") }, scheme);
        }
    }

    /// <summary>On all listeners, while connections that stand go on.</summary>
    [Fact(Timeout = 60_000)]
    public async Task A_new_certificate_is_taken_without_a_restart_and_a_broken_one_is_not()
    {
        await using var server = await _room.Start(_room.Secure);
        await using var client = TlsServerRoom.Connect(server, _room.Tls.ForClient("alice"));
        await client.PutAsync("k", "v", cancellationToken: Deadline);
        using var next = _room.Tls.Issue(CertificateRole.Node, "node-1");
        foreach (var address in TlsServerRoom.Doors(server))
            await Shows(address, next.SerialNumber);
        File.WriteAllText(_room.Tls.Certificate("node-1"), "broken");
        await Eventually.Holds(() => _room.Told("the files have changed and are not taken"), seconds: 20);
        await Shows(server.Self.ClientAddress, next.SerialNumber);
        Assert.Contains((await server.StatusAsync()).HealthIssues, static issue =>
            issue.Contains("it has no certificate in PEM", StringComparison.Ordinal));
        Assert.Equal("v", (await client.GetAsync("k", cancellationToken: Deadline)).Text);
    }

    [Fact(Timeout = 60_000)]
    public async Task Noise_at_the_doors_leaves_the_server_as_it_is()
    {
        await using var server = await _room.Start(_room.Secure);
        var random = new Random(11);
        foreach (var address in TlsServerRoom.Doors(server))
        {
            // Those that fail one after the other wait ever longer.
            var noises = Enumerable.Range(0, 120).Select(n =>
            {
                var noise = new byte[random.Next(1, 300)];
                random.NextBytes(noise);
                if (n % 2 == 0)
                    noise[0] = TlsDoor.FirstByte;
                return TlsServerRoom.Say(address, noise);
            });
            await Task.WhenAll(noises);
        }

        await using var client = TlsServerRoom.Connect(server, _room.Tls.ForClient("alice"));
        await client.PutAsync("k", "v", cancellationToken: Deadline);
        Assert.DoesNotContain(
            _room.Log.Lines, static line => line.Level >= Microsoft.Extensions.Logging.LogLevel.Error
                && !line.Text.Contains("refused a connection to the peer port", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_start_with_the_certificate_of_another_node_is_refused()
    {
        var refused = await Assert.ThrowsAsync<ServerStartException>(
            () => _room.Start(_room.Secure with { Id = "node-2" }));
        Assert.Contains("is the certificate of node node-1, and this is node-2", refused.Message,
            StringComparison.Ordinal);
        refused = await Assert.ThrowsAsync<ServerStartException>(
            () => _room.Start(_room.Secure with { TlsKey = _room.Tls.Key("nobody") }));
        Assert.Contains("--tls-key", refused.Message, StringComparison.Ordinal);
    }

    private static async Task Shows(string address, string serial)
    {
        var seen = "";
        while (seen != serial)
        {
            Deadline.ThrowIfCancellationRequested();
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPEndPoint.Parse(address), Deadline);
            await using var tls = new SslStream(new NetworkStream(socket), false, (_, shown, _, _) =>
            {
                seen = ((X509Certificate2)shown!).SerialNumber;
                return seen.Length > 0;
            });
            try
            {
                await tls.AuthenticateAsClientAsync("localhost").WaitAsync(Deadline);
            }
            catch (IOException)
            {
                // An address may not try as often as it likes: some of these connections are closed.
            }
        }
    }

    private HttpClient Http(bool showsOne = true)
    {
        var handler = new SocketsHttpHandler
        {
            SslOptions = new()
            {
                RemoteCertificateValidationCallback = (_, shown, _, _) =>
                    shown!.Issuer == _room.Tls.Authority.Subject,
                ClientCertificates = showsOne ? [X509Certificate2.CreateFromPemFile(
                    _room.Tls.Certificate("alice"), _room.Tls.Key("alice"))] : [],
            },
        };
        return new(handler, disposeHandler: true);
    }

    private static async Task<byte[]> CallAsync(
        HttpClient http, KvorumServer server, V1.GetRequest message, string scheme = "https")
    {
        var frame = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - 5);
        message.WriteTo(frame.AsSpan(5));
        using var request = new HttpRequestMessage(
            HttpMethod.Post, $"{scheme}://{server.Self.ClientAddress}/kvorum.v1.KV/Get")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(frame),
        };
        request.Headers.Add("te", "trailers");
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using var response = await http.SendAsync(request, Deadline);
        var body = await response.Content.ReadAsByteArrayAsync(Deadline);
        Assert.Equal("0", response.TrailingHeaders.GetValues("grpc-status").Single());
        return body;
    }
}
