using Kvorum.Storage.Encryption;

namespace Kvorum.Storage.Files;

/// <summary>
/// The interface through which the store uses files, so that tests and the simulator can put a crashing,
/// lying or full disk behind it. Paths use '/', relative to the node's data folder. A failure is an
/// <see cref="IOException"/> whose message names the path, where no room is left a
/// <see cref="DiskFullException"/>, where descriptors have run out a
/// <see cref="NoResourcesException"/>; <see cref="DiskErrors"/> tells the others apart. Created, renamed and
/// deleted names are durable only after <see cref="SyncFolder"/>; written bytes only after
/// <see cref="IFile.Sync"/>. Safe for use by several threads.
/// </summary>
public interface IFileSystem
{
    /// <summary>The keys of the folder's encrypted files; null where it has none.</summary>
    DataKeys? Keys => null;

    /// <summary>Creates a file that must not exist, open for reading and writing.</summary>
    IFile Create(string path);

    /// <summary>Opens an existing file.</summary>
    IFile Open(string path, bool forWriting);

    /// <summary>
    /// Opens an existing file for reads from the disk itself (O_DIRECT), past the system's page cache, where
    /// the system supports that; else as <see cref="Open"/>. For files that are not being written.
    /// </summary>
    IFile OpenPastCache(string path) => Open(path, forWriting: false);

    /// <summary>True if a file of that name exists; an error if the system cannot tell.</summary>
    bool Exists(string path);

    /// <summary>Deletes a file.</summary>
    void Delete(string path);

    /// <summary>Renames a file, replacing a file of the new name atomically.</summary>
    void Rename(string from, string to);

    /// <summary>
    /// Creates a folder, and those above it, readable by the owner only, and makes it durable; nothing if it
    /// exists.
    /// </summary>
    void CreateFolder(string path);

    /// <summary>Deletes a folder and all it holds; nothing if it does not exist.</summary>
    void DeleteFolder(string path);

    /// <summary>
    /// Names (not paths) of the files in a folder, in ordinal order; empty if there is no such folder.
    /// </summary>
    IReadOnlyList<string> ListFiles(string folder);

    /// <summary>
    /// Names (not paths) of the folders in a folder, in ordinal order; empty if there is no such folder.
    /// </summary>
    IReadOnlyList<string> ListFolders(string folder);

    /// <summary>Makes the names in a folder durable.</summary>
    void SyncFolder(string folder);

    /// <summary>
    /// How much room is left on the disk of the data folder. A system call: not for a loop.
    /// </summary>
    DiskRoom Room();

    /// <summary>
    /// Locks the folder for this process until disposed; an <see cref="IOException"/> names the process that
    /// holds it.
    /// </summary>
    IDisposable LockFolder(string folder);
}
