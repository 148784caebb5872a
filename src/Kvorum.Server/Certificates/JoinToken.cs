using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kvorum.Server.Certificates;

/// <summary>
/// What a new node needs to get its certificate, once: <c>kvorum-join_NUMBER_SECRET</c>, where the secret
/// holds 256 random bits, and SHA-256 of the CA's certificate, by which the node knows its cluster. From the
/// bits come, by HKDF (RFC 5869), a proof that is shown to the cluster, and a key that nobody but the node
/// and the token's maker ever has: with it the certificate and its private key are sealed (AES-256-GCM).
/// Immutable.
/// </summary>
public sealed class JoinToken
{
    private const string Prefix = "kvorum-join_";
    private const int IdBytes = 8;
    private const int SecretBytes = 32;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    private readonly byte[] _secret;
    private readonly byte[] _authorityHash;

    private JoinToken(string id, byte[] secret, byte[] authorityHash) =>
        (Id, _secret, _authorityHash) = (id, secret, authorityHash);

    /// <summary>Its number, which is no secret: 16 hexadecimal digits.</summary>
    public string Id { get; }

    /// <summary>What is shown to the cluster: with it the sealed certificate is given out, once.</summary>
    public byte[] Proof => Derived("proof");

    /// <summary>What the cluster keeps, to know the proof.</summary>
    public byte[] ProofHash => SHA256.HashData(Proof);

    /// <summary>A new one, for nodes that believe this CA.</summary>
    public static JoinToken Draw(X509Certificate2 authority) => new(
        Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes)),
        RandomNumberGenerator.GetBytes(SecretBytes), SHA256.HashData(authority.RawData));

    /// <summary>
    /// Reads a token; <see cref="FormatException"/> if it is none. The message does not repeat it.
    /// </summary>
    public static JoinToken Parse(string text)
    {
        text = text.Trim();
        var at = Prefix.Length + (2 * IdBytes);
        if (text.Length > at && text.StartsWith(Prefix, StringComparison.Ordinal) && text[at] == '_'
            && text[Prefix.Length..at] is var id && id.All(char.IsAsciiHexDigitLower)
            && Base64Url.IsValid(text.AsSpan(at + 1), out var length)
            && length == SecretBytes + SHA256.HashSizeInBytes)
        {
            var bytes = Base64Url.DecodeFromChars(text.AsSpan(at + 1));
            return new(id, bytes[..SecretBytes], bytes[SecretBytes..]);
        }

        throw new FormatException(
            $"it is no join token: one begins with {Prefix}, and kvorum join-token create makes it");
    }

    /// <summary>The token itself: a secret.</summary>
    public string Reveal() => $"{Prefix}{Id}_{Base64Url.EncodeToString([.. _secret, .. _authorityHash])}";

    /// <summary>The number only.</summary>
    public override string ToString() => $"join token {Id}";

    /// <summary>True for the CA of the cluster that the token is for.</summary>
    public bool Trusts(X509Certificate2 authority) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(authority.RawData), _authorityHash);

    /// <summary>What only <see cref="Open"/> of the same token can read.</summary>
    public byte[] Seal(JoinBundle bundle)
    {
        var plain = JsonSerializer.SerializeToUtf8Bytes(bundle, JoinBundleContext.Default.JoinBundle);
        var made = new byte[NonceBytes + TagBytes + plain.Length];
        RandomNumberGenerator.Fill(made.AsSpan(0, NonceBytes));
        using var cipher = new AesGcm(Derived("seal"), TagBytes);
        cipher.Encrypt(
            made.AsSpan(0, NonceBytes), plain, made.AsSpan(NonceBytes + TagBytes),
            made.AsSpan(NonceBytes, TagBytes), Encoding.ASCII.GetBytes(Id));
        CryptographicOperations.ZeroMemory(plain);
        return made;
    }

    /// <summary>
    /// What was sealed; <see cref="FormatException"/> if it was not sealed with this token, or has changed
    /// since.
    /// </summary>
    public JoinBundle Open(ReadOnlySpan<byte> made)
    {
        try
        {
            var plain = new byte[Math.Max(0, made.Length - NonceBytes - TagBytes)];
            using var cipher = new AesGcm(Derived("seal"), TagBytes);
            cipher.Decrypt(
                made[..NonceBytes], made[(NonceBytes + TagBytes)..], made.Slice(NonceBytes, TagBytes), plain,
                Encoding.ASCII.GetBytes(Id));
            return JsonSerializer.Deserialize(plain, JoinBundleContext.Default.JoinBundle)
                ?? throw new FormatException("it is empty");
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or JsonException)
        {
            throw new FormatException("it was not sealed with this token, or was changed since", e);
        }
    }

    private byte[] Derived(string purpose) => HKDF.DeriveKey(
        HashAlgorithmName.SHA256, _secret, SecretBytes,
        info: Encoding.ASCII.GetBytes($"kvorum join {purpose}"));
}

/// <summary>The files of a node's TLS, in PEM, on their way to it. No record: its text would show the
/// key.</summary>
public sealed class JoinBundle
{
    /// <summary>The node that the certificate names.</summary>
    public required string Node { get; init; }

    /// <summary>The certificate.</summary>
    public required string Certificate { get; init; }

    /// <summary>Its private key.</summary>
    public required string Key { get; init; }

    /// <summary>The CAs that the cluster believes.</summary>
    public required string Authorities { get; init; }

    /// <summary>Their lists of revoked certificates; empty if there are none.</summary>
    public string Lists { get; init; } = "";
}

/// <summary>How it is sealed.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(JoinBundle))]
internal sealed partial class JoinBundleContext : JsonSerializerContext;
