namespace Kvorum.Storage.Files;

/// <summary>
/// The readable bytes of a damaged file. Bytes that cannot be read are zeros here.
/// </summary>
internal sealed class ReadableParts
{
    private const int PieceBytes = 256 << 10;

    // The system fails the whole page of an unreadable sector.
    private const int PageBytes = 4096;

    // The disk may retry each for seconds; after so many the rest counts as unreadable.
    private const int BadPagesMax = 32;

    private readonly List<UnreadablePart> _gaps = [];
    private int _badPages;

    private ReadableParts(byte[] bytes) => Bytes = bytes;

    /// <summary>The content.</summary>
    public byte[] Bytes { get; }

    /// <summary>The parts that cannot be read, in order.</summary>
    public IReadOnlyList<UnreadablePart> Gaps => _gaps;

    /// <summary>
    /// Reads a file; throws only if it cannot be opened, or is longer than any file of the store.
    /// </summary>
    public static ReadableParts Read(IFileSystem files, string path)
    {
        using var file = files.Open(path, forWriting: false);
        if (file.Length > Array.MaxLength)
            throw new IOException($"{path}: {file.Length} bytes, longer than any file of the store");
        var parts = new ReadableParts(new byte[file.Length]);
        for (long at = 0; at < parts.Bytes.Length; at += PieceBytes)
            parts.ReadPiece(file, (int)at, (int)Math.Min(PieceBytes, parts.Bytes.Length - at));
        return parts;
    }

    // Some systems fail a whole request for one bad sector, so a piece that fails is read page by page.
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

    // The error; null if the read succeeded.
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

/// <summary>Bytes that cannot be read, from the first to one past the last, and the error.</summary>
internal readonly record struct UnreadablePart(int From, int End, string Why);
