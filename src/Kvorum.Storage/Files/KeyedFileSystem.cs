using Kvorum.Storage.Encryption;

namespace Kvorum.Storage.Files;

/// <summary>
/// A disk with the keys of the folder: the store encrypts what it writes there and reads what is encrypted.
/// It changes no bytes itself. As safe for threads as the disk below.
/// </summary>
public sealed class KeyedFileSystem(IFileSystem below, DataKeys keys) : IFileSystem
{
    /// <inheritdoc/>
    public DataKeys Keys => keys;

    /// <inheritdoc/>
    public IFile Create(string path) => below.Create(path);

    /// <inheritdoc/>
    public IFile Open(string path, bool forWriting) => below.Open(path, forWriting);

    /// <inheritdoc/>
    public IFile OpenPastCache(string path) => below.OpenPastCache(path);

    /// <inheritdoc/>
    public bool Exists(string path) => below.Exists(path);

    /// <inheritdoc/>
    public void Delete(string path) => below.Delete(path);

    /// <inheritdoc/>
    public void Rename(string from, string to) => below.Rename(from, to);

    /// <inheritdoc/>
    public void CreateFolder(string path) => below.CreateFolder(path);

    /// <inheritdoc/>
    public void DeleteFolder(string path) => below.DeleteFolder(path);

    /// <inheritdoc/>
    public IReadOnlyList<string> ListFiles(string folder) => below.ListFiles(folder);

    /// <inheritdoc/>
    public IReadOnlyList<string> ListFolders(string folder) => below.ListFolders(folder);

    /// <inheritdoc/>
    public void SyncFolder(string folder) => below.SyncFolder(folder);

    /// <inheritdoc/>
    public DiskRoom Room() => below.Room();

    /// <inheritdoc/>
    public IDisposable LockFolder(string folder) => below.LockFolder(folder);
}
