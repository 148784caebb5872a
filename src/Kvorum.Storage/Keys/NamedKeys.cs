using System.Buffers.Binary;
using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm.Versions;

namespace Kvorum.Storage.Keys;

/// <summary>
/// Finds the data keys that any file of a folder still names. It looks for their numbers, which are random,
/// wherever they may stand, and knows no format but that of a table, which names its one key at its
/// beginning: so whatever a damaged or unfinished file may still need is found, too.
/// </summary>
internal static class NamedKeys
{
    private const int TableHeadBytes = 128;
    private const int PieceBytes = 1 << 20;

    /// <summary>
    /// Those of the keys that a file names, in files that are there durably: none that is deleted comes back
    /// after a power cut. An <see cref="IOException"/> if that cannot be told of all files.
    /// </summary>
    public static HashSet<ulong> Among(IFileSystem files, IEnumerable<ulong> keys)
    {
        HashSet<ulong> left = [.. keys];
        HashSet<ulong> named = [];
        Search(files, "", left, named, new byte[PieceBytes]);
        return named;
    }

    private static void Search(
        IFileSystem files, string folder, HashSet<ulong> left, HashSet<ulong> named, byte[] piece)
    {
        if (left.Count == 0)
            return;
        files.SyncFolder(folder);
        // What lies beside the folders is never encrypted: the keys themselves, the lock, names.
        foreach (var name in folder.Length == 0 ? [] : files.ListFiles(folder))
        {
            using var file = files.Open(Join(folder, name), forWriting: false);
            var bytes = TreeFolder.IsTable(name) ? Math.Min(TableHeadBytes, file.Length) : file.Length;
            Search(file, bytes, left, named, piece);
        }

        foreach (var inner in files.ListFolders(folder))
            Search(files, Join(folder, inner), left, named, piece);
    }

    private static void Search(
        IFile file, long bytes, HashSet<ulong> left, HashSet<ulong> named, byte[] piece)
    {
        Span<byte> number = stackalloc byte[sizeof(ulong)];
        // A number may lie across the border of two pieces.
        for (long at = 0; at < bytes && left.Count > 0; at += PieceBytes - sizeof(ulong) + 1)
        {
            var read = piece.AsSpan(0, (int)Math.Min(PieceBytes, bytes - at));
            read = read[..file.Read(at, read)];
            foreach (var key in left.ToArray())
            {
                BinaryPrimitives.WriteUInt64LittleEndian(number, key);
                if (read.IndexOf(number) >= 0 && left.Remove(key))
                    named.Add(key);
            }
        }
    }

    private static string Join(string folder, string name) => folder.Length == 0 ? name : $"{folder}/{name}";
}
