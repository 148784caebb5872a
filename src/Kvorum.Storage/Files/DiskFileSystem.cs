// The only file that calls the real disk: all other code goes through IFileSystem.
#pragma warning disable RS0030

using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Kvorum.Storage.Files;

/// <summary>
/// The machine's disk below one folder. New folders are private to the owner (0700), new files too (0600). On
/// Linux syncs are fdatasync and fsync with their errors checked; elsewhere they are what .NET offers. Every
/// failure is an <see cref="IOException"/> that names the path. Safe for use by several threads.
/// </summary>
public sealed class DiskFileSystem : IFileSystem
{
    private const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode PrivateFolder = PrivateFile | UnixFileMode.UserExecute;
    private const string LockName = "LOCK";
    private const string OwnerName = "LOCK.pid";

    private readonly string _root;

    /// <summary>
    /// Uses the folder, made here if it does not exist. All paths given later are relative to it.
    /// </summary>
    public DiskFileSystem(string rootFolder)
    {
        _root = Path.GetFullPath(rootFolder);
        Guard(_root, () => MakeFolder(_root));
    }

    /// <inheritdoc/>
    public IFile Create(string path) => OpenFile(path, FileMode.CreateNew, FileAccess.ReadWrite);

    /// <inheritdoc/>
    public IFile Open(string path, bool forWriting) =>
        OpenFile(path, FileMode.Open, forWriting ? FileAccess.ReadWrite : FileAccess.Read);

    /// <inheritdoc/>
    public IFile OpenPastCache(string path)
    {
        var full = Full(path);
        if (Posix.OpenDirect(full) is not { } handle)
            return Open(path, forWriting: false);
        var file = new DirectFile(full, handle);
        if (file.IsSupported())
            return file;
        // The system supports direct reads, this file system does not.
        file.Dispose();
        return Open(path, forWriting: false);
    }

    /// <inheritdoc/>
    public bool Exists(string path)
    {
        var full = Full(path);
        if (File.Exists(full))
            return true;
        // .NET also returns false for a file that it cannot access: ask again, with errors.
        var isThere = false;
        Guard(full, () => isThere = IsThere(full));
        return isThere;
    }

    /// <inheritdoc/>
    public void Delete(string path)
    {
        var full = Full(path);
        Guard(full, () =>
        {
            // File.Delete ignores a missing file; the contract of IFileSystem is an error.
            if (!File.Exists(full))
                throw new FileNotFoundException($"{full}: no such file");
            File.Delete(full);
        });
    }

    /// <inheritdoc/>
    public void Rename(string from, string to)
    {
        var (source, target) = (Full(from), Full(to));
        Guard(source, () => File.Move(source, target, overwrite: true));
    }

    /// <inheritdoc/>
    public void CreateFolder(string path)
    {
        var full = Full(path);
        Guard(full, () => MakeFolder(full));
    }

    /// <inheritdoc/>
    public void DeleteFolder(string path)
    {
        var full = Full(path);
        Guard(full, () =>
        {
            if (Directory.Exists(full))
                Directory.Delete(full, recursive: true);
        });
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> ListFiles(string folder) => List(folder, Directory.GetFiles);

    /// <inheritdoc/>
    public IReadOnlyList<string> ListFolders(string folder) => List(folder, Directory.GetDirectories);

    /// <inheritdoc/>
    public void SyncFolder(string folder)
    {
        // Windows needs no such call: its file systems keep the order of changes to names.
        if (!OperatingSystem.IsWindows())
            Posix.SyncFolder(Full(folder));
    }

    /// <inheritdoc/>
    public IDisposable LockFolder(string folder)
    {
        var held = Lock(folder, FileMode.OpenOrCreate, FileAccess.ReadWrite);
        WriteOwner(Path.Combine(Full(folder), OwnerName));
        return held;
    }

    /// <summary>
    /// Locks the folder as <see cref="LockFolder"/> does, for a reader, and changes nothing in it. Null, and
    /// nothing is locked, if no process has ever locked it.
    /// </summary>
    public IDisposable? LockFolderUnchanged(string folder) =>
        File.Exists(Path.Combine(Full(folder), LockName))
            ? Lock(folder, FileMode.Open, FileAccess.Read) : null;

    private FileStream Lock(string folder, FileMode mode, FileAccess access)
    {
        var full = Full(folder);
        try
        {
            var alone = Options(mode, access, FileShare.None);
            return new FileStream(Path.Combine(full, LockName), alone);
        }
        catch (IOException error) when (IsTaken(error))
        {
            var pid = ReadOwner(Path.Combine(full, OwnerName));
            throw new IOException($"{full} is in use by another process{pid}: {error.Message}", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            var why = IsReadOnly(error)
                ? "is on a read-only file system, but a node writes to its data folder: mount it for writing"
                : $"cannot be locked: {error.Message}";
            throw new IOException($"{full}: {why}", error);
        }
    }

    /// <inheritdoc/>
    public DiskRoom Room()
    {
        try
        {
            var drive = new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(_root)! : _root);
            return new DiskRoom(drive.AvailableFreeSpace, drive.TotalSize);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new IOException($"{_root}: {error.Message}", error);
        }
    }

    // EWOULDBLOCK, or a sharing violation.
    private static bool IsTaken(IOException error) => OperatingSystem.IsWindows()
        ? error.HResult == unchecked((int)0x80070020)
        : error.HResult == (OperatingSystem.IsMacOS() ? 35 : 11);

    // EROFS; .NET may put an exception of its own around it.
    private static bool IsReadOnly(Exception error) =>
        !OperatingSystem.IsWindows() && (error.InnerException ?? error).HResult == 30;

    // A second file names the process that holds the lock: others cannot read the locked one. Only the
    // message needs it.
    private static string ReadOwner(string path)
    {
        try
        {
            return $" (pid {File.ReadAllText(path, Encoding.ASCII).Trim()})";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static void WriteOwner(string path)
    {
        try
        {
            using var file = new FileStream(path, Options(FileMode.Create, FileAccess.Write, FileShare.Read));
            file.Write(Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The file is a hint only: a node starts without it, for example on a full disk.
        }
    }

    private DiskFile OpenFile(string path, FileMode mode, FileAccess access)
    {
        var full = Full(path);
        try
        {
            var shared = Options(mode, access, FileShare.ReadWrite | FileShare.Delete);
            return new DiskFile(full, new FileStream(full, shared));
        }
        catch (IOException error) when (IsFull(error))
        {
            throw new DiskFullException($"{full}: {error.Message}", error);
        }
        catch (IOException error) when (DiskErrors.KindOf(error) == DiskErrorKind.NoResources)
        {
            throw new NoResourcesException($"{full}: {error.Message}", error);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new IOException($"{full}: {error.Message}", error);
        }
    }

    private static bool IsFull(IOException error) => DiskErrors.KindOf(error) == DiskErrorKind.NoRoom;

    // Wraps all errors of a read but that of a closed file.
    private static int ReadSome(SafeFileHandle file, string path, long offset, Span<byte> into)
    {
        try
        {
            return RandomAccess.Read(file, into, offset);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DiskReadException(path, offset, error);
        }
    }

    private static FileStreamOptions Options(FileMode mode, FileAccess access, FileShare share)
    {
        var options = new FileStreamOptions { Mode = mode, Access = access, Share = share, BufferSize = 0 };
        if (!OperatingSystem.IsWindows() && mode != FileMode.Open)
            options.UnixCreateMode = PrivateFile;
        return options;
    }

    private static void MakeFolder(string full)
    {
        if (Directory.Exists(full))
            return;
        var parent = Path.GetDirectoryName(full);
        if (parent is not null)
            MakeFolder(parent);
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(full);
            return;
        }

        Directory.CreateDirectory(full, PrivateFolder);
        if (parent is not null)
            Posix.SyncFolder(parent);
    }

    // A missing folder has no files; a folder that cannot be read is an error.
    private string[] List(string folder, Func<string, string[]> list)
    {
        var full = Full(folder);
        string[] names = [];
        Guard(full, () =>
        {
            try
            {
                names = [.. list(full).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
            }
            catch (DirectoryNotFoundException)
            {
            }
        });
        return names;
    }

    private static bool IsThere(string full)
    {
        try
        {
            return !File.GetAttributes(full).HasFlag(FileAttributes.Directory);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
    }

    private string Full(string path)
    {
        if (Path.IsPathRooted(path) || path.Split('/').Contains(".."))
            throw new ArgumentException($"'{path}' is not a path below the data folder", nameof(path));
        return path.Length == 0 ? _root : Path.Combine(_root, path);
    }

    private static void Guard(string path, Action action)
    {
        try
        {
            action();
        }
        catch (IOException error) when (DiskErrors.KindOf(error) == DiskErrorKind.NoResources)
        {
            throw new NoResourcesException($"{path}: {error.Message}", error);
        }
        catch (IOException error) when (IsFull(error))
        {
            throw new DiskFullException($"{path}: {error.Message}", error); // a folder may need another block
        }
        catch (UnauthorizedAccessException error)
        {
            throw new IOException($"{path}: {error.Message}", error);
        }
    }

    private sealed class DiskFile(string path, FileStream stream) : IFile
    {
        public long Length => RandomAccess.GetLength(stream.SafeFileHandle);

        public int Read(long offset, Span<byte> into)
        {
            var done = 0;
            while (done < into.Length)
            {
                var count = ReadSome(stream.SafeFileHandle, path, offset + done, into[done..]);
                if (count == 0)
                    break;
                done += count;
            }

            return done;
        }

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            try
            {
                RandomAccess.Write(stream.SafeFileHandle, bytes, offset);
            }
            catch (IOException error) when (IsFull(error))
            {
                var what = $"{path}: write of {bytes.Length} bytes at {offset}: {error.Message}";
                throw new DiskFullException(what, error);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                var what = $"{path}: write of {bytes.Length} bytes at {offset}: {error.Message}";
                throw new IOException(what, error);
            }
        }

        public void SetLength(long length)
        {
            try
            {
                RandomAccess.SetLength(stream.SafeFileHandle, length);
            }
            catch (IOException error) when (IsFull(error))
            {
                throw new DiskFullException($"{path}: grow to {length} bytes: {error.Message}", error);
            }
        }

        public void StartSync(long offset, long bytes) =>
            Posix.StartWriteBack(stream.SafeFileHandle, offset, bytes);

        public void Sync()
        {
            if (OperatingSystem.IsLinux())
                Posix.SyncData(stream.SafeFileHandle, path);
            else
                RandomAccess.FlushToDisk(stream.SafeFileHandle);
        }

        public void Dispose() => stream.Dispose();
    }

    // Direct reads must fill aligned memory in whole pieces. One thread at a time.
    private sealed unsafe class DirectFile(string path, SafeFileHandle handle) : IFile
    {
        private const int AlignmentBytes = 4096;
        private const int PieceBytes = 64 << 10;
        private const int InvalidArgument = 22; // EINVAL

        private byte* _piece = (byte*)NativeMemory.AlignedAlloc(PieceBytes, AlignmentBytes);
        private long _pieceAt;
        private int _pieceBytes;

        public long Length => RandomAccess.GetLength(handle);

        // EINVAL means that direct reads are not supported. Any other error is the disk's, and the next read
        // reports it.
        public bool IsSupported()
        {
            try
            {
                _pieceBytes = RandomAccess.Read(handle, new Span<byte>(_piece, PieceBytes), 0);
                return true;
            }
            catch (IOException error)
            {
                return error.HResult != InvalidArgument;
            }
        }

        public int Read(long offset, Span<byte> into)
        {
            ObjectDisposedException.ThrowIf(_piece == null, this);
            var done = 0;
            while (done < into.Length)
            {
                var at = offset + done - _pieceAt;
                if (at < 0 || at >= _pieceBytes)
                {
                    Fill((offset + done) & -AlignmentBytes);
                    at = offset + done - _pieceAt;
                }

                var count = (int)Math.Min(into.Length - done, _pieceBytes - at);
                if (count <= 0)
                    break;
                new ReadOnlySpan<byte>(_piece + at, count).CopyTo(into[done..]);
                done += count;
            }

            return done;
        }

        public void Write(long offset, ReadOnlySpan<byte> bytes) => throw ReadOnly();

        public void SetLength(long length) => throw ReadOnly();

        public void Sync() => throw ReadOnly();

        public void Dispose()
        {
            NativeMemory.AlignedFree(_piece);
            _piece = null;
            handle.Dispose();
        }

        // The unreadable bytes may lie after those that are needed: then only the first page is read.
        private void Fill(long from)
        {
            _pieceBytes = 0;
            try
            {
                _pieceBytes = ReadSome(handle, path, from, new Span<byte>(_piece, PieceBytes));
            }
            catch (DiskReadException)
            {
                _pieceBytes = ReadSome(handle, path, from, new Span<byte>(_piece, AlignmentBytes));
            }

            _pieceAt = from;
        }

        private IOException ReadOnly() => new($"{path}: open for reading only");
    }
}
