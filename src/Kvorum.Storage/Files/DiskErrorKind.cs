namespace Kvorum.Storage.Files;

/// <summary>How an error of the disk is handled.</summary>
public enum DiskErrorKind
{
    /// <summary>
    /// Permanent. In a read: the bytes are damaged. In a write or a sync: the error is final.
    /// </summary>
    Lasting,

    /// <summary>The disk or the user's quota is full: wait for room.</summary>
    NoRoom,

    /// <summary>
    /// The process or the machine is out of file descriptors or of memory. The file is fine: wait and try
    /// again.
    /// </summary>
    NoResources,

    /// <summary>A file is encrypted, and not with a key that is at hand. The file is fine.</summary>
    OtherKey,
}
