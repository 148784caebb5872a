using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Kvorum.Client;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Server.Certificates;
using Kvorum.Server.Hosting;
using Kvorum.Server.Peers;
using Kvorum.Server.Tls;
using Kvorum.Tests.Server.Listeners;
using Kvorum.Tests.Server.Tls;

namespace Kvorum.Tests.Server.Hosting;

/// <summary>New nodes that have a join token and nothing else, and those that should get nothing.</summary>
public sealed class EnrolmentTests : IAsyncLifetime
{
    private readonly TlsFolder _tls = new();
    private readonly KeptLines _log = new();
    private readonly KeptLines _joiners = new();
    private KvorumServer _server = null!;

    private static CancellationToken Deadline => TestContext.Current.CancellationToken;

    private string Audit => Path.Combine(_tls.Folder, "audit.log");

    public async ValueTask InitializeAsync()
    {
        _tls.Issue(CertificateRole.Node, "node-1");
        _tls.Issue(CertificateRole.Client, "alice");
        _server = await KvorumServer.StartAsync(
            _tls.Secure(Plain("node-1"), "node-1") with { AuditLog = Audit, Partitions = 4 }, _log, Deadline);
        await Eventually.Holds(
            () => _server.StatusAsync().GetAwaiter().GetResult() is { IsReady: true, FormatVersion: > 1 },
            seconds: 60);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _tls.Dispose();
    }

    [Theory(Timeout = 120_000)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_node_joins_with_a_token_alone_and_needs_it_once(bool asksClientPort)
    {
        var token = await Make("node-2");
        var options = Joiner("two", token) with
        {
            Join = asksClientPort ? _server.Self.ClientAddress : _server.Self.PeerAddress,
        };
        await using (var joined = await KvorumServer.StartAsync(options, _joiners, Deadline))
        {
            Assert.Equal("node-2", joined.Self.Name);
            await Eventually.Holds(
                () => joined.StatusAsync().GetAwaiter().GetResult().IsReady, seconds: 60);
            Assert.Contains(_joiners.Lines, static line => line.Text.Contains(
                "has brought this node's certificate", StringComparison.Ordinal));
        }

        await Eventually.Holds(
            () => Ask(new ShowAccess()).GetAwaiter().GetResult().Access!.JoinTokens is null);
        Assert.Equal(
            ["ca.crt", "node.crt", "node.key"],
            Directory.GetFiles(At("two", "tls")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite,
                File.GetUnixFileMode(At("two", "tls", "node.key")));
        }

        // A later start takes what is there; the token, if it is still given, is not shown again.
        await using (var again = await KvorumServer.StartAsync(
            options with { Join = "", JoinToken = asksClientPort ? token : null }, _joiners, Deadline))
            await Eventually.Holds(() => again.StatusAsync().GetAwaiter().GetResult().IsReady, seconds: 60);

        await Refused(token, ClaimDesk.NotAccepted, $"there is no join token {token.Id}");
        var audited = await Audited();
        foreach (var told in new[]
        {
            "\"action\":\"create_join_token\"", "\"action\":\"use_join_token\"",
            $"\"on\":\"join token {token.Id}\"", $"there is no join token {token.Id}",
        })
            Assert.Contains(told, audited, StringComparison.Ordinal);
    }

    [Fact(Timeout = 120_000)]
    public async Task A_guessed_expired_or_revoked_token_is_refused_counted_and_audited()
    {
        var token = await Make("node-2");
        // Its number, and a secret that was guessed.
        var other = JoinToken.Draw(_tls.Authority).Reveal();
        await Refused(
            JoinToken.Parse($"kvorum-join_{token.Id}{other[28..]}"), ClaimDesk.NotAccepted,
            "somebody guesses");
        await Ask(new RevokeJoinToken(token.Id));
        await Refused(token, ClaimDesk.NotAccepted, told: null);
        var soon = await Make("node-2", TimeSpan.FromSeconds(1));
        var end = DateTimeOffset.UtcNow.AddSeconds(1);
        await Eventually.Holds(() => DateTimeOffset.UtcNow > end);
        await Refused(soon, ClaimDesk.NotAccepted, told: null);
        var status = await _server.StatusAsync();
        Assert.True(status.Security!.LoginsFailed >= 3);
        Assert.False(File.Exists(At("thief", "tls", "node.crt")));
        var audited = await Audited();
        foreach (var told in new[] { "somebody guesses", "there is no join token", "has expired" })
            Assert.Contains(told, audited, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_token_of_another_CA_is_not_shown()
    {
        using var other = new TlsFolder("Another CA");
        await Refused(JoinToken.Draw(other.Authority), "it believes another CA than the token is for",
            told: null);
        Assert.Equal(0, (await _server.StatusAsync()).Security!.LoginsFailed);
    }

    /// <summary>The answer is lost on its way to the disk: the same folder may ask again, and no
    /// other.</summary>
    [Fact(Timeout = 60_000)]
    public async Task A_node_that_was_cut_off_asks_again_and_nobody_else_can()
    {
        var token = await Make("node-2");
        var (first, second) = (new byte[32], new byte[32]);
        second[0] = 1;
        await Assert.ThrowsAsync<IOException>(() => new JoinClaim(token, first).Ask(
            _server.Self.PeerAddress, static _ => throw new IOException("the disk is full"), Deadline));
        var refused = await Assert.ThrowsAsync<PeerRefusedException>(() => new JoinClaim(token, second).Ask(
            _server.Self.PeerAddress, static _ => { }, Deadline));
        Assert.False(refused.Refusal.MayPass);
        Assert.True(Assert.Single((await Ask(new ShowAccess())).Access!.JoinTokens!).Used);
        var node = "";
        await new JoinClaim(token, first).Ask(
            _server.Self.PeerAddress, bundle => node = bundle.Node, Deadline);
        Assert.Equal("node-2", node);
        await Eventually.Holds(
            () => Ask(new ShowAccess()).GetAwaiter().GetResult().Access!.JoinTokens is null);
    }

    /// <summary>What needs no certificate may do nothing else.</summary>
    [Fact(Timeout = 60_000)]
    public async Task The_door_for_tokens_leads_nowhere_else()
    {
        foreach (var address in new[] { _server.Self.PeerAddress, _server.Self.ClientAddress })
        {
            var (host, port) = HostPort.TryParse(address)!.Value;
            using var socket = new TcpClient();
            await socket.ConnectAsync(host, port, Deadline);
            await using var stream = new SslStream(socket.GetStream());
            await stream.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    ApplicationProtocols = [TlsDial.Claims],
                    RemoteCertificateValidationCallback = static (_, shown, _, _) => shown is not null,
                },
                Deadline);
            using var connection = new PeerConnection(stream, new(), TimeProvider.System);
            await connection.SendOpening(PeerWire.Join, new byte[10], Deadline);
            await connection.Reader.ReadPreamble(Deadline);
            Assert.Equal(
                ClaimWire.Authorities,
                (await connection.Reader.Read(PeerWire.JoinAnswerBytesMax, Deadline)).Kind);
            var ended = await Record.ExceptionAsync(async () =>
            {
                while (true)
                {
                    var frame = await connection.Reader.Read(PeerWire.JoinAnswerBytesMax, Deadline);
                    Assert.NotEqual(PeerWire.JoinAnswer, frame.Kind);
                    Assert.NotEqual(PeerWire.Welcome, frame.Kind);
                }
            });
            Assert.True(ended is IOException or PeerWireException, $"{ended}");
        }

        Assert.Contains(_log.Lines, static line => line.Text.Contains(
            "came in place of a join token", StringComparison.Ordinal));
    }

    [Fact]
    public void A_token_needs_somebody_to_ask_and_no_other_files()
    {
        var token = JoinToken.Draw(_tls.Authority);
        Assert.Contains(
            "needs --join", Assert.Single(Enrolment.Apply(Plain("x") with { JoinToken = token }).Validate()),
            StringComparison.Ordinal);
        Assert.Contains(
            "give it or them",
            Assert.Single(_tls.Secure(Joiner("x", token), "node-1").Validate()), StringComparison.Ordinal);
        // It is TLS: other machines may reach the listeners.
        Assert.Empty(Enrolment.Apply(Joiner("x", token) with { ClientAddress = "0.0.0.0:0" }).Validate());
        Assert.DoesNotContain(token.Reveal()[30..], $"{Joiner("x", token)}", StringComparison.Ordinal);
    }

    private string At(params string[] names) => Path.Combine([_tls.Folder, .. names]);

    private ServerOptions Plain(string folder) => new()
    {
        DataFolder = At(folder),
        ClientAddress = "127.0.0.1:0",
        HttpAddress = "127.0.0.1:0",
        PeerAddress = "127.0.0.1:0",
    };

    private ServerOptions Joiner(string folder, JoinToken token) => Plain(folder) with
    {
        Join = _server.Self.PeerAddress,
        JoinToken = token,
    };

    private async Task<JoinToken> Make(string node, TimeSpan? life = null)
    {
        var token = JoinToken.Draw(_tls.Authority);
        using var made = CertificateMaker.Issue(
            _tls.Authority, new(CertificateRole.Node, node), ["127.0.0.1"], DateTimeOffset.UtcNow,
            TimeSpan.FromDays(10));
        var reply = await Ask(new CreateJoinToken(token.Id, node)
        {
            ProofHash = token.ProofHash,
            Sealed = token.Seal(new()
            {
                Node = node,
                Certificate = made.ExportCertificatePem(),
                Key = made.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem(),
                Authorities = _tls.Authority.ExportCertificatePem(),
            }),
            ExpiresMs = (ulong)(DateTimeOffset.UtcNow + (life ?? TimeSpan.FromHours(1)))
                .ToUnixTimeMilliseconds(),
        });
        Assert.True(reply.Status == ReplyStatus.Ok, reply.Message);
        return token;
    }

    private async Task<AdminReply> Ask(AdminRequest request)
    {
        await using var client = KvorumClient.Connect(new()
        {
            Addresses = [_server.Self.ClientAddress],
            Timeout = TimeSpan.FromSeconds(20),
            Tls = _tls.ForClient("alice"),
        });
        return AdminJson.DecodeReply((await client.AdministerAsync(
            AdminJson.Encode(request), request.IsRead, null, Deadline)).Span);
    }

    private async Task Refused(JoinToken token, string heard, string? told)
    {
        var refused = await Assert.ThrowsAsync<ServerStartException>(
            () => KvorumServer.StartAsync(Joiner("thief", token), _joiners, Deadline));
        Assert.Contains(heard, refused.Message, StringComparison.Ordinal);
        // Of one address a line a minute is written into the log; the audit log has all.
        if (told is not null)
        {
            await Eventually.Holds(
                () => _log.Lines.Any(line => line.Text.Contains(told, StringComparison.Ordinal)));
        }
    }

    // A node has its audit log for itself while it runs.
    private async Task<string> Audited()
    {
        await _server.StopAsync();
        return await File.ReadAllTextAsync(Audit, Deadline);
    }
}
