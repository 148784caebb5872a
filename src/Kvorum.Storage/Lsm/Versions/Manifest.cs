// The manifest of a tree: which tables it consists of, and up to where the log is in them. Little-endian; crc
// is CRC-32C.
//
//   file   = magic "KVORUMMF", version u32 (3), crc u32 over the 12 bytes before it, record+
//          | magic, version u32 (4), crc u32, data key u64, salt u128, crc u32 over the 40 bytes before it,
//            encrypted record+
//   record = length u32, body crc u32, crc u32, body
//            the second crc is over: offset of the record u64, the 8 bytes before it
//   body   = edit                              see EditCodec; the first one makes all out of nothing
//            of an encrypted record: encrypted edit, tag 16 bytes
//
// An encrypted edit is AES-256-GCM; key and salt are its seal, its nonce is the offset of the record.
//
// It is made before the first table is. A record is synced before it takes effect, so only the last one may
// be torn: it is cut. A manifest that has grown is written anew as manifest.new, synced, renamed, and its
// folder synced. A manifest that was read at a start is also written anew, before the first edit or before
// anything is deleted because of it, whichever comes first: the sync of its last record may have failed or
// may be missing, and the kernel then treats the pages that were read as clean.

using System.Buffers;
using System.Buffers.Binary;
using Kvorum.Storage.Encryption;
using Kvorum.Storage.Files;

namespace Kvorum.Storage.Lsm.Versions;

/// <summary>
/// The file of version edits. One thread at a time. After a failed write its end is not known, and after it
/// was read it is not known whether it is durable: the next edit then writes a new file.
/// </summary>
internal sealed class Manifest(TreeFolder folder) : IDisposable
{
    private const int PlainHeaderBytes = 16;
    private const int SealedHeaderBytes = PlainHeaderBytes + Seal.Bytes + sizeof(uint);
    private const int RecordHeadBytes = 12;
    private const uint FormatVersion = 3;
    private const uint SealedVersion = 4;
    private const long GrowthBytesMin = 64 << 10;

    private const string Remedy = Storage.Remedy.AfterRefusal;

    private IFile? _file;

    // Of the file that is written; null if it is plain.
    private FileCipher? _cipher;
    private long _bytes;
    private long _wholeBytes;

    /// <summary>True if there is a manifest on disk.</summary>
    public bool IsThere { get; private set; }

    /// <summary>
    /// True if its last record may be lost in a crash: tables that it does not name must not be deleted yet,
    /// and the log must keep the entries that it says are in tables.
    /// </summary>
    public bool IsDoubtful => IsThere && _file is null;

    private static ReadOnlySpan<byte> Magic => "KVORUMMF"u8;

    /// <summary>
    /// Reads the manifest if there is one; each edit in its order. Changes nothing. A
    /// <see cref="TreeDamagedException"/> if it is damaged.
    /// </summary>
    /// <param name="edit">Gets each edit, and the number above all files so far.</param>
    public void Open(Action<VersionEdit, ulong> edit)
    {
        IsThere = Reading(() => folder.Files.Exists(folder.ManifestPath));
        if (!IsThere)
            return;
        var (whole, bytes) = Read(edit);
        IsTorn = whole < bytes.Length;
    }

    /// <summary>
    /// True if it was read and its last record is incomplete: as a rule a crash cut it short, which is
    /// harmless.
    /// </summary>
    public bool IsTorn { get; private set; }

    /// <summary>
    /// Reads the manifest, which must be there; each edit in its order. Changes nothing. How many bytes are
    /// whole records, and all that there are: more if the last one is torn. A
    /// <see cref="TreeDamagedException"/> if it is damaged.
    /// </summary>
    public (int Whole, byte[] Bytes) Read(Action<VersionEdit, ulong> edit)
    {
        var bytes = ReadAll();
        using var cipher = ReadHeader(bytes);
        var begin = cipher is null ? PlainHeaderBytes : SealedHeaderBytes;
        var at = begin;
        while (at < bytes.Length && TryReadRecord(bytes, at, out var body))
        {
            try
            {
                var (read, next) = EditCodec.Read(Opened(cipher, body, at));
                edit(read, next);
            }
            catch (FormatException e)
            {
                throw Damaged(at, e.Message);
            }

            at += RecordHeadBytes + body.Length;
        }

        if (at == begin || HasRecordBehind(bytes, at))
            throw Damaged(at, "a record is damaged");
        return (at, bytes);
    }

    /// <summary>
    /// Makes an empty manifest if there is none. Called before any table is written, so that tables without a
    /// manifest are damage.
    /// </summary>
    public void Begin(ulong next)
    {
        if (!IsThere)
            Replace(VersionEdit.Whole(Levels.Empty, mark: null), next);
    }

    /// <summary>
    /// Makes an edit durable: at the end of the file, or with all that was before in a new one.
    /// </summary>
    /// <param name="edit">The edit.</param>
    /// <param name="whole">Makes everything, this edit included, out of nothing.</param>
    /// <param name="next">Above all numbers of files so far.</param>
    public void Add(VersionEdit edit, Func<VersionEdit> whole, ulong next)
    {
        if (_file is null || _bytes > Math.Max(GrowthBytesMin, 4 * _wholeBytes))
        {
            Replace(whole(), next);
            return;
        }

        var record = Record(edit, next, _bytes, _cipher);
        var file = _file;
        _file = null; // until it is known to be whole
        try
        {
            file.Write(_bytes, record);
            file.Sync();
        }
        catch
        {
            file.Dispose();
            throw;
        }

        Invariant.Check(_bytes >= _wholeBytes);
        _file = file;
        _bytes += record.Length;
    }

    /// <summary>Writes a new manifest that counts instead of the present one, atomically.</summary>
    public void Replace(VersionEdit whole, ulong next)
    {
        _file?.Dispose();
        _file = null;
        folder.DeleteIfPossible(folder.NewManifestPath);
        _cipher?.Dispose();
        _cipher = null;
        var file = folder.Files.Create(folder.NewManifestPath);
        try
        {
            _cipher = folder.Files.Keys?.ToWrite(SealedKind.Manifest);
            var header = Header(_cipher);
            var record = Record(whole, next, header.Length, _cipher);
            file.Write(0, [.. header, .. record]);
            file.Sync();
            folder.Files.Rename(folder.NewManifestPath, folder.ManifestPath);
            folder.Files.SyncFolder(folder.Path);
            (_bytes, _wholeBytes) = (header.Length + record.Length, header.Length + record.Length);
            IsThere = true;
        }
        catch
        {
            file.Dispose();
            folder.DeleteIfPossible(folder.NewManifestPath);
            throw;
        }

        _file = file;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file?.Dispose();
        _file = null;
        _cipher?.Dispose();
        _cipher = null;
    }

    private byte[] ReadAll() => Reading(() =>
    {
        using var file = folder.Files.Open(folder.ManifestPath, forWriting: false);
        var bytes = new byte[file.Length];
        var count = file.Read(0, bytes);
        return bytes[..count];
    });

    // If a part is unreadable all of it is refused: the rest would look like an older manifest.
    private T Reading<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (IOException error) when (TreeDamagedException.IsMeantBy(error))
        {
            throw TreeDamagedException.Unreadable(folder.ManifestPath, Remedy, error);
        }
    }

    private static byte[] Header(FileCipher? cipher)
    {
        var header = new byte[cipher is null ? PlainHeaderBytes : SealedHeaderBytes];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(
            header.AsSpan(8), cipher is null ? FormatVersion : SealedVersion);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), Crc32C.Of(header.AsSpan(0, 12)));
        if (cipher is null)
            return header;
        cipher.Seal.Write(header.AsSpan(PlainHeaderBytes));
        var crcAt = SealedHeaderBytes - sizeof(uint);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(crcAt), Crc32C.Of(header.AsSpan(0, crcAt)));
        return header;
    }

    // The cipher of its records; null if they are plain.
    private FileCipher? ReadHeader(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < PlainHeaderBytes || !bytes.StartsWith(Magic) ||
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]) != Crc32C.Of(bytes[..12]))
            throw Damaged(0, "the header is damaged");
        var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (version == FormatVersion)
            return null;
        if (version != SealedVersion)
            throw new TreeDamagedException(
                $"{folder.ManifestPath}: written by a newer version of Kvorum (manifest format {version}, " +
                $"this one reads {SealedVersion}). Nothing was changed. Start the newer version.")
            {
                IsTooNew = true,
            };
        var seal = ReadSeal(bytes) ?? throw Damaged(PlainHeaderBytes, "the header is damaged");
        return DataKeys.ToRead(folder.Files.Keys, seal, SealedKind.Manifest, folder.ManifestPath);
    }

    /// <summary>
    /// The seal of an encrypted manifest, by its first bytes; null if it is plain or damaged.
    /// </summary>
    public static Seal? ReadSeal(ReadOnlySpan<byte> bytes)
    {
        var crcAt = SealedHeaderBytes - sizeof(uint);
        return bytes.Length >= SealedHeaderBytes && bytes.StartsWith(Magic) &&
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) == SealedVersion &&
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[crcAt..]) == Crc32C.Of(bytes[..crcAt])
            ? Seal.Read(bytes[PlainHeaderBytes..]) : null;
    }

    private ReadOnlySpan<byte> Opened(FileCipher? cipher, ReadOnlySpan<byte> body, int at)
    {
        if (cipher is null)
            return body;
        var edit = new byte[Math.Max(0, body.Length - FileCipher.TagBytes)];
        return cipher.TryDecrypt((ulong)at, default, body, edit)
            ? edit : throw KeyException.Forged(folder.ManifestPath, at, cipher.Seal.Key);
    }

    // No offset of a file is written twice: after a failed write comes a new file.
    private static byte[] Record(VersionEdit edit, ulong next, long offset, FileCipher? cipher)
    {
        var room = new ArrayBufferWriter<byte>(256);
        room.GetSpan(RecordHeadBytes)[..RecordHeadBytes].Clear();
        room.Advance(RecordHeadBytes);
        EditCodec.Write(room, edit, next);
        var record = new byte[room.WrittenCount + (cipher is null ? 0 : FileCipher.TagBytes)];
        if (cipher is null)
            room.WrittenSpan.CopyTo(record);
        else
            cipher.Encrypt(
                (ulong)offset, default, room.WrittenSpan[RecordHeadBytes..], record.AsSpan(RecordHeadBytes));
        BinaryPrimitives.WriteInt32LittleEndian(record, record.Length - RecordHeadBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(4), Crc32C.Of(record.AsSpan(RecordHeadBytes)));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), HeadCrc(record, offset));
        return record;
    }

    private static bool TryReadRecord(ReadOnlySpan<byte> bytes, int at, out ReadOnlySpan<byte> body)
    {
        body = default;
        var record = bytes[at..];
        if (record.Length < RecordHeadBytes ||
            BinaryPrimitives.ReadUInt32LittleEndian(record[8..]) != HeadCrc(record, at))
            return false;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(record);
        if (length > record.Length - RecordHeadBytes)
            return false;
        body = record.Slice(RecordHeadBytes, (int)length);
        return Crc32C.Of(body) == BinaryPrimitives.ReadUInt32LittleEndian(record[4..]);
    }

    // No record follows a torn one. A whole record after it means that this one was synced, and is damaged.
    private static bool HasRecordBehind(ReadOnlySpan<byte> bytes, int damaged)
    {
        for (var at = damaged + 1; at <= bytes.Length - RecordHeadBytes; at++)
        {
            if (TryReadRecord(bytes, at, out _))
                return true;
        }

        return false;
    }

    private static uint HeadCrc(ReadOnlySpan<byte> head, long offset) =>
        Crc32C.End(Crc32C.Add(Crc32C.Add(Crc32C.Begin, (ulong)offset), head[..8]));

    private TreeDamagedException Damaged(long offset, string what) =>
        new($"{folder.ManifestPath}: damaged at offset {offset}: {what}.", Remedy);
}
