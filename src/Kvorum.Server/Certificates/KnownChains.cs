using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Kvorum.Server.Certificates;

/// <summary>
/// Verdicts on chains that were believed. Who comes again, above all who resumes a session, shows the same
/// certificates, and to build and check their chain costs more than to look here. The same certificates,
/// shown for the same use while all of their chain is in its time, are believed again; anything else is
/// judged in full. Refusals are not kept, since anybody can cause more of them. It belongs to one set of CAs
/// and lists: what other ones say begins with nothing. Any thread.
/// </summary>
/// <param name="authorities">Who is believed, and what is revoked.</param>
/// <param name="generationMax">Chains of a generation.</param>
internal sealed class KnownChains(Authorities authorities, int generationMax = KnownChains.GenerationMax)
{
    /// <summary>Chains of a generation, of which there are two: some kilobytes each.</summary>
    public const int GenerationMax = 1024;

    private readonly TwoGenerations<Digest, CertificateVerdict> _kept = new(generationMax);
    private readonly TwoGenerations<Digest, byte[][]> _between = new(generationMax);
    private long _judged;

    /// <summary>Chains that are kept.</summary>
    public int Count => _kept.Count;

    /// <summary>Chains that were judged in full.</summary>
    public long Judged => Interlocked.Read(ref _judged);

    /// <summary>
    /// The runtime builds a chain for each connection, also one that resumes a session, before it asks for a
    /// verdict. With this it does so in vain, without any CA, which costs little: what it finds is not
    /// looked at.
    /// </summary>
    public static X509ChainPolicy NoChain() => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        RevocationMode = X509RevocationMode.NoCheck,
        DisableCertificateDownloads = true,
    };

    /// <summary>Judges what the other side of a connection shows.</summary>
    /// <param name="shown">Its certificate.</param>
    /// <param name="between">What it shows beside it.</param>
    /// <param name="isServer">True if the other side is the server.</param>
    /// <param name="now">The time.</param>
    public CertificateVerdict Judge(
        X509Certificate2 shown, X509Certificate2Collection between, bool isServer, DateTimeOffset now)
    {
        var digest = DigestOf(shown, between, isServer);
        if (_kept.TryFind(digest, out var known) && known!.From <= now && now < known.Until)
            return known;
        Interlocked.Increment(ref _judged);
        var verdict = authorities.Judge(shown, between, isServer, now);
        if (verdict.Why is not null && between.Count == 0 && _between.TryFind(digest, out var before))
            verdict = JudgeWith(shown, before!, isServer, now);
        if (verdict is not { Why: null, Name: not null })
            return verdict;
        _kept.Add(digest, verdict);
        if (between.Count > 0)
            _between.Add(DigestOf(shown, [], isServer), [.. between.Select(static one => one.RawData)]);
        return verdict;
    }

    // A session keeps the certificate alone. Who resumes it has shown before what lies between it and the CA.
    private CertificateVerdict JudgeWith(
        X509Certificate2 shown, byte[][] before, bool isServer, DateTimeOffset now)
    {
        X509Certificate2[] between = [.. before.Select(X509CertificateLoader.LoadCertificate)];
        try
        {
            return authorities.Judge(shown, between, isServer, now);
        }
        finally
        {
            foreach (var one in between)
                one.Dispose();
        }
    }

    // Each length stands before its bytes: no two shows are the same bytes.
    private static Digest DigestOf(X509Certificate2 shown, X509Certificate2Collection between, bool isServer)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData([isServer ? (byte)1 : (byte)0]);
        Append(shown);
        foreach (var one in between)
            Append(one);
        Span<byte> whole = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(whole);
        return Digest.OfHash(whole);

        void Append(X509Certificate2 one)
        {
            var bytes = one.RawDataMemory.Span;
            Span<byte> length = stackalloc byte[sizeof(int)];
            BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }
    }
}
