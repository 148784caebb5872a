using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Kvorum.Server.Certificates;
using Kvorum.Server.Tls;

namespace Kvorum.Server.Peers;

/// <summary>The member that was asked is not of the token's cluster.</summary>
internal sealed class ClaimDistrustException(string message) : Exception(message);

/// <summary>
/// Shows a join token to a member, and takes the sealed certificate. Nothing of the token is sent before the
/// member has shown a certificate that the token's CA has signed. Any thread.
/// </summary>
/// <param name="token">The token.</param>
/// <param name="claimant">What this node has drawn, the same at each try.</param>
internal sealed class JoinClaim(JoinToken token, byte[] claimant)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(25);

    /// <summary>
    /// Asks one member. <see cref="PeerRefusedException"/> if it refuses,
    /// <see cref="ClaimDistrustException"/> if it is none of the cluster, and what
    /// <see cref="PeerDial.IsExpected"/> knows.
    /// </summary>
    /// <param name="address">Its --peer-addr.</param>
    /// <param name="keep">Puts what came on the disk.</param>
    /// <param name="cancelled">Ends it.</param>
    public async Task Ask(string address, Action<JoinBundle> keep, CancellationToken cancelled)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancelled);
        patience.CancelAfter(Patience);
        var plain = await PeerDial.Connect(address, null, patience.Token).ConfigureAwait(false);
        X509Certificate2? shown = null;
        var between = new X509Certificate2Collection();
        await using var stream = new SslStream(plain, leaveInnerStreamOpen: false);
        try
        {
            await stream.AuthenticateAsClientAsync(Options(), patience.Token).ConfigureAwait(false);
        }
        catch (AuthenticationException e)
        {
            throw new IOException($"no TLS came to stand: {e.Message}", e);
        }

        using var connection = new PeerConnection(stream, new(), TimeProvider.System);
        await connection.Reader.ReadPreamble(patience.Token).ConfigureAwait(false);
        var frame = await connection.Reader.Read(PeerWire.JoinAnswerBytesMax, patience.Token)
            .ConfigureAwait(false);
        if (frame.Kind == PeerWire.Refused)
            throw new PeerRefusedException(PeerWire.DecodeRefusal(frame.Payload));
        Check(frame, shown, between);
        await connection.SendOpening(
            ClaimWire.Claim, ClaimWire.EncodeClaim(token.Id, token.Proof, claimant), patience.Token)
            .ConfigureAwait(false);
        frame = await connection.Reader.Read(PeerWire.JoinAnswerBytesMax, patience.Token)
            .ConfigureAwait(false);
        if (frame.Kind == PeerWire.Refused)
            throw new PeerRefusedException(PeerWire.DecodeRefusal(frame.Payload));
        if (frame.Kind != ClaimWire.Sealed)
            throw new PeerWireException($"it answered a join token with a frame of kind {frame.Kind}");
        keep(Opened(frame.Payload));
        await connection.Farewell(PeerWire.EncodeFrame(ClaimWire.Kept, [])).ConfigureAwait(false);

        SslClientAuthenticationOptions Options() => new()
        {
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            EncryptionPolicy = EncryptionPolicy.RequireEncryption,
            ApplicationProtocols = [TlsDial.Claims],
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            // Which CA it is has to be heard first: the certificate is judged then, before anything is said.
            RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
            {
                if (certificate is null)
                    return false;
                shown = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
                foreach (var one in chain?.ChainPolicy.ExtraStore ?? [])
                    between.Add(X509CertificateLoader.LoadCertificate(one.RawData));
                return true;
            },
        };
    }

    private void Check(ReceivedFrame frame, X509Certificate2? shown, X509Certificate2Collection between)
    {
        if (frame.Kind != ClaimWire.Authorities)
        {
            throw new PeerWireException(
                $"it began with a frame of kind {frame.Kind}, and takes no join tokens");
        }

        X509Certificate2[] all;
        try
        {
            all = ClaimWire.DecodeAuthorities(frame.Payload);
        }
        catch (CryptographicException e)
        {
            throw new PeerWireException($"its list of CAs is malformed: {e.Message}");
        }

        if (shown is null || all.FirstOrDefault(token.Trusts) is not { } authority)
        {
            throw new ClaimDistrustException(
                "it believes another CA than the token is for: it is of another cluster, or somebody poses "
                + "as a member. Nothing was shown to it");
        }

        var verdict = new Authorities([authority], []).Judge(
            shown, between, isServer: true, DateTimeOffset.UtcNow);
        if (verdict.WhyNoNode is { } why)
        {
            throw new ClaimDistrustException(
                $"its certificate ({shown.Subject}) is refused: {why}. Nothing was shown to it");
        }
    }

    private JoinBundle Opened(byte[] made)
    {
        try
        {
            return token.Open(made);
        }
        catch (FormatException e)
        {
            throw new ClaimDistrustException($"what it gave cannot be opened: {e.Message}");
        }
    }
}
