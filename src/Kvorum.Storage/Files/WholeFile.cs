using Kvorum.Storage.Files;

namespace Kvorum.Node.Membership;

/// <summary>A small file of the data folder that is there whole or not at all, whatever crashes.</summary>
internal static class WholeFile
{
    private const int BytesMax = 1 << 20;

    /// <summary>The whole content.</summary>
    public static byte[] Read(IFileSystem files, string name)
    {
        using var file = files.Open(name, forWriting: false);
        var bytes = new byte[Math.Min(file.Length, BytesMax)];
        var length = file.Read(0, bytes);
        return bytes[..length];
    }

    /// <summary>Puts the content in the place of the old one; durable when it returns.</summary>
    public static void Replace(IFileSystem files, string name, ReadOnlySpan<byte> content)
    {
        var part = $"{name}.part";
        if (files.Exists(part))
            files.Delete(part);
        using (var file = files.Create(part))
        {
            file.Write(0, content);
            file.Sync();
        }

        files.Rename(part, name);
        files.SyncFolder("");
    }
}
