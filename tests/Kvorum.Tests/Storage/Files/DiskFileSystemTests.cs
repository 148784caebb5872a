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
        foreach (var folder in new[] { "", "a", "a/b", "a/b/log", "a/b/log/old" })
            Assert.Equal(Owner | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.Combine(_root, folder)));
        Assert.Equal(Owner, File.GetUnixFileMode(Path.Combine(_root, "a/b/log/file")));
    }

    // Pieces of any length at any place, though the disk is read in whole ones.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(65_536)]
    [InlineData(200_001)]
    public void What_is_read_past_the_cache_is_what_was_written(int length)
    {
        var disk = new DiskFileSystem(_root);
        var random = new Random(length);
        var bytes = new byte[length];
        random.NextBytes(bytes);
        using (var file = disk.Create("one"))
        {
            file.Write(0, bytes);
            file.Sync();
        }

        using var past = disk.OpenPastCache("one");
        Assert.Equal(length, past.Length);
        var into = new byte[length + 100];
        for (var n = 0; n < 200; n++)
        {
            var at = random.Next(length + 1);
            var count = random.Next(into.Length);
            var expected = Math.Min(count, length - at);
            Assert.Equal(expected, past.Read(at, into.AsSpan(0, count)));
            Assert.True(bytes.AsSpan(at, expected).SequenceEqual(into.AsSpan(0, expected)));
        }

        Assert.Equal(0, past.Read(length + 10_000, into));
        Assert.Throws<IOException>(() => past.Write(0, "x"u8));
    }

    [Fact]
    public void Bytes_and_names_are_as_told()
    {
        var disk = new DiskFileSystem(_root);
        using (var file = disk.Create("one"))
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
        using (var file = disk.Open("two", forWriting: false))
        {
            var into = new byte[20];
            Assert.Equal(7, file.Read(5, into));
            Assert.Equal("hello\0\0"u8, into.AsSpan(0, 7));
            CheckNames("two", () => file.Write(0, "x"u8));
        }

        disk.Delete("two");
        Assert.False(disk.Exists("two"));
        CheckNames("two", () => disk.Delete("two"));
        CheckNames("two", () => disk.Open("two", forWriting: true));
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
        using var file = disk.Open("full", forWriting: true);
        var write = Assert.ThrowsAny<IOException>(() => file.Write(0, "x"u8)).Message;
        Assert.Contains("full", write, StringComparison.Ordinal);
        Assert.Contains("No space left on device", write, StringComparison.Ordinal);
        // The kernel refuses to sync a device that keeps nothing; .NET's own flush says nothing about it.
        var sync = Assert.ThrowsAny<IOException>(file.Sync).Message;
        Assert.Contains(Path.Combine(_root, "full"), sync, StringComparison.Ordinal);
        Assert.Contains("fdatasync", sync, StringComparison.Ordinal);
        Assert.Contains("errno 22", sync, StringComparison.Ordinal);
        var folder = Assert.ThrowsAny<IOException>(() => disk.SyncFolder("missing")).Message;
        Assert.Contains("missing", folder, StringComparison.Ordinal);
        Assert.Contains("errno 2)", folder, StringComparison.Ordinal);
    }

    // The memory of this process can be opened, and nothing is at its beginning: the kernel says EIO.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_cannot_be_read_is_an_error_that_names_path_and_byte(bool isPastCache)
    {
        if (!OperatingSystem.IsLinux())
            return;
        var disk = new DiskFileSystem(_root);
        File.CreateSymbolicLink(Path.Combine(_root, "bad"), "/proc/self/mem");
        using var file = isPastCache ? disk.OpenPastCache("bad") : disk.Open("bad", forWriting: false);
        var error = Assert.Throws<DiskReadException>(() => file.Read(4096, new byte[100]));
        Assert.Equal(4096, error.Offset);
        Assert.Equal(DiskErrorKind.Lasting, DiskErrors.KindOf(error));
        Assert.Equal(
            $"{Path.Combine(_root, "bad")}: read at byte 4096: Input/output error (errno 5)", error.Message);
    }

    [Fact]
    public void Nothing_is_taken_for_absent_because_it_cannot_be_looked_at()
    {
        if (OperatingSystem.IsWindows())
            return;
        var disk = new DiskFileSystem(_root);
        // A name that leads to itself stands for all that the system cannot look at, for root as well.
        File.CreateSymbolicLink(Path.Combine(_root, "loop"), "loop");
        disk.CreateFolder("folder");
        CheckNames("loop", () => disk.Exists("loop/file"));
        CheckNames("loop", () => disk.ListFiles("loop/folder"));
        Assert.False(disk.Exists("folder"));
        Assert.False(disk.Exists("nowhere/file"));
        Assert.Empty(disk.ListFolders("nowhere"));
        disk.Create("file").Dispose();
        Assert.False(disk.Exists("file/below"));
    }

    private static void CheckNames(string path, Action action) =>
        Assert.Contains(path, Assert.ThrowsAny<IOException>(action).Message, StringComparison.Ordinal);
}
