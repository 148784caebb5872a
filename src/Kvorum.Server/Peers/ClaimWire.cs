using System.Buffers.Binary;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Kvorum.Server.Peers;

/// <summary>
/// How a new node shows its join token, on a TLS connection of its own (ALPN kvorum-claim) on which it has no
/// certificate to show yet. The frames are those of <see cref="PeerWire"/>.
/// <code>
/// acceptor = preamble frame(Authorities)     which CAs it believes: the claimant looks for that of the token
/// claimant = preamble frame(Claim)           only then it shows the proof
/// acceptor = frame(Sealed | Refused)
/// claimant = frame(Kept)                     it has all on its disk: the cluster may forget it
///
/// Authorities = (length:u32 DER){to the end}
/// Claim       = number:16 ASCII  proof:32 bytes  claimant:32 bytes
/// </code>
/// </summary>
internal static class ClaimWire
{
    public const byte Authorities = 0xF6;
    public const byte Claim = 0xF7;
    public const byte Sealed = 0xF8;
    public const byte Kept = 0xF9;

    /// <summary>Bytes of a proof, and of what a claimant draws.</summary>
    public const int ProofBytes = 32;

    private const int IdChars = 16;

    public static byte[] EncodeAuthorities(IEnumerable<X509Certificate2> authorities)
    {
        using var bytes = new MemoryStream();
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (var one in authorities)
        {
            BinaryPrimitives.WriteInt32LittleEndian(length, one.RawData.Length);
            bytes.Write(length);
            bytes.Write(one.RawData);
        }

        return bytes.ToArray();
    }

    public static X509Certificate2[] DecodeAuthorities(ReadOnlySpan<byte> bytes)
    {
        List<X509Certificate2> found = [];
        while (!bytes.IsEmpty)
        {
            var length = bytes.Length < sizeof(int) ? -1 : BinaryPrimitives.ReadInt32LittleEndian(bytes);
            if (length <= 0 || length > bytes.Length - sizeof(int))
                throw new PeerWireException("its list of CAs is malformed");
            found.Add(X509CertificateLoader.LoadCertificate(bytes.Slice(sizeof(int), length)));
            bytes = bytes[(sizeof(int) + length)..];
        }

        return [.. found];
    }

    public static byte[] EncodeClaim(string id, ReadOnlySpan<byte> proof, ReadOnlySpan<byte> claimant) =>
        [.. Encoding.ASCII.GetBytes(id), .. proof, .. claimant];

    public static (string Id, byte[] Proof, byte[] Claimant) DecodeClaim(byte[] bytes) =>
        bytes.Length != IdChars + (2 * ProofBytes)
            ? throw new PeerWireException($"its join token is malformed: it has {bytes.Length} bytes")
            : (ShownText.Of(Encoding.ASCII.GetString(bytes, 0, IdChars)),
                bytes[IdChars..(IdChars + ProofBytes)], bytes[(IdChars + ProofBytes)..]);
}
