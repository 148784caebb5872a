namespace Kvorum.Storage.Files;

/// <summary>
/// A file as far as the disk can read it: for those who look for what is left of it. What cannot be read is
/// zeros here.
/// </summary>
internal sealed class ReadableParts
{
    // One sector that cannot be read makes the system give up all of its page.
    private const int PageBytes = 4096;

    // The disk may try each for seconds; where there are more, all that follows counts as one.
    private const int GapsMax = 32;

    private readonly List<UnreadablePart> _gaps = [];

    private ReadableParts(byte[] bytes) => Bytes = bytes;

    /// <summary>The content.</summary>
    public byte[] Bytes { get; }

    /// <summary>What of it cannot be read, in order.</summary>
    public IReadOnlyList<UnreadablePart> Gaps => _gaps;

    /// <summary>
    /// Reads a file; throws only if it cannot be opened, or is too long for any of this store.
    /// </summary>
    public static ReadableParts Read(IFileSystem files, string path)
    {
        using IFile file = files.Open(path, forWriting: false);
        if (file.Length > Array.MaxLength)
            throw new IOException($"{path}: a file of {file.Length} bytes was never written");
        var parts = new ReadableParts(new byte[file.Length]);
        for (int at = 0; at < parts.Bytes.Length;)
            at = parts.ReadFrom(file, at);
        return parts;
    }

    // Where to go on.
    private int ReadFrom(IFile file, int at)
    {
        try
        {
            file.Read(at, Bytes.AsSpan(at));
            return Bytes.Length;
        }
        catch (DiskReadException error)
        {
            int from = (int)Math.Clamp(error.Offset, at, Bytes.Length);
            int end = _gaps.Count + 1 == GapsMax ? Bytes.Length
                : Math.Min(Bytes.Length, (from / PageBytes * PageBytes) + PageBytes);
            try
            {
                file.Read(at, Bytes.AsSpan(at, from - at));
            }
            catch (DiskReadException)
            {
                // It was read a moment ago.
                from = at;
            }

            Bytes.AsSpan(from, end - from).Clear();
            _gaps.Add(new UnreadablePart(from, end, DiskErrors.TextOf(error)));
            return end;
        }
    }
}

/// <summary>Bytes that cannot be read, from one to behind the last, and why.</summary>
internal readonly record struct UnreadablePart(int From, int End, string Why);
