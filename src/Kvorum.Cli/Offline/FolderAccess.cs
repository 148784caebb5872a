using System.Runtime.InteropServices;

namespace Kvorum.Cli.Offline;

/// <summary>
/// Whether this user may read all of a data folder. What may not be read would look like damage, file by
/// file, and is none: so it is asked first, of everything, and told once.
/// </summary>
internal static partial class FolderAccess
{
    private const int Read = 4;
    private const int ReadAndEnter = 5;

    private static readonly EnumerationOptions Everything = new()
    {
        AttributesToSkip = 0,
        IgnoreInaccessible = false,
    };

    /// <summary>
    /// An <see cref="IOException"/> that names the first path which is not there, is no folder, or may not be
    /// read.
    /// </summary>
    public static void Check(string path)
    {
        if (path.Length == 0)
            throw new IOException("--data is empty: name a node's data folder");
        var full = Path.GetFullPath(path);
        if (File.Exists(full))
            throw new IOException($"{full} is a file. Give --data a node's data folder.");
        try
        {
            // Unlike Directory.Exists, this tells what is not there from what may not be looked at.
            _ = File.GetAttributes(full);
            CheckFolder(full);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new IOException($"{full}: no such folder. Give --data a node's data folder.", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw Refused(full, e);
        }
    }

    private static void CheckFolder(string folder)
    {
        CheckOne(folder, ReadAndEnter);
        foreach (var file in Directory.EnumerateFiles(folder, "*", Everything))
            CheckOne(file, Read);
        foreach (var inner in Directory.EnumerateDirectories(folder, "*", Everything))
            CheckFolder(inner);
    }

    private static void CheckOne(string path, int mode)
    {
        // EACCES; another error is found and judged by the code that reads the file.
        if (!OperatingSystem.IsWindows() && Access(path, mode) != 0 && Marshal.GetLastPInvokeError() == 13)
            throw Refused(path, null);
    }

    private static IOException Refused(string path, Exception? e) => new(
        $"{path}: this user may not read it, so the folder cannot be judged. Nothing was changed. Run the "
        + "command as the user that the node runs as.", e);

    [LibraryImport(
        "libc", EntryPoint = "access", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Access(string path, int mode);
}
