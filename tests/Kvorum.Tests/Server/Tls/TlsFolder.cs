using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Kvorum.Client;
using Kvorum.Server.Certificates;
using Kvorum.Server.Hosting;
using Kvorum.Server.Tls;

namespace Kvorum.Tests.Server.Tls;

/// <summary>A folder with a CA of its own, and what it signs.</summary>
internal sealed class TlsFolder : IDisposable
{
    public TlsFolder(string name = "Test CA")
    {
        Authority = CertificateMaker.Authority(
            name, DateTimeOffset.UtcNow - TimeSpan.FromDays(30), TimeSpan.FromDays(365));
        File.WriteAllText(AuthorityFile, Authority.ExportCertificatePem());
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("kvorum-tls-").FullName;

    public X509Certificate2 Authority { get; }

    public string AuthorityFile => Path.Combine(Folder, "ca.crt");

    public string ListFile => Path.Combine(Folder, "ca.crl");

    public string Certificate(string name) => Path.Combine(Folder, name + ".crt");

    public string Key(string name) => Path.Combine(Folder, name + ".key");

    /// <summary>A certificate with its key; the files that have its name hold it from now on.</summary>
    public X509Certificate2 Issue(
        CertificateRole role, string name, double startsInDays = 0, double days = 100)
    {
        var made = CertificateMaker.Issue(
            Authority, new(role, name), ["localhost", "127.0.0.1", "::1"],
            DateTimeOffset.UtcNow + TimeSpan.FromDays(startsInDays), TimeSpan.FromDays(days));
        Write(name, made);
        return made;
    }

    public void Write(string name, X509Certificate2 made)
    {
        File.WriteAllText(Certificate(name), made.ExportCertificatePem());
        File.WriteAllText(Key(name), made.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Key(name), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    public void Revoke(params X509Certificate2[] revoked) => File.WriteAllText(
        ListFile, CertificateFiles.ListPem(CertificateMaker.List(
            Authority, revoked.Select(static one => one.SerialNumber), DateTimeOffset.UtcNow,
            TimeSpan.FromDays(30))));

    public TlsFiles Files(string name, bool hasList = false) =>
        new(Certificate(name), Key(name), AuthorityFile, hasList ? ListFile : "");

    /// <summary>The options of a node that has a certificate here.</summary>
    public ServerOptions Secure(ServerOptions options, string name, bool hasList = false) => options with
    {
        TlsCertificate = Certificate(name),
        TlsKey = Key(name),
        TlsAuthorities = AuthorityFile,
        TlsRevoked = hasList ? ListFile : "",
    };

    public KvorumTls ForClient(string? name = null) => name is null ? KvorumTls.FromFiles(AuthorityFile)
        : KvorumTls.FromFiles(AuthorityFile, Certificate(name), Key(name));

    /// <summary>
    /// A CA that may sign others, as those of Kvorum may not: signed by another one, or by itself.
    /// </summary>
    public static X509Certificate2 AnyAuthority(
        string name, DateTimeOffset from, TimeSpan life, X509Certificate2? signer = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        if (signer is null)
            return request.CreateSelfSigned(from, from + life);
        using var made = request.Create(signer, from, from + life, [7]);
        return made.CopyWithPrivateKey(key);
    }

    public void Dispose()
    {
        Authority.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
