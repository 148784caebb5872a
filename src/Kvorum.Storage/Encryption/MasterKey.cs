using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Kvorum.Storage.Encryption;

/// <summary>
/// The key that an operator keeps: it encrypts the data keys of a folder, and nothing else. Any thread.
/// </summary>
public sealed class MasterKey
{
    /// <summary>Bytes of a key.</summary>
    public const int Bytes = 32;

    internal const int NonceBytes = 12;
    internal const int WrappedBytes = DataKeys.KeyBytes + FileCipher.TagBytes;

    private readonly byte[] _key;

    /// <param name="key">32 bytes.</param>
    public MasterKey(ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, Bytes);
        Span<byte> id = stackalloc byte[sizeof(ulong)];
        _key = new byte[Bytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, _key, default, "kvorum data keys"u8);
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, id, default, "kvorum key id"u8);
        Id = BinaryPrimitives.ReadUInt64LittleEndian(id);
    }

    /// <summary>By what it is told from others; says nothing about the key itself.</summary>
    public ulong Id { get; }

    /// <summary>Encrypts a data key; the nonce must be new for each.</summary>
    internal void Wrap(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> bound, Span<byte> into)
    {
        using var aes = new AesGcm(_key, FileCipher.TagBytes);
        aes.Encrypt(nonce, key, into[..key.Length], into.Slice(key.Length, FileCipher.TagBytes), bound);
    }

    /// <summary>The data key; null if this is not what the master key has encrypted.</summary>
    internal byte[]? Unwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> bound)
    {
        using var aes = new AesGcm(_key, FileCipher.TagBytes);
        var key = new byte[DataKeys.KeyBytes];
        try
        {
            aes.Decrypt(nonce, wrapped[..key.Length], wrapped[key.Length..], key, bound);
            return key;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }
}
