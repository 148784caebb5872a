namespace Kvorum.Storage.Files;

/// <summary>
/// The disk or the process is short of room, descriptors or memory for now. Earlier data is unchanged, and
/// the call may be tried again later.
/// </summary>
public abstract class DiskShortageException(string message, Exception? cause) : IOException(message, cause);
