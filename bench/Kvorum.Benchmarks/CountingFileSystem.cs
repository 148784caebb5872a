using Kvorum.Storage.Encryption;
using Kvorum.Storage.Files;

namespace Kvorum.Benchmarks;

/// <summary>Passes everything on, and counts the bytes that are written.</summary>
internal sealed class CountingFileSystem(IFileSystem files) : IFileSystem
{
    private long _bytesWritten;

    /// <summary>Bytes written to all files so far.</summary>
    public long BytesWritten => Volatile.Read(ref _bytesWritten);

    /// <inheritdoc/>
    public DataKeys? Keys => files.Keys;

    /// <inheritdoc/>
    public IFile Create(string path) => new CountedFile(this, files.Create(path));

    /// <inheritdoc/>
    public IFile Open(string path, bool forWriting) =>
        forWriting ? new CountedFile(this, files.Open(path, true)) : files.Open(path, false);

    /// <inheritdoc/>
    public bool Exists(string path) => files.Exists(path);

    /// <inheritdoc/>
    public void Delete(string path) => files.Delete(path);

    /// <inheritdoc/>
    public void Rename(string from, string to) => files.Rename(from, to);

    /// <inheritdoc/>
    public void CreateFolder(string path) => files.CreateFolder(path);

    /// <inheritdoc/>
    public void DeleteFolder(string path) => files.DeleteFolder(path);

    /// <inheritdoc/>
    public IReadOnlyList<string> ListFiles(string folder) => files.ListFiles(folder);

    /// <inheritdoc/>
    public IReadOnlyList<string> ListFolders(string folder) => files.ListFolders(folder);

    /// <inheritdoc/>
    public void SyncFolder(string folder) => files.SyncFolder(folder);

    /// <inheritdoc/>
    public DiskRoom Room() => files.Room();

    /// <inheritdoc/>
    public IDisposable LockFolder(string folder) => files.LockFolder(folder);

    private sealed class CountedFile(CountingFileSystem owner, IFile file) : IFile
    {
        public long Length => file.Length;

        public int Read(long offset, Span<byte> into) => file.Read(offset, into);

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            file.Write(offset, bytes);
            Interlocked.Add(ref owner._bytesWritten, bytes.Length);
        }

        public void SetLength(long length) => file.SetLength(length);

        public void StartSync(long offset, long bytes) => file.StartSync(offset, bytes);

        public void Sync() => file.Sync();

        public void Dispose() => file.Dispose();
    }
}
