using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Kvorum.Server.Audit;
using Kvorum.Server.Certificates;
using Kvorum.Server.Listeners;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Tls;

/// <summary>What a client must show.</summary>
internal enum ClientCertificates
{
    /// <summary>Nothing: it is not asked.</summary>
    None,

    /// <summary>A certificate, if it has one: one that is not believed is refused.</summary>
    Request,

    /// <summary>A certificate.</summary>
    Require,
}

/// <summary>Why a connection is not served, told already. For callers it is a lost one.</summary>
internal sealed class TlsRefusedException(string why) : IOException(why);

/// <summary>What a listener asks of its connections.</summary>
internal sealed record TlsDoorRules
{
    /// <summary>The flag of its address, for the log.</summary>
    public required string Listener { get; init; }

    /// <summary>What it speaks, by ALPN (RFC 7301); a client that names none is served, too.</summary>
    public required SslApplicationProtocol[] Protocols { get; init; }

    /// <summary>What a client must show.</summary>
    public required ClientCertificates Clients { get; init; }

    /// <summary>True if it must be a node's.</summary>
    public bool NodesOnly { get; init; }

    /// <summary>True if plain connections are taken, too.</summary>
    public bool TakesPlain { get; init; }

    /// <summary>Handshakes at once; one more is refused: strangers cost memory.</summary>
    public int HandshakesMax { get; init; } = 256;

    /// <summary>
    /// Connections of one address at once that have not shown who they are: half of the handshakes, so that
    /// one address cannot keep all others out.
    /// </summary>
    public int StrangersPerSourceMax { get; init; } = 128;
}

/// <summary>
/// The server's side of TLS at one listener: the handshake within a time and a number, and the certificate of
/// the other side. A refusal is told in the log by its reason; the other side gets TLS's alert and no words.
/// Any thread.
/// </summary>
/// <param name="keeper">The own certificate, and who is believed.</param>
/// <param name="rules">What is asked.</param>
/// <param name="lines">How often refusals are told.</param>
/// <param name="log">Where they are told.</param>
/// <param name="known">Those who have not shown who they are, at all doors; null for a count of its own.
/// </param>
/// <param name="audit">Gets who comes and who is refused; null for none.</param>
internal sealed class TlsDoor(
    TlsKeeper keeper, TlsDoorRules rules, SourceLines lines, ILogger log, Strangers? known = null,
    AuditLog? audit = null)
{
    /// <summary>The first byte of a TLS connection: a record of the handshake (RFC 8446, 5.1).</summary>
    public const byte FirstByte = 0x16;

    private readonly Strangers _strangers = known ?? new(TimeProvider.System);
    private int _handshakes;

    /// <summary>True if plain connections are taken, too.</summary>
    public bool TakesPlain => rules.TakesPlain;

    /// <summary>Handshakes under way.</summary>
    public int Handshakes => Volatile.Read(ref _handshakes);

    /// <summary>A plain connection that is not taken, or one that is TLS where there is none.</summary>
    public static void TellRefused(
        SourceLines lines, ILogger log, EndPoint? remote, string listener, string why)
    {
        if (lines.MayWrite(remote, out var note))
            Log.Refused(log, remote, listener, why + note);
    }

    /// <summary>
    /// A connection has come: what is disposed of when it is known who it is, or it has ended. Null, and it
    /// is closed, if its address has too many that have not shown it.
    /// </summary>
    public IDisposable? Enter(Socket socket)
    {
        var remote = socket.RemoteEndPoint;
        if (_strangers.Enter(remote, rules.Listener, rules.StrangersPerSourceMax) is { } pass)
            return pass;
        socket.Dispose();
        TellRefused(
            lines, log, remote, rules.Listener,
            $"{rules.StrangersPerSourceMax} connections from there have not shown yet who they are");
        return null;
    }

    /// <summary>A connection is refused for that reason.</summary>
    public void TellRefused(EndPoint? remote, string why, ConnectionIdentity? who = null)
    {
        why = ShownText.Of(why);
        TellRefused(lines, log, remote, rules.Listener, why);
        Refused(remote, why, who);
    }

    /// <summary>A connection is refused, and the log has it already.</summary>
    public void Refused(EndPoint? remote, string why, ConnectionIdentity? who = null)
    {
        var attempts = _strangers.AttemptFailed(remote);
        if (Strangers.IsWorthALine(attempts))
            audit?.Record(Entry("log_in", AuditResult.Refused, remote, who) with
            {
                Reason = why,
                Attempts = attempts,
            });
    }

    /// <summary>It is known who is at the other end, as far as it ever will be.</summary>
    public void Welcome(EndPoint? remote, ConnectionIdentity who)
    {
        var isKnown = who.Means == IdentityMeans.Certificate;
        if (isKnown)
            _strangers.LoggedIn(remote);
        audit?.Record(Entry(isKnown ? "log_in" : "connect", AuditResult.Ok, remote, who));
    }

    /// <summary>A plain connection came where only TLS is taken.</summary>
    public void TellPlain(EndPoint? remote) =>
        TellRefused(remote, "it is plain, and this node takes TLS only");

    /// <summary>
    /// Makes the connection an encrypted one, whose continuations run on the thread pool: see
    /// <see cref="TlsStream.Stay"/>. <see cref="TlsRefusedException"/> if there is none to be had; the stream
    /// is closed then.
    /// </summary>
    public async Task<TlsStream> AcceptAsync(Socket socket, Stream stream, CancellationToken cancel)
    {
        // What has come lies there: without a hop this thread, which serves the sockets, would go on with it.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var tls = new TlsStream(socket, stream, keeper);
        var judge = new Judge(keeper.Now, rules);
        try
        {
            await _strangers.WaitAsync(tls.Remote, cancel).ConfigureAwait(false);
            await ShakeHandsAsync(tls, judge, cancel).ConfigureAwait(false);
            tls.Met(judge.Verdict);
            // Of a node it is to be seen yet whether its name is the one that it says.
            if (!rules.NodesOnly && tls.NegotiatedApplicationProtocol != TlsDial.Claims)
                Welcome(tls.Remote, tls.Identity);
            return tls;
        }
        catch (Exception e) when (e is AuthenticationException or IOException or OperationCanceledException
            or ObjectDisposedException or InvalidOperationException or NotSupportedException)
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            var why = judge.Why ?? e switch
            {
                OperationCanceledException => "it did not finish the TLS handshake in time",
                { InnerException: { } inner } => $"the TLS handshake failed: {inner.Message}",
                _ => $"the TLS handshake failed: {e.Message}",
            };
            TellRefused(tls.Remote, why);
            throw new TlsRefusedException(why);
        }
        catch
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task ShakeHandsAsync(TlsStream tls, Judge judge, CancellationToken cancel)
    {
        try
        {
            if (Interlocked.Increment(ref _handshakes) > rules.HandshakesMax)
                throw new AuthenticationException($"{rules.HandshakesMax} TLS handshakes are under way");
            await tls.AuthenticateAsServerAsync(Options(judge), cancel).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _handshakes);
        }
    }

    private AuditEvent Entry(
        string action, AuditResult result, EndPoint? remote, ConnectionIdentity? who) =>
        new AuditEvent(action, result)
        {
            Via = "tls",
            On = rules.Listener,
        }.Of(who ?? ConnectionIdentity.Anonymous, remote);

    private SslServerAuthenticationOptions Options(Judge judge) => new()
    {
        ServerCertificateContext = judge.Material.Context,
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        EncryptionPolicy = EncryptionPolicy.RequireEncryption,
        AllowRenegotiation = false, // Each costs the server more than the client (CVE-2011-1473).
        ApplicationProtocols = [.. rules.Protocols],
        ClientCertificateRequired = rules.Clients != ClientCertificates.None,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        CertificateChainPolicy = KnownChains.NoChain(),
        RemoteCertificateValidationCallback = judge.Takes,
    };

    /// <summary>Judges the certificate of one connection.</summary>
    private sealed class Judge(TlsMaterial material, TlsDoorRules rules)
    {
        public TlsMaterial Material => material;

        public CertificateVerdict? Verdict { get; private set; }

        public string? Why { get; private set; }

        public bool Takes(object sender, X509Certificate? shown, X509Chain? chain, SslPolicyErrors errors)
        {
            // It may do nothing but show its join token.
            if (sender is SslStream stream && stream.NegotiatedApplicationProtocol == TlsDial.Claims)
                return true;
            if (shown is null)
            {
                Why = rules.Clients == ClientCertificates.Require ? "it shows no certificate" : null;
                return Why is null;
            }

            var verdict = material.JudgeShown(shown, chain, isServer: false);
            Why = verdict.Why is { } why ? $"its certificate ({shown.Subject}) is refused: {why}"
                : verdict.Name is not { } name
                    ? $"its certificate ({shown.Subject}) is refused: {verdict.Nobody}"
                : rules.NodesOnly && name.Role != CertificateRole.Node
                    ? $"its certificate is that of {name}: only nodes are served here" : null;
            Verdict = verdict;
            return Why is null;
        }
    }
}
