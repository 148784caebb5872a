namespace Kvorum.Storage.Files;

/// <summary>
/// The disk or the process lacks something for now. Nothing that was there before has changed, and the same
/// may be tried again later: nothing else about the disk is in doubt.
/// </summary>
public abstract class DiskShortageException(string message, Exception? cause) : IOException(message, cause);
