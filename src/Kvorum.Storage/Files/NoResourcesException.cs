namespace Kvorum.Storage.Files;

/// <summary>
/// A file or folder could not be opened, because the process or the machine is out of file descriptors or of
/// memory. The file itself is fine.
/// </summary>
public sealed class NoResourcesException : DiskShortageException
{
    private const int TooManyOpenFiles = 24; // EMFILE

    /// <summary>With the system's error, if there is an exception of it.</summary>
    public NoResourcesException(string message, Exception? cause = null)
        : base(message, cause) => HResult = cause?.HResult ?? TooManyOpenFiles;
}
