using System.Globalization;

namespace Kvorum.Server.Audit;

/// <summary>
/// The file of the audit log and the older ones beside it, PATH.1 the newest of them: whole lines are
/// appended, and at its bound it becomes PATH.1. Files are made with mode 0600. One thread.
/// </summary>
internal sealed class AuditFile : IDisposable
{
    private readonly string _path;
    private readonly AuditBounds _bounds;
    private readonly Func<string, Stream> _open;
    private Stream? _stream;
    private long _length;

    /// <summary>
    /// <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> if it cannot be opened.
    /// </summary>
    /// <param name="path">The file; made if it is not there.</param>
    /// <param name="bounds">How much is kept.</param>
    /// <param name="open">Opens a file, for tests of disks that fail; null for the disk.</param>
    public AuditFile(string path, AuditBounds bounds, Func<string, Stream>? open = null)
    {
        (_path, _bounds, _open) = (Path.GetFullPath(path), bounds, open ?? Open);
        Begin();
    }

    /// <summary>
    /// Appends whole lines: all of them, or none and an <see cref="IOException"/> or <see
    /// cref="UnauthorizedAccessException"/>.
    /// </summary>
    public void Append(ReadOnlySpan<byte> lines)
    {
        // Somebody has moved it away, to keep it elsewhere.
        if (_stream is not null && !File.Exists(_path))
            End();
        if (_stream is null)
            Begin();
        else if (_length > 0 && _length + lines.Length > _bounds.FileBytesMax)
            Rotate();
        var stream = _stream!;
        // A part of a line is there, of a write that failed; or others have cut the file.
        if (stream.Length > _length)
            stream.SetLength(_length);
        _length = stream.Length;
        stream.Position = _length;
        stream.Write(lines);
        _length += lines.Length;
    }

    /// <summary>What was appended is on disk.</summary>
    public void Sync()
    {
        if (_stream is FileStream file)
            file.Flush(flushToDisk: true);
    }

    /// <inheritdoc/>
    public void Dispose() => End();

    private static FileStream Open(string path)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            // Two nodes that write one file would lose each other's lines.
            Share = FileShare.None,
            BufferSize = 0,
        };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var file = new FileStream(path, options);
        if (file.CanSeek)
            return file;
        file.Dispose();
        throw new IOException("it is no plain file");
    }

    private void Begin()
    {
        _stream = _open(_path);
        _length = _stream.Length;
        if (_length == 0)
            return;
        // The machine stopped in the middle of a line: it ends here.
        _stream.Position = _length - 1;
        if (_stream.ReadByte() == '\n')
            return;
        _stream.Write("\n"u8);
        _length++;
    }

    private void End()
    {
        var stream = _stream;
        _stream = null;
        try
        {
            stream?.Dispose();
        }
        catch (IOException)
        {
            // Nothing is buffered: all that was written is written.
        }
    }

    private void Rotate()
    {
        Sync();
        File.Delete(Older(_bounds.FilesMax - 1));
        for (var n = _bounds.FilesMax - 2; n >= 1; n--)
        {
            if (File.Exists(Older(n)))
                File.Move(Older(n), Older(n + 1));
        }

        File.Move(_path, Older(1));
        End();
        Begin();
    }

    private string Older(int n) => string.Create(CultureInfo.InvariantCulture, $"{_path}.{n}");
}
