using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Kvorum.Storage.Encryption;

/// <summary>
/// The data keys of a folder. Files are written by the newest, or plain where encryption is being switched
/// off; files of all of them can be read. Any thread.
/// </summary>
public sealed class DataKeys
{
    internal const int KeyBytes = 32;

    private static readonly byte[][] Infos = ["kvorum log"u8.ToArray(), "kvorum table"u8.ToArray(),
        "kvorum manifest"u8.ToArray()];

    private readonly IReadOnlyDictionary<ulong, byte[]> _keys;
    private readonly Action<Span<byte>> _random;
    private readonly Lock _drawing = new();

    /// <param name="keys">All keys, by their numbers.</param>
    /// <param name="current">The one that encrypts what is written; 0: it is written plain.</param>
    /// <param name="random">Fills with random bytes; called by one thread at a time.</param>
    internal DataKeys(IReadOnlyDictionary<ulong, byte[]> keys, ulong current, Action<Span<byte>> random)
    {
        if (current != 0 && !keys.ContainsKey(current))
            throw new ArgumentException($"data key {current} is not there", nameof(current));
        (_keys, Current, _random) = (keys, current, random);
    }

    /// <summary>The data key that new files are encrypted with; 0: they are written plain.</summary>
    public ulong Current { get; }

    /// <summary>For something new to be written; null where that is written plain.</summary>
    internal FileCipher? ToWrite(SealedKind kind)
    {
        if (Current == 0)
            return null;
        Span<byte> salt = stackalloc byte[16];
        lock (_drawing)
            _random(salt);
        var seal = new Seal(Current, BinaryPrimitives.ReadUInt128LittleEndian(salt));
        return CipherOf(seal, kind, _keys[Current]);
    }

    /// <summary>For what has that seal; a <see cref="KeyException"/> if its data key is not there.</summary>
    internal static FileCipher ToRead(DataKeys? keys, Seal seal, SealedKind kind, string path)
    {
        if (keys is null)
            throw KeyException.Missing(path, seal.Key);
        if (!keys._keys.TryGetValue(seal.Key, out var key))
            throw new KeyException(
                $"{path} is encrypted with data key {KeyException.NameOf(seal.Key)}, which is not in the "
                + "file keys of this data folder: one of the two comes from another folder. Nothing was "
                + "changed. Put the node's own file keys back.");
        return CipherOf(seal, kind, key);
    }

    private static FileCipher CipherOf(Seal seal, SealedKind kind, byte[] key)
    {
        Span<byte> salt = stackalloc byte[16];
        Span<byte> derived = stackalloc byte[KeyBytes];
        BinaryPrimitives.WriteUInt128LittleEndian(salt, seal.Salt);
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, derived, salt, Infos[(int)kind]);
        return new FileCipher(seal, derived);
    }
}
