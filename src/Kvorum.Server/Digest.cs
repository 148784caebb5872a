using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Kvorum.Server;

/// <summary>A SHA-256, by which what was seen is known again.</summary>
internal readonly record struct Digest(UInt128 High, UInt128 Low)
{
    /// <summary>Of bytes.</summary>
    public static Digest Of(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        return OfHash(hash);
    }

    /// <summary>Of what has been hashed.</summary>
    public static Digest OfHash(ReadOnlySpan<byte> hash) => new(
        BinaryPrimitives.ReadUInt128BigEndian(hash), BinaryPrimitives.ReadUInt128BigEndian(hash[16..]));
}
