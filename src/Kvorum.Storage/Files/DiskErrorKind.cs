namespace Kvorum.Storage.Files;

/// <summary>What an error of the disk asks for.</summary>
public enum DiskErrorKind
{
    /// <summary>
    /// Trying again will not help. Of a read: bytes that should be there are damaged. Of a write or a sync:
    /// final.
    /// </summary>
    Lasting,

    /// <summary>No room on the disk, or none that this user may have: wait for room.</summary>
    NoRoom,

    /// <summary>
    /// The process or the machine is out of file descriptors or of memory: nothing is wrong with the file;
    /// wait and try again.
    /// </summary>
    NoResources,
}
