using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Kvorum.Server.Certificates;
using Kvorum.Server.Listeners;
using Kvorum.Server.Sockets;
using Kvorum.Server.Tls;
using Kvorum.Tests.Server.Listeners;

namespace Kvorum.Tests.Server.Tls;

/// <summary>
/// One door, and callers that mean no good: spoilt records, odd certificates, handshakes that never end. The
/// door lives on, its words are bounded, and nothing stays behind.
/// </summary>
public sealed class TlsAbuseTests : IDisposable
{
    private readonly TlsFolder _folder = new();
    private readonly KeptLines _log = new();
    private readonly Socket _listener = new(SocketType.Stream, ProtocolType.Tcp);
    private readonly TlsKeeper _keeper;
    private Socket? _accepted;

    public TlsAbuseTests()
    {
        _folder.Issue(CertificateRole.Node, "n1");
        _keeper = new(_folder.Files("n1"), TimeProvider.System, _log);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(512);
    }

    private static CancellationToken Deadline => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _keeper.Dispose();
        _listener.Dispose();
        _folder.Dispose();
    }

    [Fact(Timeout = 120_000)]
    public async Task Spoilt_hellos_are_refused_and_leave_nothing_behind()
    {
        var hello = await StrangeHellos.Real();
        var random = new Random(5);
        var finished = 0;
        for (var n = 0; n < 1000; n++)
        {
            var strangers = new Strangers(TimeProvider.System);
            var door = Door(strangers, ClientCertificates.Require);
            using var caller = Dial();
            // The other end may have seen enough before all of it has left.
            try
            {
                await caller.SendAsync(StrangeHellos.Spoilt(hello, n, random), Deadline);
                caller.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException)
            {
            }

            await Assert.ThrowsAsync<TlsRefusedException>(() => Accept(door, Deadline));
            Assert.Equal(0, door.Handshakes);
            Assert.True(_accepted!.SafeHandle.IsClosed);
            Assert.Equal((1, 0), (strangers.Failed, strangers.SourceCount));
            finished++;
        }

        Assert.Equal(1000, finished);
        WordsAreBounded();
        await IsServed(Door(new(TimeProvider.System), ClientCertificates.Require));
    }

    [Theory]
    [InlineData("no names", "it has no role")]
    [InlineData("two roles", "it has 2 kvorum: names, and one is allowed")]
    [InlineData("no such role", "is no kvorum:node/NAME and no kvorum:client/NAME")]
    [InlineData("huge name", "is no kvorum:node/NAME and no kvorum:client/NAME")]
    [InlineData("escaped zero", "is no kvorum:node/NAME and no kvorum:client/NAME")]
    [InlineData("raw zero", "is no kvorum:node/NAME and no kvorum:client/NAME")]
    [InlineData("line end", "is no kvorum:node/NAME and no kvorum:client/NAME")]
    [InlineData("hidden characters", "is no kvorum:node/NAME and no kvorum:client/NAME")]
    [InlineData("malformed names", "the TLS handshake failed")]
    [InlineData("names of a server only", "its extended key usage does not allow")]
    [InlineData("no signatures", "its key usage does not allow signatures")]
    [InlineData("forged subject", "it has no role")]
    [InlineData("huge subject", "it has no role")]
    [InlineData("the CA itself", "its key usage does not allow signatures")]
    public async Task Odd_certificates_are_refused_in_few_words(string which, string refusal)
    {
        using var shown = Odd(which);
        var door = Door(new(TimeProvider.System), ClientCertificates.Require);
        var accepting = Assert.ThrowsAsync<TlsRefusedException>(() => Accept(door, Deadline));
        await using var caller = new SslStream(new NetworkStream(Dial(), ownsSocket: true));
        try
        {
            await caller.AuthenticateAsClientAsync(Options(shown), Deadline);
            Assert.Equal(0, await caller.ReadAsync(new byte[1], Deadline));
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
        }

        Assert.Contains(refusal, (await accepting).Message, StringComparison.Ordinal);
        WordsAreBounded();
        await IsServed(door);
    }

    /// <summary>Each address has some, so that one cannot keep the others out.</summary>
    [Fact]
    public async Task Handshakes_are_not_unlimited()
    {
        var strangers = new Strangers(TimeProvider.System);
        var door = Door(strangers, ClientCertificates.None, perSource: 2);
        List<IDisposable> passes = [];
        List<Socket> callers = [];
        for (var n = 0; n < 40; n++)
        {
            callers.Add(Dial());
            if (door.Enter(await _listener.AcceptAsync(Deadline)) is { } pass)
                passes.Add(pass);
        }

        Assert.Equal((2, 38), (passes.Count, strangers.Refused));
        // Closed, and told in one line.
        Assert.Equal(0, await callers[^1].ReceiveAsync(new byte[1], Deadline));
        Assert.Single(_log.Lines, static line => line.Text.Contains(
            "2 connections from there have not shown yet who they are", StringComparison.Ordinal));
        passes.ForEach(static pass => pass.Dispose());
        callers.ForEach(static caller => caller.Dispose());
        Assert.Equal(0, strangers.SourceCount);
    }

    /// <summary>One byte at a time, for ever.</summary>
    [Fact]
    public async Task A_handshake_that_trickles_ends_in_time()
    {
        var hello = await StrangeHellos.Real();
        var door = Door(new(TimeProvider.System), ClientCertificates.None);
        using var patience = new CancellationTokenSource(700);
        using var caller = Dial();
        var accepting = Accept(door, patience.Token);
        var begun = Stopwatch.GetTimestamp();
        var sending = Task.Run(
            async () =>
            {
                foreach (var one in hello)
                {
                    await caller.SendAsync(new[] { one }, Deadline);
                    await Task.Delay(20, Deadline);
                }
            }, Deadline);
        await Assert.ThrowsAsync<TlsRefusedException>(() => accepting);
        Assert.InRange(Stopwatch.GetElapsedTime(begun).TotalSeconds, 0.5, 10);
        await Assert.ThrowsAnyAsync<SocketException>(() => sending);
        Assert.Equal(0, door.Handshakes);
    }

    [Fact(Timeout = 60_000)]
    public async Task Failures_slow_an_address_down_and_a_login_ends_that()
    {
        var strangers = new Strangers(TimeProvider.System);
        var door = Door(strangers, ClientCertificates.Require);
        for (var n = 0; n < 9; n++)
        {
            using var caller = Dial();
            await caller.SendAsync("\u0016 no TLS"u8.ToArray(), Deadline);
            caller.Shutdown(SocketShutdown.Send);
            await Assert.ThrowsAsync<TlsRefusedException>(() => Accept(door, Deadline));
        }

        Assert.Equal((9, 1), (strangers.Failed, strangers.Delayed));
        var begun = Stopwatch.GetTimestamp();
        await IsServed(door);
        Assert.InRange(Stopwatch.GetElapsedTime(begun).TotalMilliseconds, 99, 30_000);
        var delayed = strangers.Delayed;
        await IsServed(door);
        Assert.Equal(delayed, strangers.Delayed);
    }

    /// <summary>With TLS 1.2 a client could ask for one handshake after the other.</summary>
    [Fact(Timeout = 60_000)]
    public async Task A_client_cannot_ask_for_another_handshake()
    {
        var door = Door(new(TimeProvider.System), ClientCertificates.None);
        var port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        var start = new ProcessStartInfo("openssl")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var arg in new[] { "s_client", "-connect", $"127.0.0.1:{port}", "-tls1_2" })
            start.ArgumentList.Add(arg);
        Process? client = null;
        try
        {
            client = Process.Start(start);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("there is no openssl here");
        }

        using (client)
        {
            await using var server = await Accept(door, Deadline);
            var said = client!.StandardOutput.ReadToEndAsync(Deadline);
            var errors = client.StandardError.ReadToEndAsync(Deadline);
            await client.StandardInput.WriteAsync("R\n".AsMemory(), Deadline);
            await client.StandardInput.FlushAsync(Deadline);
            // It is refused, or the connection is ended: no second handshake, and no byte of the client's.
            try
            {
                Assert.Equal(0, await server.ReadAsync(new byte[16], Deadline));
            }
            catch (IOException)
            {
            }

            await server.DisposeAsync();
            client.StandardInput.Close();
            await client.WaitForExitAsync(Deadline);
            Assert.NotEqual(0, client.ExitCode);
            var all = await said + await errors;
            Assert.Contains("RENEGOTIATING", all, StringComparison.Ordinal);
            Assert.Equal(1, all.Split("verify error:num=20").Length - 1);
        }

        Assert.Equal(0, door.Handshakes);
    }

    private static SslClientAuthenticationOptions Options(X509Certificate2 shown) => new()
    {
        TargetHost = "localhost",
        ClientCertificateContext = SslStreamCertificateContext.Create(shown, null, offline: true),
        RemoteCertificateValidationCallback = static (_, shown, _, _) => shown is not null,
    };

    private void WordsAreBounded() => Assert.All(_log.Lines, static line =>
    {
        Assert.InRange(line.Text.Length, 1, 1500);
        Assert.DoesNotContain(line.Text, static unit => char.IsControl(unit) || unit == '\u202e');
    });

    private async Task IsServed(TlsDoor door)
    {
        using var shown = _folder.Issue(CertificateRole.Client, "alice");
        var accepting = Accept(door, Deadline);
        await using var client = new SslStream(new NetworkStream(Dial(), ownsSocket: true));
        await client.AuthenticateAsClientAsync(Options(shown), Deadline);
        await using var server = await accepting;
        Assert.Equal(new(CertificateRole.Client, "alice"), server.Identity.Name);
    }

    private TlsDoor Door(Strangers strangers, ClientCertificates wanted, int perSource = 128) => new(
        _keeper,
        new()
        {
            Listener = "--addr",
            Protocols = [ClientListenerProtocol],
            Clients = wanted,
            StrangersPerSourceMax = perSource,
        },
        // Each line of this test is written.
        new SourceLines(_log, TimeProvider.System), _log, strangers);

    private static SslApplicationProtocol ClientListenerProtocol => new("own");

    private Socket Dial()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(_listener.LocalEndPoint!);
        return socket;
    }

    private async Task<TlsStream> Accept(TlsDoor door, CancellationToken cancel)
    {
        var socket = _accepted = await _listener.AcceptAsync(Deadline);
        return await door.AcceptAsync(socket, SocketStreams.Open(socket, poller: null), cancel);
    }

    private X509Certificate2 Odd(string which)
    {
        if (which == "the CA itself")
            return X509CertificateLoader.LoadPkcs12(
                _folder.Authority.Export(X509ContentType.Pkcs12), null);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName(which switch
        {
            "forged subject" => "x\n2026-01-01T00:00:00.000Z info: kvorum[3] n1 is ready \u202e \u001b[2J",
            "huge subject" => new('x', 20_000),
            _ => "alice",
        });
        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        string[] uris = which switch
        {
            "two roles" => ["kvorum:client/alice", "kvorum:node/n1"],
            "no such role" => ["kvorum:root/alice"],
            "huge name" => ["kvorum:client/" + new string('x', 10_000)],
            "escaped zero" => ["kvorum:client/al%00ice"],
            "raw zero" => ["kvorum:client/al\0ice"],
            "line end" => ["kvorum:client/al%0Aice"],
            "hidden characters" => ["kvorum:client/al%E2%80%AEice"],
            "names of a server only" or "no signatures" => ["kvorum:client/alice"],
            _ => [],
        };
        if (uris.Length > 0)
            request.CertificateExtensions.Add(Names(uris));
        if (which == "malformed names")
            request.CertificateExtensions.Add(new X509Extension("2.5.29.17", [0x30, 0x7f, 1, 2], false));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(
            which == "no signatures" ? X509KeyUsageFlags.NonRepudiation : X509KeyUsageFlags.DigitalSignature,
            critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            [new(which == "names of a server only" ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2")], false));
        var now = DateTimeOffset.UtcNow;
        using var made = request.Create(
            _folder.Authority, now - TimeSpan.FromHours(1), now + TimeSpan.FromDays(1), [7]);
        return made.CopyWithPrivateKey(key);
    }

    // Written by hand: the runtime's builder refuses what is no URI.
    private static X509Extension Names(string[] uris)
    {
        var names = new System.Formats.Asn1.AsnWriter(System.Formats.Asn1.AsnEncodingRules.DER);
        using (names.PushSequence())
        {
            foreach (var uri in uris)
            {
                names.WriteOctetString(
                    Encoding.Latin1.GetBytes(uri),
                    new(System.Formats.Asn1.TagClass.ContextSpecific, 6));
            }
        }

        return new("2.5.29.17", names.Encode(), critical: false);
    }
}
