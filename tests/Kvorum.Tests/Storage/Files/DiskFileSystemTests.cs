using Kvorum.Storage.Files;

namespace Kvorum.Tests.Storage.Files;

public sealed class DiskFileSystemTests : IDisposable
{
    private readonly string _root = Path.Combine(Path.GetTempPath(), $"kvorum-{Guid.NewGuid():N}");

    public void Dispose()
    {
        if (Directory.Exists(_root))
            Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public void Missing_folders_are_made_and_private()
    {
        var disk = new DiskFileSystem(Path.Combine(_root, "a", "b"));
        disk.CreateFolder("log/old");
        disk.Create("log/file").Dispose();
        Assert.Equal(["log"], disk.ListFolders(""));
        Assert.Equal(["old"], disk.ListFolders("log"));
        Assert.Equal(["file"], disk.ListFiles("log"));
        Assert.Empty(disk.ListFiles("nowhere"));
        if (OperatingSystem.IsWindows())
            return;
        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        foreach (string folder in new[] { "", "a", "a/b", "a/b/log", "a/b/log/old" })
            Assert.Equal(Owner | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.Combine(_root, folder)));
        Assert.Equal(Owner, File.GetUnixFileMode(Path.Combine(_root, "a/b/log/file")));
    }

    [Fact]
    public void Bytes_and_names_are_as_told()
    {
        var disk = new DiskFileSystem(_root);
        using (IFile file = disk.Create("one"))
        {
            file.Write(5, "hello"u8);
            file.SetLength(12);
            file.Sync();
            Assert.Equal(12, file.Length);
        }

        Assert.Throws<IOException>(() => disk.Create("one"));
        disk.Create("two").Dispose();
        disk.Rename("one", "two");
        disk.SyncFolder("");
        Assert.Equal(["two"], disk.ListFiles(""));
        using (IFile file = disk.Open("two", forWriting: false))
        {
            byte[] into = new byte[20];
            Assert.Equal(7, file.Read(5, into));
            Assert.Equal("hello\0\0"u8, into.AsSpan(0, 7));
            Assert.Contains("two", Assert.Throws<IOException>(() => file.Write(0, "x"u8)).Message, StringComparison.Ordinal);
        }

        disk.Delete("two");
        Assert.False(disk.Exists("two"));
        Assert.Contains("two", Assert.ThrowsAny<IOException>(() => disk.Delete("two")).Message, StringComparison.Ordinal);
        Assert.Contains("two", Assert.ThrowsAny<IOException>(() => disk.Open("two", forWriting: true)).Message, StringComparison.Ordinal);
        disk.CreateFolder("folder/below");
        disk.DeleteFolder("folder");
        disk.DeleteFolder("folder");
        Assert.Empty(disk.ListFolders(""));
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData("a/../../outside")]
    [InlineData("/etc/passwd")]
    public void A_path_out_of_the_folder_is_refused(string path) =>
        Assert.Throws<ArgumentException>(() => new DiskFileSystem(_root).Create(path));

    [Fact]
    public void A_folder_is_locked_once_and_the_error_says_by_whom()
    {
        var disk = new DiskFileSystem(_root);
        using (disk.LockFolder(""))
        {
            var error = Assert.ThrowsAny<IOException>(() => new DiskFileSystem(_root).LockFolder(""));
            Assert.Contains(_root, error.Message, StringComparison.Ordinal);
            Assert.Contains($"(pid {Environment.ProcessId})", error.Message, StringComparison.Ordinal);
        }

        disk.LockFolder("").Dispose();
    }

    [Fact]
    public void A_failed_sync_and_a_full_disk_are_errors_that_name_the_path()
    {
        if (!OperatingSystem.IsLinux())
            return;
        var disk = new DiskFileSystem(_root);
        File.CreateSymbolicLink(Path.Combine(_root, "full"), "/dev/full");
        using IFile file = disk.Open("full", forWriting: true);
        string write = Assert.ThrowsAny<IOException>(() => file.Write(0, "x"u8)).Message;
        Assert.Contains("full", write, StringComparison.Ordinal);
        Assert.Contains("No space left on device", write, StringComparison.Ordinal);
        // The kernel refuses to sync a device that keeps nothing; .NET's own flush says nothing about it.
        string sync = Assert.ThrowsAny<IOException>(file.Sync).Message;
        Assert.Contains(Path.Combine(_root, "full"), sync, StringComparison.Ordinal);
        Assert.Contains("fdatasync", sync, StringComparison.Ordinal);
        Assert.Contains("errno 22", sync, StringComparison.Ordinal);
        string folder = Assert.ThrowsAny<IOException>(() => disk.SyncFolder("missing")).Message;
        Assert.Contains("missing", folder, StringComparison.Ordinal);
        Assert.Contains("errno 2)", folder, StringComparison.Ordinal);
    }
}
