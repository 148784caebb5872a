using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Kvorum.Server.Certificates;

namespace Kvorum.Server.Tls;

/// <summary>A file of TLS that cannot be used; the message names flag, file, reason and remedy.</summary>
internal sealed class TlsFileException(string message) : Exception(message);

/// <summary>The files that a node's TLS is made of.</summary>
/// <param name="Certificate">The node's certificate, and those between it and the CA.</param>
/// <param name="Key">Its private key.</param>
/// <param name="Authorities">The CAs that are believed.</param>
/// <param name="Lists">Their lists of revoked certificates; empty for none.</param>
internal sealed record TlsFiles(string Certificate, string Key, string Authorities, string Lists)
{
    private IEnumerable<(string Flag, string Path)> All =>
        new[] { ("--tls-cert", Certificate), ("--tls-key", Key), ("--tls-ca", Authorities),
            ("--tls-crl", Lists) }
            .Where(static file => file.Item2.Length > 0);

    /// <summary>Reads all files: what they hold, or why one cannot be read.</summary>
    public TlsBytes Read()
    {
        Dictionary<string, byte[]> read = [];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (flag, path) in All)
        {
            try
            {
                var bytes = File.ReadAllBytes(path);
                read[flag] = bytes;
                hash.AppendData(SHA256.HashData(bytes));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                var why = $"{flag} {path} cannot be read: {e.Message}";
                return new(why, why, read);
            }
        }

        return new(null, Convert.ToHexString(hash.GetHashAndReset()), read);
    }

    /// <summary>What the bytes mean; <see cref="TlsFileException"/> if they cannot be used.</summary>
    public TlsMaterial Load(TlsBytes bytes, DateTimeOffset now)
    {
        try
        {
            return bytes.Failure is { } failure ? throw new TlsFileException(failure) : LoadAll(bytes, now);
        }
        catch (Exception e) when (e is CryptographicException or NotSupportedException or ArgumentException)
        {
            throw Unusable("--tls-cert", Certificate, e.Message);
        }
    }

    private TlsMaterial LoadAll(TlsBytes bytes, DateTimeOffset now)
    {
        var authorities = Of(
            "--tls-ca", Authorities, () => CertificateFiles.Certificates(bytes.Of("--tls-ca")));
        var lists = Lists.Length == 0 ? [] : Of("--tls-crl", Lists, () => CertificateFiles.Lists(
            bytes.Of("--tls-crl"), authorities));
        foreach (var why in lists.Select(list => list.WhyNotAt(now)).OfType<string>())
            throw Unusable("--tls-crl", Lists, why);
        if (FileRights.WhyNoSecret(Key) is { } open)
            throw Unusable("--tls-key", Key, open);
        var chain = Of(
            "--tls-cert", Certificate, () => CertificateFiles.Certificates(bytes.Of("--tls-cert")));
        var own = Of("--tls-key", Key, () => CertificateFiles.WithKey(chain[0], bytes.Of("--tls-key")));
        var believed = new Authorities(authorities, lists);
        foreach (var isServer in new[] { true, false })
        {
            if (believed.Judge(own, chain.Skip(1), isServer, now).Why is { } why)
                throw Unusable("--tls-cert", Certificate, why);
        }

        return CertificateName.Of(own, out var nobody) switch
        {
            null => throw Unusable("--tls-cert", Certificate, nobody),
            { Role: CertificateRole.Node } name => new(name.Name, own, Context(own, chain), believed),
            var other => throw Unusable(
                "--tls-cert", Certificate, $"it is that of {other}: make one with kvorum cert node NAME"),
        };
    }

    private static SslStreamCertificateContext Context(X509Certificate2 own, X509Certificate2[] chain) =>
        // Offline: certificates in between are in the file, or nowhere.
        SslStreamCertificateContext.Create(own, [.. chain.Skip(1)], offline: true);

    private static T Of<T>(string flag, string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (FormatException e)
        {
            throw Unusable(flag, path, e.Message);
        }
    }

    private static TlsFileException Unusable(string flag, string path, string why) =>
        new($"{flag} {path} cannot be used: {why}");
}

/// <summary>What the files hold.</summary>
/// <param name="Failure">Why one cannot be read.</param>
/// <param name="Mark">Differs as soon as a file does.</param>
/// <param name="Contents">By flag.</param>
internal sealed record TlsBytes(string? Failure, string Mark, IReadOnlyDictionary<string, byte[]> Contents)
{
    public byte[] Of(string flag) => Contents[flag];
}

/// <summary>What TLS is made of at one time. Immutable.</summary>
/// <param name="NodeName">The node that the own certificate names.</param>
/// <param name="Own">The own certificate, with its key.</param>
/// <param name="Context">The same with those between it and the CA: tickets of sessions belong to it.</param>
/// <param name="Authorities">Who is believed.</param>
internal sealed record TlsMaterial(
    string NodeName, X509Certificate2 Own, SslStreamCertificateContext Context, Authorities Authorities)
{
    /// <summary>What they have believed: it ends with them.</summary>
    public KnownChains Known { get; } = new(Authorities);

    /// <summary>The names of hosts in the own certificate: under them clients ask for the node.</summary>
    public IEnumerable<string> HostNames => Own.Extensions
        .OfType<X509SubjectAlternativeNameExtension>().SelectMany(static names => names.EnumerateDnsNames());

    /// <summary>Judges what the runtime has found the other side of a connection to show.</summary>
    public CertificateVerdict JudgeShown(X509Certificate shown, X509Chain? chain, bool isServer) =>
        shown is X509Certificate2 certificate && chain is not null
            ? Known.Judge(certificate, chain.ChainPolicy.ExtraStore, isServer, DateTimeOffset.UtcNow)
            : new() { Why = "it has no chain" };
}
