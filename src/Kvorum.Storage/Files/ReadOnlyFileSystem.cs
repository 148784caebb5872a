using Kvorum.Storage.Encryption;

namespace Kvorum.Storage.Files;

/// <summary>
/// A disk that refuses changes: reads go to the disk below, each change is an <see cref="IOException"/> that
/// names the path. A file opened for writing can be read. Creating a folder does nothing: a missing folder
/// lists as empty. As safe for threads as the disk below.
/// </summary>
public sealed class ReadOnlyFileSystem(IFileSystem below) : IFileSystem
{
    /// <inheritdoc/>
    public DataKeys? Keys => below.Keys;

    /// <inheritdoc/>
    public IFile Create(string path) => throw Refused(path);

    /// <inheritdoc/>
    public IFile Open(string path, bool forWriting) =>
        new ReadOnlyFile(path, below.Open(path, forWriting: false));

    /// <inheritdoc/>
    public IFile OpenPastCache(string path) => new ReadOnlyFile(path, below.OpenPastCache(path));

    /// <inheritdoc/>
    public bool Exists(string path) => below.Exists(path);

    /// <inheritdoc/>
    public void Delete(string path) => throw Refused(path);

    /// <inheritdoc/>
    public void Rename(string from, string to) => throw Refused(from);

    /// <inheritdoc/>
    public void CreateFolder(string path)
    {
    }

    /// <inheritdoc/>
    public void DeleteFolder(string path) => throw Refused(path);

    /// <inheritdoc/>
    public IReadOnlyList<string> ListFiles(string folder) => below.ListFiles(folder);

    /// <inheritdoc/>
    public IReadOnlyList<string> ListFolders(string folder) => below.ListFolders(folder);

    /// <inheritdoc/>
    public void SyncFolder(string folder) => throw Refused(folder);

    /// <inheritdoc/>
    public DiskRoom Room() => below.Room();

    /// <inheritdoc/>
    public IDisposable LockFolder(string folder) => throw Refused(folder);

    private static IOException Refused(string path) =>
        new($"{path}: refused, the disk is open for reading only");

    private sealed class ReadOnlyFile(string path, IFile below) : IFile
    {
        public long Length => below.Length;

        public int Read(long offset, Span<byte> into) => below.Read(offset, into);

        public void Write(long offset, ReadOnlySpan<byte> bytes) => throw Refused(path);

        public void SetLength(long length) => throw Refused(path);

        public void Sync() => throw Refused(path);

        public void Dispose() => below.Dispose();
    }
}
