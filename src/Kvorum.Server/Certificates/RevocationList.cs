using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Kvorum.Server.Certificates;

/// <summary>
/// A list of revoked certificates (RFC 5280, section 5), read and checked here because the runtime takes none
/// from a file. Its signature by a known CA is checked as it is read; whether it is current depends on the
/// time.
/// </summary>
/// <remarks>
/// <code>
/// CertificateList = SEQUENCE { tbs, algorithm, signature BIT STRING }
/// tbs = SEQUENCE { [version INTEGER 1] algorithm issuer thisUpdate [nextUpdate]
///                  [SEQUENCE OF SEQUENCE { serial INTEGER, time, [extensions] }] [[0] extensions] }
/// </code>
/// </remarks>
public sealed class RevocationList
{
    /// <summary>Greatest list that is read, in bytes.</summary>
    public const int BytesMax = 16 << 20;

    private const string NumberExtension = "2.5.29.20";
    private const string AuthorityKeyExtension = "2.5.29.35";

    private static readonly Asn1Tag ExtensionsTag = new(TagClass.ContextSpecific, 0, isConstructed: true);

    private readonly HashSet<string> _serials;

    private RevocationList(
        X509Certificate2 issuer, DateTimeOffset from, DateTimeOffset until, HashSet<string> serials) =>
        (Issuer, From, Until, _serials) = (issuer, from, until, serials);

    /// <summary>The CA that has signed it.</summary>
    public X509Certificate2 Issuer { get; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset From { get; }

    /// <summary>When the next one is due: later it says nothing reliable.</summary>
    public DateTimeOffset Until { get; }

    /// <summary>Serial numbers of revoked certificates, in hexadecimal digits.</summary>
    public IReadOnlyCollection<string> Serials => _serials;

    /// <summary>
    /// Reads a list; <see cref="FormatException"/> says why it is none, or none of the given CAs.
    /// </summary>
    public static RevocationList Read(ReadOnlyMemory<byte> der, IEnumerable<X509Certificate2> authorities)
    {
        try
        {
            return ReadWhole(der, authorities);
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            throw new FormatException($"it is no list of revoked certificates: {e.Message}", e);
        }
    }

    /// <summary>True if a certificate of that issuer and number is revoked.</summary>
    public bool Revokes(ReadOnlySpan<byte> issuer, string serial) =>
        issuer.SequenceEqual(Issuer.SubjectName.RawData) && _serials.Contains(serial);

    /// <summary>Why it cannot be relied on at that time; null if it can.</summary>
    public string? WhyNotAt(DateTimeOffset now) => now < From
        ? $"it is made in the future, at {From:u}: is the clock right?"
        : now > Until ? $"it ended at {Until:u}: make a new one with kvorum cert revoke" : null;

    private static RevocationList ReadWhole(
        ReadOnlyMemory<byte> der, IEnumerable<X509Certificate2> authorities)
    {
        var outer = new AsnReader(der, AsnEncodingRules.DER);
        var list = outer.ReadSequence();
        outer.ThrowIfNotEmpty();
        var signed = list.PeekEncodedValue();
        var body = list.ReadSequence();
        var algorithm = list.ReadSequence().ReadObjectIdentifier();
        var signature = list.ReadBitString(out var unusedBits);
        list.ThrowIfNotEmpty();
        if (unusedBits != 0)
            throw new FormatException("its signature is no whole number of bytes");

        if (body.PeekTag().HasSameClassAndValue(Asn1Tag.Integer))
            body.ReadInteger();
        if (body.ReadSequence().ReadObjectIdentifier() != algorithm)
            throw new FormatException("it names two signature algorithms");
        var issuer = body.ReadEncodedValue();
        var from = ReadTime(body);
        if (!body.HasData || !IsTime(body.PeekTag()))
            throw new FormatException("it does not say when the next list is due (nextUpdate)");
        var until = ReadTime(body);
        HashSet<string> serials = new(StringComparer.Ordinal);
        if (body.HasData && body.PeekTag().HasSameClassAndValue(Asn1Tag.Sequence))
            ReadEntries(body.ReadSequence(), serials);
        if (body.HasData && body.PeekTag().HasSameClassAndValue(ExtensionsTag))
            CheckExtensions(body.ReadSequence(ExtensionsTag).ReadSequence());
        body.ThrowIfNotEmpty();

        X509Certificate2[] named =
            [.. authorities.Where(one => one.SubjectName.RawData.AsSpan().SequenceEqual(issuer.Span))];
        if (named.Length == 0)
        {
            throw new FormatException(
                $"its issuer, {new X500DistinguishedName(issuer.Span).Name}, is no CA of the CA file");
        }

        var signer = Array.Find(named, one => IsSigned(one, algorithm, signed.Span, signature))
            ?? throw new FormatException($"its signature is not by {named[0].Subject}");
        return new(signer, from, until, serials);
    }

    private static void ReadEntries(AsnReader entries, HashSet<string> serials)
    {
        while (entries.HasData)
        {
            var entry = entries.ReadSequence();
            serials.Add(Serial(entry.ReadIntegerBytes().Span));
            ReadTime(entry);
            if (entry.HasData)
                CheckExtensions(entry.ReadSequence(), isOfEntry: true);
            entry.ThrowIfNotEmpty();
        }
    }

    // What is critical changes the meaning of the list: of a part of the certificates only, or a difference.
    private static void CheckExtensions(AsnReader extensions, bool isOfEntry = false)
    {
        while (extensions.HasData)
        {
            var extension = extensions.ReadSequence();
            var id = extension.ReadObjectIdentifier();
            var isCritical = extension.PeekTag().HasSameClassAndValue(Asn1Tag.Boolean)
                && extension.ReadBoolean();
            extension.ReadOctetString();
            if (isCritical && (isOfEntry || id is not (NumberExtension or AuthorityKeyExtension)))
                throw new FormatException($"it has a critical extension, {id}, that is not understood here");
        }
    }

    // As X509Certificate2.SerialNumber has it: the sign byte of large numbers included.
    private static string Serial(ReadOnlySpan<byte> bytes) => Convert.ToHexString(bytes);

    private static bool IsTime(Asn1Tag tag) => tag.HasSameClassAndValue(Asn1Tag.UtcTime)
        || tag.HasSameClassAndValue(Asn1Tag.GeneralizedTime);

    private static DateTimeOffset ReadTime(AsnReader from) =>
        from.PeekTag().HasSameClassAndValue(Asn1Tag.UtcTime) ? from.ReadUtcTime()
            : from.ReadGeneralizedTime();

    private static bool IsSigned(
        X509Certificate2 signer, string algorithm, ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature)
    {
        try
        {
            return algorithm switch
            {
                "1.2.840.10045.4.3.2" => IsSignedByCurve(signer, HashAlgorithmName.SHA256, signed, signature),
                "1.2.840.10045.4.3.3" => IsSignedByCurve(signer, HashAlgorithmName.SHA384, signed, signature),
                "1.2.840.10045.4.3.4" => IsSignedByCurve(signer, HashAlgorithmName.SHA512, signed, signature),
                "1.2.840.113549.1.1.11" => IsSignedByRsa(signer, HashAlgorithmName.SHA256, signed, signature),
                "1.2.840.113549.1.1.12" => IsSignedByRsa(signer, HashAlgorithmName.SHA384, signed, signature),
                "1.2.840.113549.1.1.13" => IsSignedByRsa(signer, HashAlgorithmName.SHA512, signed, signature),
                _ => throw new FormatException(
                    $"it is signed by algorithm {algorithm}: ECDSA or RSA with SHA-2 is understood"),
            };
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static bool IsSignedByCurve(
        X509Certificate2 signer, HashAlgorithmName hash, ReadOnlySpan<byte> signed,
        ReadOnlySpan<byte> signature)
    {
        using var key = signer.GetECDsaPublicKey();
        return key is not null
            && key.VerifyData(signed, signature, hash, DSASignatureFormat.Rfc3279DerSequence);
    }

    private static bool IsSignedByRsa(
        X509Certificate2 signer, HashAlgorithmName hash, ReadOnlySpan<byte> signed,
        ReadOnlySpan<byte> signature)
    {
        using var key = signer.GetRSAPublicKey();
        return key is not null && key.VerifyData(signed, signature, hash, RSASignaturePadding.Pkcs1);
    }
}
