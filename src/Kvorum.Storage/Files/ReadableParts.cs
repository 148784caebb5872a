namespace Kvorum.Storage.Files;

/// <summary>
/// A file as far as the disk can read it: for those who look for what is left of it. What cannot be read is
/// zeros here.
/// </summary>
internal sealed class ReadableParts
{
    private const int PieceBytes = 256 << 10;

    // One sector that cannot be read makes the system give up all of its page.
    private const int PageBytes = 4096;

    // The disk may try each for seconds; where there are more, all that follows counts as one.
    private const int BadPagesMax = 32;

    private readonly List<UnreadablePart> _gaps = [];
    private int _badPages;

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
        using var file = files.Open(path, forWriting: false);
        if (file.Length > Array.MaxLength)
            throw new IOException($"{path}: a file of {file.Length} bytes was never written");
        var parts = new ReadableParts(new byte[file.Length]);
        for (long at = 0; at < parts.Bytes.Length; at += PieceBytes)
            parts.ReadPiece(file, (int)at, (int)Math.Min(PieceBytes, parts.Bytes.Length - at));
        return parts;
    }

    // Some systems fail a whole request for one of its sectors: so a piece that fails is read page by page.
    private void ReadPiece(IFile file, int at, int bytes)
    {
        if (TryRead(file, at, bytes) is null)
            return;
        for (var page = at; page < at + bytes; page += PageBytes)
        {
            var length = Math.Min(PageBytes, at + bytes - page);
            if (TryRead(file, page, length) is { } why)
                AddGap(page, page + length, why);
        }
    }

    // Why not, if not.
    private string? TryRead(IFile file, int at, int bytes)
    {
        if (_badPages >= BadPagesMax)
            return _gaps[^1].Why;
        try
        {
            file.Read(at, Bytes.AsSpan(at, bytes));
            return null;
        }
        catch (DiskReadException error)
        {
            Bytes.AsSpan(at, bytes).Clear();
            return DiskErrors.TextOf(error);
        }
    }

    private void AddGap(int from, int end, string why)
    {
        _badPages++;
        if (_gaps.Count > 0 && _gaps[^1].End == from)
        {
            from = _gaps[^1].From;
            _gaps.RemoveAt(_gaps.Count - 1);
        }

        _gaps.Add(new UnreadablePart(from, end, why));
    }
}

/// <summary>Bytes that cannot be read, from one to behind the last, and why.</summary>
internal readonly record struct UnreadablePart(int From, int End, string Why);
