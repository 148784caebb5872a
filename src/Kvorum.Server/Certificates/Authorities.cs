using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Kvorum.Server.Certificates;

/// <summary>
/// The CAs that a node believes, and what they have revoked. Nothing else is believed, the machine's own CAs
/// least of all, and nothing is ever downloaded. Immutable; any thread.
/// </summary>
/// <param name="certificates">The CAs.</param>
/// <param name="lists">Their lists of revoked certificates.</param>
internal sealed class Authorities(X509Certificate2[] certificates, RevocationList[] lists)
{
    private static readonly Oid Server = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid Client = new("1.3.6.1.5.5.7.3.2");

    /// <summary>The CAs.</summary>
    public IReadOnlyList<X509Certificate2> Certificates => certificates;

    /// <summary>Their lists.</summary>
    public IReadOnlyList<RevocationList> Lists => lists;

    /// <summary>Builds the chain of a certificate, and judges it.</summary>
    public CertificateVerdict Judge(
        X509Certificate2 certificate, IEnumerable<X509Certificate2> between, bool isServer,
        DateTimeOffset now)
    {
        using var chain = new X509Chain
        {
            ChainPolicy = new()
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck, // It is looked up in the lists.
                DisableCertificateDownloads = true,
                VerificationTime = now.UtcDateTime,
            },
        };
        chain.ChainPolicy.CustomTrustStore.AddRange(certificates);
        chain.ChainPolicy.ApplicationPolicy.Add(isServer ? Server : Client);
        chain.ChainPolicy.ExtraStore.AddRange(between.ToArray());
        chain.Build(certificate);
        var verdict = Judge(certificate, chain, now);
        foreach (var element in chain.ChainElements)
            element.Certificate.Dispose();
        return verdict;
    }

    private CertificateVerdict Judge(X509Certificate2 certificate, X509Chain chain, DateTimeOffset now)
    {
        X509Certificate2[] path = [.. chain.ChainElements.Select(static element => element.Certificate)];
        var why = WhyNotAt(certificate, now) ?? WhyNot(chain)
            ?? path.Select(one => WhyNotAt(one, now)).FirstOrDefault(static one => one is not null);
        if (why is null && path.Length == 0)
            why = "it has no chain";
        ChainLink[] links = [.. path.Take(path.Length - 1).Select(static one => new ChainLink(
            one.IssuerName.RawData, one.SerialNumber))];
        why ??= WhyRevoked(links) ?? WhyNoSigner(certificate);
        if (why is not null)
            return new() { Why = why };
        var name = CertificateName.Of(certificate, out var nobody);
        return new()
        {
            Name = name,
            Nobody = nobody,
            Links = links,
            Anchor = path[^1].RawData,
            From = path.Max(static one => new DateTimeOffset(one.NotBefore)),
            Until = path.Min(static one => new DateTimeOffset(one.NotAfter)),
        };
    }

    /// <summary>Why a chain that was believed is so no longer, though it may still be in its time.</summary>
    public string? WhyNoLonger(CertificateVerdict verdict) =>
        certificates.Any(one => one.RawData.AsSpan().SequenceEqual(verdict.Anchor))
            ? WhyRevoked(verdict.Links) : "its CA is not in the CA file any more";

    private static string? WhyNotAt(X509Certificate2 one, DateTimeOffset now) =>
        now < one.NotBefore ? $"{one.Subject} is not valid before {one.NotBefore.ToUniversalTime():u}: is a "
            + "clock wrong?"
        : now > one.NotAfter ? $"{one.Subject} has expired at {one.NotAfter.ToUniversalTime():u}" : null;

    // RFC 5280, 4.2.1.3: a handshake is signed with it. Chains are built without a look at this.
    private static string? WhyNoSigner(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509KeyUsageExtension>().FirstOrDefault() is { } usage
            && !usage.KeyUsages.HasFlag(X509KeyUsageFlags.DigitalSignature)
            ? "its key usage does not allow signatures, and a handshake is one" : null;

    private static string? WhyNot(X509Chain chain)
    {
        var all = chain.ChainStatus.Aggregate(
            X509ChainStatusFlags.NoError, static (before, one) => before | one.Status);
        if (all == X509ChainStatusFlags.NoError)
            return null;
        if ((all & (X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot)) != 0)
            return "it is signed by no CA of the CA file";
        if ((all & X509ChainStatusFlags.NotValidForUsage) != 0)
            return "its extended key usage does not allow what it is used for here";
        return string.Join(' ', chain.ChainStatus.Select(static one => one.StatusInformation.Trim()));
    }

    private string? WhyRevoked(IEnumerable<ChainLink> links)
    {
        foreach (var link in links)
        {
            if (Array.Exists(lists, list => list.Revokes(link.Issuer, link.Serial)))
                return $"the certificate with serial number {link.Serial} is revoked";
        }

        return null;
    }
}

/// <summary>One certificate of a chain, by what a list of revoked ones names it.</summary>
internal readonly record struct ChainLink(byte[] Issuer, string Serial);

/// <summary>What a certificate is worth.</summary>
internal sealed record CertificateVerdict
{
    /// <summary>Why it is not believed; null if it is.</summary>
    public string? Why { get; init; }

    /// <summary>Who it names; null if nobody, which <see cref="Nobody"/> explains.</summary>
    public CertificateName? Name { get; init; }

    /// <summary>Why it names nobody.</summary>
    public string Nobody { get; init; } = "";

    /// <summary>Why it is not that of a believed node; null if it is.</summary>
    public string? WhyNoNode => Why ?? (Name is not { } name ? Nobody
        : name.Role != CertificateRole.Node ? $"it is that of {name}" : null);

    /// <summary>The certificates below the CA.</summary>
    public ChainLink[] Links { get; init; } = [];

    /// <summary>The CA.</summary>
    public byte[] Anchor { get; init; } = [];

    /// <summary>When the youngest certificate of the chain begins.</summary>
    public DateTimeOffset From { get; init; }

    /// <summary>When the first certificate of the chain ends: no longer valid then, by OpenSSL.</summary>
    public DateTimeOffset Until { get; init; }
}
