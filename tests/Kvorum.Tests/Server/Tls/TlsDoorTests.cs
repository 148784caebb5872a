using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Kvorum.Server;
using Kvorum.Server.Certificates;
using Kvorum.Server.Listeners;
using Kvorum.Server.Sockets;
using Kvorum.Server.Tls;
using Kvorum.Tests.Server.Listeners;

namespace Kvorum.Tests.Server.Tls;

/// <summary>One door, and callers with good and bad certificates.</summary>
public sealed class TlsDoorTests : IDisposable
{
    private static readonly SslApplicationProtocol Own = new("own");

    private readonly TlsFolder _folder = new();
    private readonly KeptLines _log = new();
    private readonly Socket _listener = new(SocketType.Stream, ProtocolType.Tcp);

    public TlsDoorTests()
    {
        _folder.Issue(CertificateRole.Node, "n1");
        _folder.Revoke();
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
    }

    private static CancellationToken Deadline => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _listener.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("good", null)]
    [InlineData("expired", "CN=alice has expired at")]
    [InlineData("early", "CN=alice is not valid before")]
    [InlineData("revoked", "is revoked")]
    [InlineData("other CA", "is signed by no CA of the CA file")]
    [InlineData("nobody", "it has no role")]
    [InlineData("none", "it shows no certificate")]
    public async Task A_client_s_certificate_is_judged(string which, string? refusal)
    {
        using var stranger = new TlsFolder("Stranger CA");
        using var shown = which switch
        {
            "expired" => _folder.Issue(CertificateRole.Client, "alice", startsInDays: -9, days: 1),
            "early" => _folder.Issue(CertificateRole.Client, "alice", startsInDays: 1),
            "other CA" => stranger.Issue(CertificateRole.Client, "alice"),
            "nobody" => Nobody(),
            "none" => null,
            _ => _folder.Issue(CertificateRole.Client, "alice"),
        };
        if (which == "revoked")
            _folder.Revoke(shown!);
        await Meets(ClientCertificates.Require, nodesOnly: false, shown, refusal);
    }

    [Theory]
    [InlineData(CertificateRole.Node, null)]
    [InlineData(CertificateRole.Client, "its certificate is that of client bob: only nodes are served here")]
    public async Task A_client_is_no_node(CertificateRole role, string? refusal)
    {
        using var shown = _folder.Issue(role, "bob");
        await Meets(ClientCertificates.Require, nodesOnly: true, shown, refusal);
    }

    [Fact]
    public async Task A_client_that_is_not_asked_or_need_not_show_one_is_served_and_a_bad_one_is_not()
    {
        await Meets(ClientCertificates.None, nodesOnly: false, null, null);
        await Meets(ClientCertificates.Request, nodesOnly: false, null, null);
        using var stranger = new TlsFolder("Stranger CA");
        using var shown = stranger.Issue(CertificateRole.Client, "alice");
        await Meets(ClientCertificates.Request, nodesOnly: false, shown, "is signed by no CA of the CA file");
    }

    [Fact]
    public async Task A_handshake_that_is_not_finished_ends_in_time()
    {
        using var keeper = Keeper();
        var door = Door(keeper, ClientCertificates.None);
        using var silent = Dial();
        await silent.SendAsync(new byte[] { TlsDoor.FirstByte, 3, 1, 2, 0, 1 }, Deadline);
        using var patience = new CancellationTokenSource(300);
        await Assert.ThrowsAsync<TlsRefusedException>(() => Accept(door, patience.Token));
        Assert.Contains(
            "it did not finish the TLS handshake in time", _log.Lines.Last().Text, StringComparison.Ordinal);
        Assert.Equal(0, await silent.ReceiveAsync(new byte[1], Deadline));
    }

    [Fact]
    public async Task Handshakes_have_a_bound()
    {
        using var keeper = Keeper();
        var door = Door(keeper, ClientCertificates.None, handshakesMax: 2);
        using var patience = new CancellationTokenSource();
        using Socket first = Dial(), second = Dial();
        Task[] waiting = [Accept(door, patience.Token), Accept(door, patience.Token)];
        await Eventually.Holds(() => door.Handshakes == 2);
        using var third = Dial();
        var refused = await Assert.ThrowsAsync<TlsRefusedException>(() => Accept(door, Deadline));
        Assert.Contains("2 TLS handshakes are under way", refused.Message, StringComparison.Ordinal);
        await patience.CancelAsync();
        await Assert.ThrowsAsync<TlsRefusedException>(() => Task.WhenAll(waiting));
        await Meets(door, null, null);
    }

    /// <summary>Whatever comes first, the door survives it and says one line.</summary>
    [Fact]
    public async Task Noise_is_refused()
    {
        using var keeper = Keeper();
        var random = new Random(7);
        for (var n = 0; n < 300; n++)
        {
            var noise = new byte[random.Next(1, 700)];
            random.NextBytes(noise);
            if (n % 3 != 0)
                (noise[0], noise[^1]) = (TlsDoor.FirstByte, (byte)n);
            if (n % 3 == 2 && noise.Length > 5)
                new byte[] { TlsDoor.FirstByte, 3, 1, 0, (byte)(noise.Length - 5),
                    1 }[..Math.Min(6, noise.Length)]
                    .CopyTo(noise, 0);
            using var caller = Dial();
            await caller.SendAsync(noise, Deadline);
            caller.Shutdown(SocketShutdown.Send);
            await Assert.ThrowsAsync<TlsRefusedException>(
                () => Accept(Door(keeper, ClientCertificates.None), Deadline));
        }

        await Meets(Door(keeper, ClientCertificates.None), null, null);
    }

    [Fact]
    public async Task A_list_that_revokes_a_connected_client_closes_its_connection()
    {
        using var shown = _folder.Issue(CertificateRole.Client, "alice");
        using var other = _folder.Issue(CertificateRole.Client, "bob");
        using var keeper = Keeper();
        var door = Door(keeper, ClientCertificates.Require);
        var (revoked, atRevoked) = await Connect(door, shown);
        var (kept, atKept) = await Connect(door, other);
        _folder.Revoke(shown);
        keeper.Look();
        keeper.Look();
        await Assert.ThrowsAnyAsync<Exception>(
            async () => await atRevoked.ReadExactlyAsync(new byte[1], Deadline));
        Assert.Contains(
            "closed the connection with client alice", _log.Lines.Last().Text, StringComparison.Ordinal);
        await kept.WriteAsync(new byte[] { 5 }, Deadline);
        await atKept.ReadExactlyAsync(new byte[1], Deadline);
        foreach (var stream in new Stream[] { revoked, atRevoked, kept, atKept })
            await stream.DisposeAsync();
    }

    /// <summary>A resumed session sends no certificates, so the server's answer is much shorter.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Sessions_are_resumed_and_their_certificates_judged_all_the_same(bool showsOne)
    {
        using var shown = _folder.Issue(CertificateRole.Client, "alice");
        using var keeper = Keeper();
        var door = Door(keeper, showsOne ? ClientCertificates.Require : ClientCertificates.None);
        var own = showsOne ? SslStreamCertificateContext.Create(shown, null, offline: true) : null;
        List<long> sizes = [];
        for (var n = 0; n < 3; n++)
        {
            var accepting = Accept(door, Deadline);
            var counted = new CountingStream(new NetworkStream(Dial(), ownsSocket: true));
            await using var client = new SslStream(counted);
            await client.AuthenticateAsClientAsync(Options(own), Deadline);
            await using var server = await accepting;
            Assert.Equal(
                showsOne ? new(CertificateRole.Client, "alice") : null, server.Identity.Name);
            sizes.Add(counted.Received);
            // Tickets come with the first bytes.
            await server.WriteAsync(new byte[1], Deadline);
            await client.ReadExactlyAsync(new byte[1], Deadline);
        }

        Assert.True(sizes[2] < sizes[0] - 400, string.Join(' ', sizes));
        Assert.Equal(showsOne ? 1 : 0, keeper.Now.Known.Judged);
        if (!showsOne)
            return;
        _folder.Revoke(shown);
        keeper.Look();
        keeper.Look();
        var refused = Assert.ThrowsAsync<TlsRefusedException>(() => Accept(door, Deadline));
        await using var again = new SslStream(new NetworkStream(Dial(), ownsSocket: true));
        await Refused(again, own);
        Assert.Contains("is revoked", (await refused).Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// A session keeps the certificate, and not those between it and the CA, so that one that is resumed
    /// shows less.
    /// </summary>
    [Fact]
    public async Task A_client_below_a_CA_between_is_served_in_full_and_resumed_handshakes()
    {
        var from = DateTimeOffset.UtcNow - TimeSpan.FromHours(1);
        using var root = TlsFolder.AnyAuthority("Root", from, TimeSpan.FromDays(60));
        using var middle = TlsFolder.AnyAuthority("Between", from, TimeSpan.FromDays(50), root);
        File.AppendAllText(_folder.AuthorityFile, "\n" + root.ExportCertificatePem());
        using var shown = CertificateMaker.Issue(
            middle, new(CertificateRole.Client, "alice"), [], DateTimeOffset.UtcNow, TimeSpan.FromDays(9));
        using var keeper = Keeper();
        var door = Door(keeper, ClientCertificates.Require);
        var own = SslStreamCertificateContext.Create(shown, [middle], offline: true);
        for (var n = 0; n < 3; n++)
        {
            var accepting = Accept(door, Deadline);
            await using var client = new SslStream(new NetworkStream(Dial(), ownsSocket: true));
            await client.AuthenticateAsClientAsync(Options(own), Deadline);
            await using var server = await accepting;
            Assert.Equal(new(CertificateRole.Client, "alice"), server.Identity.Name);
            await server.WriteAsync(new byte[1], Deadline);
            await client.ReadExactlyAsync(new byte[1], Deadline);
        }
    }

    /// <summary>Whatever was believed under the former files.</summary>
    [Fact]
    public async Task A_client_of_a_CA_that_was_taken_out_of_the_file_is_refused()
    {
        using var shown = _folder.Issue(CertificateRole.Client, "alice");
        using var keeper = new TlsKeeper(_folder.Files("n1"), TimeProvider.System, _log);
        var door = Door(keeper, ClientCertificates.Require);
        await Meets(door, shown, null);
        using var next = new TlsFolder("Next CA");
        using var node = next.Issue(CertificateRole.Node, "n1");
        File.WriteAllText(
            _folder.AuthorityFile,
            _folder.Authority.ExportCertificatePem() + "\n" + next.Authority.ExportCertificatePem());
        keeper.Look();
        keeper.Look();
        Assert.Equal(0, keeper.Now.Known.Count);
        await Meets(door, shown, null);
        File.WriteAllText(_folder.AuthorityFile, next.Authority.ExportCertificatePem());
        _folder.Write("n1", node);
        keeper.Look();
        keeper.Look();
        await Meets(door, shown, "is signed by no CA of the CA file");
    }

    private Task Meets(ClientCertificates wanted, bool nodesOnly, X509Certificate2? shown, string? refusal) =>
        Meets(Door(Keeper(), wanted, nodesOnly), shown, refusal);

    private async Task Meets(TlsDoor door, X509Certificate2? shown, string? refusal)
    {
        if (refusal is null)
        {
            var (client, server) = await Connect(door, shown);
            Assert.Equal(
                shown is null ? IdentityMeans.Anonymous : IdentityMeans.Certificate, server.Identity.Means);
            Assert.Equal(shown is null ? null : CertificateName.Of(shown, out _), server.Identity.Name);
            Assert.Equal(Own, server.NegotiatedApplicationProtocol);
            await client.WriteAsync(new byte[] { 7 }, Deadline);
            var got = new byte[1];
            await server.ReadExactlyAsync(got, Deadline);
            Assert.Equal(7, got[0]);
            await client.DisposeAsync();
            await server.DisposeAsync();
            return;
        }

        var accepting = Assert.ThrowsAsync<TlsRefusedException>(() => Accept(door, Deadline));
        await using var caller = new SslStream(new NetworkStream(Dial(), ownsSocket: true));
        await Refused(
            caller, shown is null ? null : SslStreamCertificateContext.Create(shown, null, offline: true));
        Assert.Contains(refusal, (await accepting).Message, StringComparison.Ordinal);
        Assert.Contains(refusal, Assert.Single(
            _log.Lines, static line =>
                line.Text.Contains("refused the connection", StringComparison.Ordinal)).Text,
            StringComparison.Ordinal);
    }

    // It hears nothing but TLS's own alert.
    private static async Task Refused(SslStream caller, SslStreamCertificateContext? own)
    {
        try
        {
            await caller.AuthenticateAsClientAsync(Options(own), Deadline);
            Assert.Equal(0, await caller.ReadAsync(new byte[1], Deadline));
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
        }
    }

    private static SslClientAuthenticationOptions Options(SslStreamCertificateContext? own) => new()
    {
        TargetHost = "localhost",
        ClientCertificateContext = own,
        ApplicationProtocols = [Own],
        RemoteCertificateValidationCallback = static (_, shown, _, _) => shown is not null,
    };

    private async Task<(SslStream Client, TlsStream Server)> Connect(TlsDoor door, X509Certificate2? shown)
    {
        var accepting = Accept(door, Deadline);
        var client = new SslStream(new NetworkStream(Dial(), ownsSocket: true));
        await client.AuthenticateAsClientAsync(
            Options(shown is null ? null : SslStreamCertificateContext.Create(shown, null, offline: true)),
                Deadline);
        return (client, await accepting);
    }

    private TlsKeeper Keeper() => new(_folder.Files("n1", hasList: true), TimeProvider.System, _log);

    private TlsDoor Door(
        TlsKeeper keeper, ClientCertificates wanted, bool nodesOnly = false, int handshakesMax = 16) => new(
        keeper,
        new()
        {
            Listener = "--addr",
            Protocols = [Own],
            Clients = wanted,
            NodesOnly = nodesOnly,
            HandshakesMax = handshakesMax,
        },
        new SourceLines(_log, TimeProvider.System), _log);

    private Socket Dial()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(_listener.LocalEndPoint!);
        return socket;
    }

    private async Task<TlsStream> Accept(TlsDoor door, CancellationToken cancel)
    {
        var socket = await _listener.AcceptAsync(cancel);
        return await door.AcceptAsync(socket, SocketStreams.Open(socket, poller: null), cancel);
    }

    private X509Certificate2 Nobody()
    {
        using var key = System.Security.Cryptography.ECDsa.Create();
        var request = new CertificateRequest(
            "CN=alice", key, System.Security.Cryptography.HashAlgorithmName.SHA256);
        var now = DateTimeOffset.UtcNow;
        using var made = request.Create(
            _folder.Authority, now - TimeSpan.FromHours(1), now + TimeSpan.FromDays(1), [1]);
        return made.CopyWithPrivateKey(key);
    }
}
