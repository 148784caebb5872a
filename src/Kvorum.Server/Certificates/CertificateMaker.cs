using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Kvorum.Server.Certificates;

/// <summary>
/// Makes what a cluster needs for TLS: a CA, certificates of nodes and of clients, and lists of revoked ones.
/// Keys are ECDSA on P-256, signatures with SHA-256.
/// </summary>
public static class CertificateMaker
{
    private const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    private const string ClientUsage = "1.3.6.1.5.5.7.3.2";

    // Clocks of a cluster differ by less; who makes a certificate uses it at once.
    private static readonly TimeSpan Before = TimeSpan.FromMinutes(5);

    /// <summary>A CA, with its key. It signs certificates of nodes and clients, and no further CA.</summary>
    public static X509Certificate2 Authority(string name, DateTimeOffset now, TimeSpan life)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(Subject(name), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(
            X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request.CreateSelfSigned(now - Before, now + life);
    }

    /// <summary>
    /// A certificate with its key: a node's is for serving at the hosts and for calling others, a client's
    /// for calling alone. It ends no later than its CA.
    /// </summary>
    /// <param name="authority">The CA, with its key.</param>
    /// <param name="name">Whose it is.</param>
    /// <param name="hosts">Names and addresses where a node is dialled.</param>
    /// <param name="now">The time.</param>
    /// <param name="life">How long it is valid.</param>
    public static X509Certificate2 Issue(
        X509Certificate2 authority, CertificateName name, IEnumerable<string> hosts, DateTimeOffset now,
        TimeSpan life)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(Subject(name.Name), key, HashAlgorithmName.SHA256);
        var usages = new OidCollection { new(ClientUsage) };
        if (name.Role == CertificateRole.Node)
            usages.Add(new(ServerUsage));
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(name.ToUri());
        foreach (var host in hosts)
        {
            if (IPAddress.TryParse(host, out var address))
                names.AddIpAddress(address);
            else
                names.AddDnsName(host);
        }

        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(usages, critical: false));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(
            authority, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        var (from, until) = (now - Before, now + life);
        using var made = request.Create(
            authority, from > authority.NotBefore ? from : authority.NotBefore,
            until < authority.NotAfter ? until : authority.NotAfter, Serial());
        return CertificateName.Of(made, out _) == name ? made.CopyWithPrivateKey(key)
            : throw new ArgumentException($"'{name.Name}' cannot stand in a certificate", nameof(name));
    }

    /// <summary>
    /// A list of revoked certificates, in DER, numbered by the time.
    /// </summary>
    public static byte[] List(
        X509Certificate2 authority, IEnumerable<string> serials, DateTimeOffset now, TimeSpan life)
    {
        var list = new CertificateRevocationListBuilder();
        foreach (var serial in serials.Distinct(StringComparer.Ordinal))
            list.AddEntry(Convert.FromHexString(serial), now);
        return list.Build(
            authority, now.ToUnixTimeMilliseconds(), now + life, HashAlgorithmName.SHA256,
            thisUpdate: now - Before);
    }

    private static X500DistinguishedName Subject(string name)
    {
        var builder = new X500DistinguishedNameBuilder();
        builder.AddCommonName(name);
        return builder.Build();
    }

    // Positive, and of 127 bits.
    private static byte[] Serial()
    {
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)((serial[0] & 0x7F) | 0x40);
        return serial;
    }
}
