using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Kvorum.Server.Certificates;

/// <summary>
/// What certificates, keys and lists look like in files: PEM (RFC 7468), lists also in DER. What is wrong is
/// told as <see cref="FormatException"/>.
/// </summary>
public static class CertificateFiles
{
    private const string ListLabel = "X509 CRL";

    /// <summary>All certificates of a file, in its order; at least one.</summary>
    public static X509Certificate2[] Certificates(ReadOnlySpan<byte> pem)
    {
        var all = new X509Certificate2Collection();
        try
        {
            all.ImportFromPem(Encoding.ASCII.GetString(pem));
        }
        catch (CryptographicException e)
        {
            throw new FormatException($"a certificate in it is malformed: {e.Message}", e);
        }

        return all.Count > 0 ? [.. all] : throw new FormatException("it has no certificate in PEM");
    }

    /// <summary>The certificate with its private key.</summary>
    public static X509Certificate2 WithKey(X509Certificate2 certificate, ReadOnlySpan<byte> keyPem)
    {
        try
        {
            var made = X509Certificate2.CreateFromPem(
                certificate.ExportCertificatePem(), Encoding.ASCII.GetString(keyPem));
            if (!OperatingSystem.IsWindows())
                return made;
            // There the keys of TLS must have been stored.
            using (made)
                return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new FormatException($"it is not the private key of {certificate.Subject}: {e.Message}", e);
        }
    }

    /// <summary>All lists of revoked certificates of a file, which are of these CAs.</summary>
    public static RevocationList[] Lists(
        ReadOnlyMemory<byte> file, IReadOnlyList<X509Certificate2> authorities)
    {
        if (file.Length > RevocationList.BytesMax)
            throw new FormatException($"it has more than {RevocationList.BytesMax} bytes");
        List<RevocationList> lists = [];
        if (file.Span.IndexOf("-----BEGIN"u8) < 0)
            return [RevocationList.Read(file, authorities)];
        var text = Encoding.ASCII.GetString(file.Span).AsSpan();
        while (PemEncoding.TryFind(text, out var fields))
        {
            if (text[fields.Label].SequenceEqual(ListLabel))
            {
                var der = new byte[fields.DecodedDataLength];
                Convert.TryFromBase64Chars(text[fields.Base64Data], der, out var count);
                lists.Add(RevocationList.Read(der.AsMemory(0, count), authorities));
            }

            text = text[fields.Location.End..];
        }

        return lists.Count > 0 ? [.. lists] : throw new FormatException($"it has no {ListLabel} in PEM");
    }

    /// <summary>A list as it is written.</summary>
    public static string ListPem(ReadOnlySpan<byte> der) => PemEncoding.WriteString(ListLabel, der) + "\n";
}
