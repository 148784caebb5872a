using Kvorum.Storage.Files;
using Kvorum.Storage.Log;
using Kvorum.Storage.Lsm.Versions;

namespace Kvorum.Storage.Keys;

/// <summary>
/// Finds encrypted files of a folder by their first bytes, whatever keys there are. Changes nothing.
/// </summary>
internal static class SealedFiles
{
    private const int HeadBytes = 128;

    /// <summary>
    /// An encrypted file, and its data key; null if there is none. Unreadable files are passed.
    /// </summary>
    public static (string Path, ulong Key)? First(IFileSystem files, string folder = "")
    {
        Span<byte> head = stackalloc byte[HeadBytes];
        foreach (var path in files.ListFiles(folder).Select(name => Join(folder, name)))
        {
            if (KeyOf(files, path, head) is { } key)
                return (path, key);
        }

        foreach (var inner in files.ListFolders(folder))
        {
            if (First(files, Join(folder, inner)) is { } found)
                return found;
        }

        return null;
    }

    private static ulong? KeyOf(IFileSystem files, string path, Span<byte> head)
    {
        try
        {
            using var file = files.Open(path, forWriting: false);
            ReadOnlySpan<byte> bytes = head[..file.Read(0, head)];
            return SealedFile.ReadSeal(bytes, path)?.Key ?? Manifest.ReadSeal(bytes)?.Key
                ?? RecordFormat.FirstKey(bytes);
        }
        catch (IOException e) when (DiskErrors.KindOf(e) == DiskErrorKind.Lasting)
        {
            return null;
        }
    }

    private static string Join(string folder, string name) => folder.Length == 0 ? name : $"{folder}/{name}";
}
