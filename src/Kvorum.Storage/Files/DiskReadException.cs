namespace Kvorum.Storage.Files;

/// <summary>
/// Bytes of a file could not be read; the message names file, offset and cause.
/// <see cref="DiskErrors"/> says whether they are damaged.
/// </summary>
/// <param name="path">The file's name for the message.</param>
/// <param name="offset">The first byte that could not be read.</param>
/// <param name="cause">The system's error.</param>
public sealed class DiskReadException(string path, long offset, Exception cause)
    : IOException($"{path}: read at byte {offset}: {DiskErrors.TextOf(cause)}", cause)
{
    /// <summary>The first byte that could not be read.</summary>
    public long Offset => offset;
}
