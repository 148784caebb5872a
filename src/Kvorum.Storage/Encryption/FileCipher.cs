using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Kvorum.Storage.Encryption;

/// <summary>
/// AES-256-GCM under the key of one seal. Each number encrypts one text only: the caller counts, or numbers
/// by the place in a file that is written once. Any thread; one at a time gets through.
/// </summary>
internal sealed class FileCipher : IDisposable
{
    /// <summary>Bytes that a text grows by.</summary>
    public const int TagBytes = 16;

    private const int NonceBytes = 12;

    private readonly AesGcm _aes;

    // The system's object is not for two threads at a time.
    private readonly Lock _gate = new();

    public FileCipher(Seal seal, ReadOnlySpan<byte> key)
    {
        Seal = seal;
        _aes = new AesGcm(key, TagBytes);
    }

    /// <summary>What it encrypts by.</summary>
    public Seal Seal { get; }

    /// <summary>Encrypts; the tag goes behind the text.</summary>
    public void Encrypt(ulong number, ReadOnlySpan<byte> bound, ReadOnlySpan<byte> text, Span<byte> into)
    {
        Span<byte> nonce = stackalloc byte[NonceBytes];
        WriteNonce(nonce, number);
        lock (_gate)
            _aes.Encrypt(nonce, text, into[..text.Length], into.Slice(text.Length, TagBytes), bound);
    }

    /// <summary>The text of encrypted bytes and their tag; false if this key has not written them.</summary>
    public bool TryDecrypt(ulong number, ReadOnlySpan<byte> bound, ReadOnlySpan<byte> from, Span<byte> into)
    {
        Span<byte> nonce = stackalloc byte[NonceBytes];
        WriteNonce(nonce, number);
        var text = from.Length - TagBytes;
        if (text < 0)
            return false;
        try
        {
            lock (_gate)
                _aes.Decrypt(nonce, from[..text], from[text..], into[..text], bound);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _aes.Dispose();

    private static void WriteNonce(Span<byte> nonce, ulong number)
    {
        nonce.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(nonce, number);
    }
}
