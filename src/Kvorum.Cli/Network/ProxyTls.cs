using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Kvorum.Server.Certificates;

namespace Kvorum.Cli.Network;

/// <summary>
/// TLS on both sides of a proxy: towards the node that dials it poses as the node behind it, and towards that
/// as the node that dials. It has the keys of all, because the cluster is its own.
/// </summary>
/// <param name="behind">The name of the node behind it.</param>
/// <param name="certificateOf">Each node's certificate, with its key.</param>
internal sealed class ProxyTls(string behind, Func<string, X509Certificate2> certificateOf)
{
    private static readonly SslApplicationProtocol Peers = new("kvorum-peer");

    /// <summary>The dialler's side, and the name in the certificate that it shows.</summary>
    public async Task<(Stream Stream, string Who)> AcceptAsync(Stream plain, CancellationToken cancelled)
    {
        var who = "";
        var stream = new SslStream(plain);
        await stream.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions
            {
                ServerCertificate = certificateOf(behind),
                ApplicationProtocols = [Peers],
                ClientCertificateRequired = true,
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                // The node behind judges it.
                RemoteCertificateValidationCallback = (_, shown, _, _) =>
                {
                    if (shown is null)
                        return false;
                    using var copy = X509CertificateLoader.LoadCertificate(shown.GetRawCertData());
                    who = CertificateName.Of(copy, out var _)?.Name ?? "";
                    return who.Length > 0;
                },
            },
            cancelled).ConfigureAwait(false);
        return (stream, who);
    }

    /// <summary>The side of the node behind it, which takes it for the dialler.</summary>
    public async Task<Stream> ConnectAsync(Stream plain, string who, CancellationToken cancelled)
    {
        var stream = new SslStream(plain);
        var expected = certificateOf(behind).GetRawCertData();
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                ClientCertificateContext = SslStreamCertificateContext.Create(
                    certificateOf(who), null, offline: true),
                ApplicationProtocols = [Peers],
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                RemoteCertificateValidationCallback = (_, shown, _, _) =>
                    shown is not null && shown.GetRawCertData().AsSpan().SequenceEqual(expected),
            },
            cancelled).ConfigureAwait(false);
        return stream;
    }
}
