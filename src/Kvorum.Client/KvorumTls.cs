using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Kvorum.Client;

/// <summary>
/// How a client speaks TLS with the nodes of a cluster: whom it believes, and who it is. A node is believed
/// if
/// one of the CAs has signed its certificate, and if that names the host that was dialled; the machine's own
/// CAs are not asked, and nothing is downloaded. Immutable; for any number of clients.
/// </summary>
public sealed class KvorumTls
{
    private static readonly SslApplicationProtocol Protocol = new("kvorum");

    private readonly X509Certificate2[] _authorities;
    private readonly SslStreamCertificateContext? _own;

    /// <param name="authorities">The CAs of the cluster.</param>
    /// <param name="certificate">
    /// Who the program is, with the private key; null if the nodes do not ask.
    /// </param>
    public KvorumTls(IEnumerable<X509Certificate2> authorities, X509Certificate2? certificate = null)
    {
        _authorities = [.. authorities];
        if (_authorities.Length == 0)
            throw new ArgumentException("name at least one CA", nameof(authorities));
        if (certificate is { HasPrivateKey: false })
            throw new ArgumentException("the certificate has no private key", nameof(certificate));
        _own = certificate is null ? null
            : SslStreamCertificateContext.Create(certificate, null, offline: true);
    }

    /// <summary>
    /// From files in PEM, as <c>kvorum cert</c> makes them. <see cref="ArgumentException"/> names the file
    /// that
    /// cannot be used.
    /// </summary>
    /// <param name="authorityFile">The CAs of the cluster.</param>
    /// <param name="certificateFile">The program's certificate; null for none.</param>
    /// <param name="keyFile">Its private key.</param>
    public static KvorumTls FromFiles(
        string authorityFile, string? certificateFile = null, string? keyFile = null)
    {
        if ((certificateFile is null) != (keyFile is null))
            throw new ArgumentException(
                "a certificate and its key go together: one of the files is not named");
        var authorities = new X509Certificate2Collection();
        Read(authorityFile, path => authorities.ImportFromPemFile(path));
        if (authorities.Count == 0)
            throw new ArgumentException($"{authorityFile} cannot be used: it has no certificate in PEM");
        if (certificateFile is null)
            return new(authorities);
        X509Certificate2? own = null;
        Read(certificateFile, path => own = X509Certificate2.CreateFromPemFile(path, keyFile));
        if (OperatingSystem.IsWindows())
        {
            // There the keys of TLS must have been stored.
            var stored = own!.Export(X509ContentType.Pkcs12);
            own = X509CertificateLoader.LoadPkcs12(stored, null);
        }

        return new(authorities, own);
    }

    /// <summary>
    /// Makes the connection an encrypted one; owns the stream from now on. <see cref="IOException"/> says why
    /// there is none.
    /// </summary>
    internal async Task<Stream> OpenAsync(Stream stream, string host, CancellationToken cancelled)
    {
        var tls = new SslStream(stream);
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(_authorities);
        string? distrust = null;
        try
        {
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = host,
                    ClientCertificateContext = _own,
                    EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                    EncryptionPolicy = EncryptionPolicy.RequireEncryption,
                    ApplicationProtocols = [Protocol],
                    CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                    CertificateChainPolicy = policy,
                    RemoteCertificateValidationCallback = (_, shown, chain, errors) =>
                        (distrust = WhyNot(shown as X509Certificate2, chain, errors, host)) is null,
                },
                cancelled).ConfigureAwait(false);
            return tls;
        }
        catch (Exception e) when (e is AuthenticationException or IOException or InvalidOperationException)
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            throw new IOException(
                distrust ?? "no TLS came to stand: is the node plain, or does its log say why it refuses "
                    + $"this client? ({e.InnerException?.Message ?? e.Message})",
                e);
        }
        catch
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static string? WhyNot(
        X509Certificate2? shown, X509Chain? chain, SslPolicyErrors errors, string host)
    {
        if (errors == SslPolicyErrors.None)
            return null;
        if (shown is null)
            return "the node shows no certificate";
        var why = DateTime.Now switch
        {
            var now when now > shown.NotAfter => $"it has expired at {shown.NotAfter.ToUniversalTime():u}",
            var now when now < shown.NotBefore =>
                $"it is not valid before {shown.NotBefore.ToUniversalTime():u}",
            _ when chain is not null && chain.ChainStatus.Any(static one => one.Status
                is X509ChainStatusFlags.UntrustedRoot or X509ChainStatusFlags.PartialChain) =>
                "it is signed by none of the CAs given",
            _ when errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) =>
                $"it does not name {host}, which was dialled",
            _ => chain is null ? $"{errors}"
                : string.Join(' ', chain.ChainStatus.Select(static one => one.StatusInformation.Trim())),
        };
        return $"the node's certificate ({shown.Subject}) is refused: {why}";
    }

    private static void Read(string path, Action<string> read)
    {
        try
        {
            read(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new ArgumentException($"{path} cannot be used: {e.Message}", e);
        }
    }
}
