using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Kvorum.Cli.CommandLine;
using Kvorum.Server.Certificates;

namespace Kvorum.Cli.Certificates;

/// <summary>Certificates and lists of revoked ones, for people.</summary>
internal static class CertificateText
{
    /// <summary>All certificates of a file, or a list of revoked ones.</summary>
    public static void Show(TextWriter output, CertificateStore store, string path)
    {
        if (CertificateStore.Read(path, static bytes => bytes.AsSpan().IndexOf("BEGIN X509 CRL"u8) >= 0))
        {
            using var authority = CertificateStore.Read(
                store.CertificatePath(CertificateStore.AuthorityName),
                static bytes => CertificateFiles.Certificates(bytes)[0]);
            Show(output, path, CertificateStore.Read(
                path, bytes => CertificateFiles.Lists(bytes, [authority])[0]));
            return;
        }

        foreach (var one in CertificateStore.Read(path, static bytes => CertificateFiles.Certificates(bytes)))
        {
            using (one)
                Show(output, path, one);
        }
    }

    private static void Show(TextWriter output, string path, X509Certificate2 one)
    {
        var isAuthority = one.Extensions.OfType<X509BasicConstraintsExtension>()
            .Any(static basic => basic.CertificateAuthority);
        var who = isAuthority ? $"CA {Name(one.SubjectName)}"
            : CertificateName.Of(one, out var why) is { } name ? $"{name}"
                : $"{Name(one.SubjectName)} ({why})";
        output.WriteLine($"{path}: {who}");
        Line("valid", $"{Time(one.NotBefore)} to {Time(one.NotAfter)}{State(one)}");
        if (Hosts(one) is { Length: > 0 } hosts)
            Line("hosts", string.Join(", ", hosts));
        Line("signed by", Name(one.IssuerName));
        Line("serial", one.SerialNumber);
        Line("SHA-256", one.GetCertHashString(HashAlgorithmName.SHA256));

        void Line(string what, string text) => output.WriteLine($"  {what,-10} {text}");
    }

    private static void Show(TextWriter output, string path, RevocationList list)
    {
        output.WriteLine(
            $"{path}: {list.Serials.Count} revoked certificate(s) of {Name(list.Issuer.SubjectName)}");
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"  valid      {list.From:u} to {list.Until:u}"));
        foreach (var serial in list.Serials.Order(StringComparer.Ordinal))
            output.WriteLine($"  serial     {serial}");
    }

    private static string[] Hosts(X509Certificate2 one) =>
    [
        .. one.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(static names =>
            names.EnumerateDnsNames().Concat(
                names.EnumerateIPAddresses().Select(static ip => ip.ToString()))),
    ];

    private static string State(X509Certificate2 one) => DateTime.Now switch
    {
        var now when now > one.NotAfter => " (expired)",
        var now when now < one.NotBefore => " (not yet)",
        _ => "",
    };

    private static string Name(X500DistinguishedName name) => Bytes.Shown(
        name.EnumerateRelativeDistinguishedNames().Select(static part => part.GetSingleElementValue())
            .LastOrDefault(static value => value is not null) ?? name.Name);

    private static string Time(DateTime time) =>
        time.ToUniversalTime().ToString("u", CultureInfo.InvariantCulture);
}
