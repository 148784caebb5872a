namespace Kvorum.Storage.Files;

/// <summary>
/// No room is left for what was to be written. Part of it may be there; what was written before is as it was,
/// and the same may be tried again later.
/// </summary>
public sealed class DiskFullException(string message, Exception? cause = null)
    : DiskShortageException(message, cause);
