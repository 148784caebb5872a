namespace Kvorum.Storage.Files;

/// <summary>
/// The disk is full. Part of the bytes may be written; earlier bytes are unchanged, and the write may be
/// tried again later.
/// </summary>
public sealed class DiskFullException(string message, Exception? cause = null)
    : DiskShortageException(message, cause);
