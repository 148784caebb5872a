namespace Kvorum.Storage.Files;

/// <summary>A small file that is there whole or not at all, whatever crashes. Any thread.</summary>
public static class WholeFile
{
    private const int BytesMax = 1 << 20;

    /// <summary>The whole content, 1 MiB of it at most.</summary>
    public static byte[] Read(IFileSystem files, string name)
    {
        ArgumentNullException.ThrowIfNull(files);
        using var file = files.Open(name, forWriting: false);
        var bytes = new byte[Math.Min(file.Length, BytesMax)];
        var length = file.Read(0, bytes);
        return bytes[..length];
    }

    /// <summary>
    /// Puts the content in the place of the old one; durable when it returns. Beside it, for a while, is a
    /// file of the same name with ".part" behind it.
    /// </summary>
    /// <param name="files">The disk.</param>
    /// <param name="path">The file, with the folder that it is in.</param>
    /// <param name="content">All of it.</param>
    public static void Replace(IFileSystem files, string path, ReadOnlySpan<byte> content)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(path);
        var part = $"{path}.part";
        if (files.Exists(part))
            files.Delete(part);
        using (var file = files.Create(part))
        {
            file.Write(0, content);
            file.Sync();
        }

        files.Rename(part, path);
        files.SyncFolder(path[..Math.Max(0, path.LastIndexOf('/'))]);
    }
}
