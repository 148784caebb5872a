// An encrypted file that is written once, from its beginning to its end: a table. Little-endian; crc is
// CRC-32C.
//
//   file  = head chunk+
//   head  = magic "KVORUMSE", version u32 (1), data key u64, salt u128, crc u32 over the 36 bytes before it
//   chunk = encrypted text, tag 16 bytes, crc u32     4096 bytes of text; the last one 1 to 4096
//
// A chunk is AES-256-GCM with the key of the head's seal; its nonce is its number. The crc covers the chunk's
// number (u64), the encrypted text and the tag: where it is wrong the bytes are damaged, where it is right
// and the tag is not, the key is another one.

using System.Buffers;
using System.Buffers.Binary;
using Kvorum.Storage.Encryption;

namespace Kvorum.Storage.Files;

/// <summary>
/// The text of an encrypted file: offsets and lengths are those of the text. A chunk that is damaged reads as
/// bytes that are none of the text, which the checksums in the text tell. The grammar is at the top of this
/// file. Reads on any thread; one writer.
/// </summary>
internal sealed class SealedFile : IFile
{
    /// <summary>Bytes of text in a chunk.</summary>
    public const int ChunkBytes = 4096;

    public const int HeadBytes = 40;
    private const int TrailerBytes = FileCipher.TagBytes + sizeof(uint);
    private const int StoredBytes = ChunkBytes + TrailerBytes;
    private const uint Version = 1;

    private readonly IFile _below;
    private readonly string _path;
    private readonly FileCipher _cipher;

    // The last chunk while the file is written; null once it is whole.
    private byte[]? _last;
    private int _lastBytes;

    private SealedFile(IFile below, string path, FileCipher cipher, long length) =>
        (_below, _path, _cipher, Length) = (below, path, cipher, length);

    private static ReadOnlySpan<byte> Magic => "KVORUMSE"u8;

    /// <inheritdoc/>
    public long Length { get; private set; }

    /// <summary>The data key that it is encrypted with.</summary>
    public ulong Key => _cipher.Seal.Key;

    /// <summary>A new file to be written, encrypted if the keys say so; it closes what it is given.</summary>
    public static IFile Begin(IFile below, DataKeys? keys, string path)
    {
        if (keys?.ToWrite(SealedKind.Table) is not { } cipher)
            return below;
        try
        {
            Span<byte> head = stackalloc byte[HeadBytes];
            Magic.CopyTo(head);
            BinaryPrimitives.WriteUInt32LittleEndian(head[8..], Version);
            cipher.Seal.Write(head[12..]);
            BinaryPrimitives.WriteUInt32LittleEndian(head[36..], Crc32C.Of(head[..36]));
            below.Write(0, head);
            return new SealedFile(below, path, cipher, 0) { _last = new byte[ChunkBytes] };
        }
        catch
        {
            cipher.Dispose();
            below.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The text of a whole file, encrypted or plain; it closes what it is given. A <see cref="KeyException"/>
    /// if the key is not there.
    /// </summary>
    public static IFile Open(IFile below, DataKeys? keys, string path)
    {
        try
        {
            if (ReadSeal(below, path) is not { } seal)
                return below;
            var cipher = DataKeys.ToRead(keys, seal, SealedKind.Table, path);
            return new SealedFile(below, path, cipher, TextBytes(below.Length));
        }
        catch
        {
            below.Dispose();
            throw;
        }
    }

    /// <summary>The seal of an encrypted file; null if it is plain, or its head is damaged.</summary>
    public static Seal? ReadSeal(IFile file, string path)
    {
        Span<byte> head = stackalloc byte[HeadBytes];
        return file.Read(0, head) == HeadBytes ? ReadSeal(head, path) : null;
    }

    /// <summary>The same for the first bytes of a file.</summary>
    public static Seal? ReadSeal(ReadOnlySpan<byte> head, string path)
    {
        if (head.Length < HeadBytes || !head.StartsWith(Magic) ||
            BinaryPrimitives.ReadUInt32LittleEndian(head[36..]) != Crc32C.Of(head[..36]))
            return null;
        var version = BinaryPrimitives.ReadUInt32LittleEndian(head[8..]);
        return version == Version ? Seal.Read(head[12..]) : throw new KeyException(
            $"{path}: encrypted by a newer version of Kvorum (format {version}, this one reads {Version}). "
            + "Nothing was changed. Start the newer version.");
    }

    /// <inheritdoc/>
    public int Read(long offset, Span<byte> into)
    {
        var bytes = (int)Math.Min(into.Length, Length - offset);
        if (bytes <= 0)
            return 0;
        var first = offset / ChunkBytes;
        var chunks = (int)(((offset + bytes - 1) / ChunkBytes) - first + 1);
        var stored = ArrayPool<byte>.Shared.Rent(checked(chunks * StoredBytes));
        try
        {
            var count = _below.Read(PlaceOf(first), stored.AsSpan(0, chunks * StoredBytes));
            return ReadChunks(first, stored.AsSpan(0, count), (int)(offset % ChunkBytes), into[..bytes]);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }
    }

    /// <summary>
    /// Adds bytes at the end. After a failure the same bytes may be added again, and no others.
    /// </summary>
    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        if (_last is null || offset != Length)
            throw new InvalidOperationException($"{_path} is written once, from its beginning to its end");
        var chunks = (_lastBytes + bytes.Length) / ChunkBytes;
        if (chunks > 0)
            WriteChunks(chunks, bytes);
        var rest = (_lastBytes + bytes.Length) % ChunkBytes;
        if (chunks > 0)
            bytes[^rest..].CopyTo(_last);
        else
            bytes.CopyTo(_last.AsSpan(_lastBytes));
        _lastBytes = rest;
        Length += bytes.Length;
    }

    /// <inheritdoc/>
    public void SetLength(long length) =>
        throw new NotSupportedException($"{_path} is written once, from its beginning to its end");

    /// <inheritdoc/>
    public void StartSync(long offset, long bytes) =>
        _below.StartSync(PlaceOf(offset / ChunkBytes), bytes / ChunkBytes * StoredBytes);

    /// <summary>Completes the file and makes it durable: nothing is added after it.</summary>
    public void Sync()
    {
        if (_last is not null && _lastBytes > 0)
        {
            Span<byte> stored = stackalloc byte[StoredBytes];
            var number = Length / ChunkBytes;
            Encrypt(number, _last.AsSpan(0, _lastBytes), stored);
            _below.Write(PlaceOf(number), stored[..(_lastBytes + TrailerBytes)]);
        }

        _last = null;
        _below.Sync();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _cipher.Dispose();
        _below.Dispose();
    }

    private static long PlaceOf(long chunk) => HeadBytes + (chunk * StoredBytes);

    private static long TextBytes(long stored)
    {
        var chunks = Math.Max(0, stored - HeadBytes);
        return (chunks / StoredBytes * ChunkBytes) + Math.Max(0, (chunks % StoredBytes) - TrailerBytes);
    }

    private void WriteChunks(int chunks, ReadOnlySpan<byte> bytes)
    {
        var first = Length / ChunkBytes;
        var stored = ArrayPool<byte>.Shared.Rent(checked(chunks * StoredBytes));
        Span<byte> joined = stackalloc byte[ChunkBytes];
        try
        {
            for (var i = 0; i < chunks; i++)
            {
                scoped var text = bytes;
                if (i == 0 && _lastBytes > 0)
                {
                    _last.AsSpan(0, _lastBytes).CopyTo(joined);
                    bytes[..(ChunkBytes - _lastBytes)].CopyTo(joined[_lastBytes..]);
                    text = joined;
                }

                Encrypt(first + i, text[..ChunkBytes], stored.AsSpan(i * StoredBytes));
                bytes = bytes[(i == 0 ? ChunkBytes - _lastBytes : ChunkBytes)..];
            }

            _below.Write(PlaceOf(first), stored.AsSpan(0, chunks * StoredBytes));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }
    }

    private void Encrypt(long number, ReadOnlySpan<byte> text, Span<byte> into)
    {
        var crcAt = text.Length + FileCipher.TagBytes;
        _cipher.Encrypt((ulong)number, default, text, into);
        BinaryPrimitives.WriteUInt32LittleEndian(into[crcAt..], CrcOf(number, into[..crcAt]));
    }

    private int ReadChunks(long number, ReadOnlySpan<byte> stored, int skipped, Span<byte> into)
    {
        Span<byte> whole = stackalloc byte[ChunkBytes];
        var read = 0;
        for (; stored.Length > TrailerBytes && read < into.Length; number++)
        {
            var chunk = stored[..Math.Min(stored.Length, StoredBytes)];
            var text = chunk.Length - TrailerBytes;
            var taken = Math.Min(text - skipped, into.Length - read);
            if (taken <= 0)
                break;
            if (taken == text)
            {
                Decrypt(number, chunk, into.Slice(read, taken));
            }
            else
            {
                Decrypt(number, chunk, whole);
                whole.Slice(skipped, taken).CopyTo(into[read..]);
            }

            (read, skipped) = (read + taken, 0);
            stored = stored[chunk.Length..];
        }

        return read;
    }

    // What is damaged is handed up as it is: the checksums of the text find it, and name what it is.
    private void Decrypt(long number, ReadOnlySpan<byte> chunk, Span<byte> into)
    {
        var crcAt = chunk.Length - sizeof(uint);
        var text = crcAt - FileCipher.TagBytes;
        if (BinaryPrimitives.ReadUInt32LittleEndian(chunk[crcAt..]) != CrcOf(number, chunk[..crcAt]))
            chunk[..text].CopyTo(into);
        else if (!_cipher.TryDecrypt((ulong)number, default, chunk[..crcAt], into))
            throw KeyException.Forged(_path, PlaceOf(number), Key);
    }

    private static uint CrcOf(long number, ReadOnlySpan<byte> stored) =>
        Crc32C.End(Crc32C.Add(Crc32C.Add(Crc32C.Begin, (ulong)number), stored));
}
