namespace Kvorum.Storage.Files;

/// <summary>An open file. One writer at a time; positions and lengths in bytes.</summary>
public interface IFile : IDisposable
{
    /// <summary>The present length.</summary>
    long Length { get; }

    /// <summary>
    /// Reads up to <c>into.Length</c> bytes from <paramref name="offset"/>; fewer only at the end of the
    /// file. A <see cref="DiskReadException"/> if some of them cannot be read.
    /// </summary>
    int Read(long offset, Span<byte> into);

    /// <summary>Writes all bytes at <paramref name="offset"/>, growing the file where needed.</summary>
    void Write(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Cuts or grows the file.</summary>
    void SetLength(long length);

    /// <summary>
    /// Asks the system to start writing bytes back, so that a later <see cref="Sync"/> has little left, and
    /// other users of the disk wait for less. Only a hint; never fails.
    /// </summary>
    void StartSync(long offset, long bytes)
    {
    }

    /// <summary>
    /// Makes all written bytes and the length durable (fdatasync). After a failure everything
    /// written since the last success is in doubt.
    /// </summary>
    void Sync();
}
