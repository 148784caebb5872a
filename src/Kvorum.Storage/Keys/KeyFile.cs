// The data keys of a folder, encrypted with the master key. Little-endian; crc is CRC-32C.
//
//   file    = magic "KVORUMKY", version u32 (1), count u32, wrapped{count}, crc u32 over all before it
//   wrapped = data key u64, master key u64, nonce 12 bytes, encrypted key 32 bytes, tag 16 bytes
//
// The numbers of keys are random, those of master keys derived from them. The newest is the last one. A data
// key is AES-256-GCM with a key derived from the master key; bound to it is its number. The file is replaced
// as a whole: beside, synced, renamed, and its folder synced, before anything is encrypted with a new key,
// and after nothing names an old one any more.

using System.Buffers.Binary;
using Kvorum.Storage.Encryption;
using Kvorum.Storage.Files;

namespace Kvorum.Storage.Keys;

/// <summary>The file <c>keys</c> of a data folder. The grammar is at the top of this file.</summary>
public static class KeyFile
{
    /// <summary>Its name.</summary>
    public const string Name = "keys";

    private const string Unfinished = "keys.new";
    private const uint Version = 1;
    private const int HeadBytes = 16;
    private const int WrappedBytes = 16 + MasterKey.NonceBytes + MasterKey.WrappedBytes;

    private static ReadOnlySpan<byte> Magic => "KVORUMKY"u8;

    /// <summary>
    /// The disk, with the keys of its files. The first start with a master key makes a data key; a start with
    /// a newer one makes another, and encrypts all of them with it. Keys that no file names go. The caller
    /// holds the folder. A <see cref="KeyException"/> if a file is encrypted and its key is not to be had.
    /// </summary>
    public static IFileSystem Open(IFileSystem files, FolderKeys given)
    {
        var (masters, encrypts, random) = given;
        var found = Read(files);
        if (masters.Count == 0)
            return OpenPlain(files, found);
        if (found is null && SealedFiles.First(files) is { } lost)
            throw Lost(lost.Path, lost.Key);
        List<DataKey> keys = [.. (found ?? []).Select(key => Unwrapped(key, masters))];
        var isOld = found?.Exists(key => key.Master != masters[0].Id) == true;
        if (encrypts && (isOld || keys.Count == 0))
            keys.Add(NewKey(random));
        DropUnused(files, keys);
        if (isOld || keys.Count != (found?.Count ?? 0))
            Write(files, keys, masters[0], random);
        return Keyed(files, keys, encrypts, random);
    }

    /// <summary>
    /// The same for a command on the folder of a stopped node: the file stays as it is, and what the command
    /// writes is encrypted where the folder has data keys.
    /// </summary>
    public static IFileSystem OpenAsFound(IFileSystem files, FolderKeys given)
    {
        var (masters, _, random) = given;
        var found = Read(files);
        if (masters.Count == 0)
            return OpenPlain(files, found);
        if (found is null)
            return SealedFiles.First(files) is { } lost ? throw Lost(lost.Path, lost.Key) : files;
        return Keyed(files, [.. found.Select(key => Unwrapped(key, masters))], encrypts: true, random);
    }

    // The last one is the newest, which files that are not there yet are encrypted with.
    private static void DropUnused(IFileSystem files, List<DataKey> keys)
    {
        if (keys.Count < 2)
            return;
        try
        {
            var named = NamedKeys.Among(files, keys.SkipLast(1).Select(static key => key.Id));
            var newest = keys[^1].Id;
            keys.RemoveAll(key => key.Id != newest && !named.Contains(key.Id));
        }
        catch (IOException)
        {
            // A file that cannot be read may name any of them: all stay, and the next start looks again.
        }
    }

    private static KeyedFileSystem Keyed(
        IFileSystem files, List<DataKey> keys, bool encrypts, Action<Span<byte>> random) => new(
            files,
            new DataKeys(
                keys.ToDictionary(key => key.Id, key => key.Key), encrypts ? keys[^1].Id : 0, random));

    // A folder that was encrypted once has the file for ever.
    private static IFileSystem OpenPlain(IFileSystem files, List<WrappedKey>? found) =>
        found is null || SealedFiles.First(files) is not { } encrypted ? files
            : throw KeyException.Missing(encrypted.Path, encrypted.Key);

    private static KeyException Lost(string path, ulong key) => new(
        $"{Name}: the file is missing, and {path} is encrypted with data key {KeyException.NameOf(key)}. "
        + "Nothing was changed. Put the file back from a copy of this folder; without one replace the node "
        + "(kvorum node replace): its peers have the data.");

    private static DataKey NewKey(Action<Span<byte>> random)
    {
        var key = new byte[DataKeys.KeyBytes];
        Span<byte> id = stackalloc byte[sizeof(ulong)];
        random(key);
        random(id);
        return new(Math.Max(1, BinaryPrimitives.ReadUInt64LittleEndian(id)), key);
    }

    private static DataKey Unwrapped(WrappedKey wrapped, IReadOnlyList<MasterKey> masters)
    {
        var master = masters.FirstOrDefault(master => master.Id == wrapped.Master)
            ?? throw new KeyException(
                $"{Name}: data key {KeyException.NameOf(wrapped.Id)} is encrypted with master key "
                + $"{KeyException.NameOf(wrapped.Master)}, and the given ones are "
                + $"{string.Join(", ", masters.Select(static given => KeyException.NameOf(given.Id)))}: this "
                + "is another key. Nothing was changed. Give the folder's master key; where it was replaced, "
                + "both, the new one first.");
        Span<byte> bound = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bound, wrapped.Id);
        var key = master.Unwrap(wrapped.Bytes.Span, wrapped.Nonce.Span, bound)
            ?? throw KeyException.Forged(Name, 0, wrapped.Id);
        return new(wrapped.Id, key);
    }

    private static void Write(
        IFileSystem files, List<DataKey> keys, MasterKey master, Action<Span<byte>> random)
    {
        var bytes = new byte[HeadBytes + (keys.Count * WrappedBytes) + sizeof(uint)];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), keys.Count);
        var at = bytes.AsSpan(HeadBytes);
        foreach (var key in keys)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(at, key.Id);
            BinaryPrimitives.WriteUInt64LittleEndian(at[8..], master.Id);
            var nonce = at.Slice(16, MasterKey.NonceBytes);
            random(nonce);
            master.Wrap(key.Key, nonce, at[..8], at[(16 + MasterKey.NonceBytes)..]);
            at = at[WrappedBytes..];
        }

        BinaryPrimitives.WriteUInt32LittleEndian(at, Crc32C.Of(bytes.AsSpan(0, bytes.Length - at.Length)));
        if (files.Exists(Unfinished))
            files.Delete(Unfinished);
        using (var file = files.Create(Unfinished))
        {
            file.Write(0, bytes);
            file.Sync();
        }

        files.Rename(Unfinished, Name);
        files.SyncFolder("");
    }

    private static List<WrappedKey>? Read(IFileSystem files)
    {
        if (!files.Exists(Name))
            return null;
        using var file = files.Open(Name, forWriting: false);
        var bytes = new byte[file.Length];
        var read = bytes.AsMemory(0, file.Read(0, bytes));
        var from = read.Span;
        if (from.Length < HeadBytes + sizeof(uint) || !from.StartsWith(Magic) ||
            BinaryPrimitives.ReadUInt32LittleEndian(from[^4..]) != Crc32C.Of(from[..^4]))
            throw Damaged();
        var version = BinaryPrimitives.ReadUInt32LittleEndian(from[8..]);
        if (version != Version)
            throw new KeyException(
                $"{Name}: written by a newer version of Kvorum (format {version}, this one reads "
                + $"{Version}). Nothing was changed. Start the newer version.");
        List<WrappedKey> keys = [];
        for (var at = HeadBytes; at + WrappedBytes <= from.Length - sizeof(uint); at += WrappedBytes)
            keys.Add(new(
                BinaryPrimitives.ReadUInt64LittleEndian(from[at..]),
                BinaryPrimitives.ReadUInt64LittleEndian(from[(at + 8)..]),
                read.Slice(at + 16, MasterKey.NonceBytes),
                read.Slice(at + 16 + MasterKey.NonceBytes, MasterKey.WrappedBytes)));
        return keys.Count > 0 && keys.Count == BinaryPrimitives.ReadInt32LittleEndian(from[12..])
            ? keys : throw Damaged();
    }

    private static KeyException Damaged() => new(
        $"{Name}: the file is damaged: its checksum is wrong. Nothing was changed. Put it back from a copy "
        + "of this folder; without one replace the node (kvorum node replace): its peers have the data.");

    private readonly record struct DataKey(ulong Id, byte[] Key);

    private readonly record struct WrappedKey(
        ulong Id, ulong Master, ReadOnlyMemory<byte> Nonce, ReadOnlyMemory<byte> Bytes);
}
