using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Kvorum.Server.Certificates;

namespace Kvorum.Server.Tls;

/// <summary>The other side does not speak TLS, or ends it before it has shown who it is.</summary>
internal sealed class NoTlsException(string why) : IOException(why);

/// <summary>The other side shows a certificate that is not believed.</summary>
internal sealed class TlsDistrustException(string why) : IOException(why);

/// <summary>
/// The caller's side of TLS between nodes. The certificate must be a node's, of a CA that is believed; whose
/// it is, is compared with what the other side says of itself, not with where it was dialled: a node may be
/// reached by many addresses, and has one name.
/// </summary>
/// <param name="keeper">The own certificate, and who is believed.</param>
/// <param name="takesPlain">True if a node that speaks no TLS is met plainly.</param>
internal sealed class TlsDial(TlsKeeper keeper, bool takesPlain)
{
    /// <summary>What nodes speak with each other, by ALPN.</summary>
    public static readonly SslApplicationProtocol Peers = new("kvorum-peer");

    /// <summary>What a new node speaks that shows a join token, and has no certificate yet.</summary>
    public static readonly SslApplicationProtocol Claims = new("kvorum-claim");

    /// <summary>True if a node that speaks no TLS is met plainly.</summary>
    public bool TakesPlain => takesPlain;

    /// <summary>Makes the connection an encrypted one; closes it if that fails.</summary>
    public async Task<TlsStream> ConnectAsync(Socket socket, Stream stream, CancellationToken cancel)
    {
        var tls = new TlsStream(socket, stream, keeper);
        var material = keeper.Now;
        CertificateVerdict? verdict = null;
        string? why = null;
        try
        {
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    ClientCertificateContext = material.Context,
                    EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                    EncryptionPolicy = EncryptionPolicy.RequireEncryption,
                    ApplicationProtocols = [Peers],
                    CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                    CertificateChainPolicy = KnownChains.NoChain(),
                    RemoteCertificateValidationCallback = Takes,
                },
                cancel).ConfigureAwait(false);
            tls.Met(verdict);
            tls.Stay();
            return tls;
        }
        catch (Exception e) when (e is AuthenticationException or IOException or InvalidOperationException)
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            if (why is not null)
                throw new TlsDistrustException(why);
            var reason = e.InnerException is { } inner ? $"{e.Message} ({inner.Message})" : e.Message;
            throw new NoTlsException(
                $"no TLS came to stand: {reason.TrimEnd('.')}; is it started with --tls-cert, and what does "
                + "its log say?");
        }
        catch
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        bool Takes(object sender, X509Certificate? shown, X509Chain? chain, SslPolicyErrors errors)
        {
            if (shown is null || chain is null)
            {
                why = "it shows no certificate";
                return false;
            }

            verdict = material.JudgeShown(shown, chain, isServer: true);
            why = verdict.WhyNoNode is { } refused
                ? $"its certificate ({shown.Subject}) is refused: {refused}" : null;
            return why is null;
        }
    }
}
