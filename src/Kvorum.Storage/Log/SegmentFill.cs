using Kvorum.Storage.Files;

namespace Kvorum.Storage.Log;

/// <summary>
/// A segment that is being made under a temporary name: filled with zeros piece by piece, each synced before
/// the next, so that a sync of the log in between waits for one piece only. Disposed before it is finished it
/// leaves no file. One thread at a time.
/// </summary>
internal sealed class SegmentFill : IDisposable
{
    private const int WriteBytes = 1 << 18;

    private readonly SegmentFiles _files;
    private readonly ulong _number;
    private readonly long _bytes;
    private readonly IFile _file;
    private byte[]? _zeros;
    private bool _isFinished;

    /// <summary>Creates the file; nothing is in it yet.</summary>
    public SegmentFill(SegmentFiles files, ulong number, long bytes)
    {
        (_files, _number, _bytes) = (files, number, bytes);
        var path = files.UnfinishedPathOf(number);
        if (files.Files.Exists(path))
            files.Files.Delete(path);
        _file = files.Files.Create(path);
    }

    /// <summary>Bytes that are filled and durable.</summary>
    public long Filled { get; private set; }

    /// <summary>Fills up to so many further bytes and makes them durable.</summary>
    public void Fill(long bytes)
    {
        var end = Math.Min(Filled + bytes, _bytes);
        _zeros ??= new byte[WriteBytes];
        for (var at = Filled; at < end; at += WriteBytes)
        {
            var piece = _zeros.AsSpan(0, (int)Math.Min(WriteBytes, end - at));
            if (at == 0)
                RecordFormat.WriteSegmentHeader(piece, _number, _bytes, _files.Key != 0);
            _file.Write(at, piece);
            if (at == 0)
                piece[..RecordFormat.SegmentHeaderBytes].Clear();
        }

        _file.Sync();
        Invariant.Check(end >= Filled);
        Filled = end;
    }

    /// <summary>
    /// Makes the rest at once, as a hole: the file system's journal takes part in each later sync, but no
    /// writer waits for zeros.
    /// </summary>
    public void LeaveHole()
    {
        if (Filled == 0)
            Fill(RecordFormat.SegmentHeaderBytes);
        _file.SetLength(_bytes);
        _file.Sync();
        Filled = _bytes;
    }

    /// <summary>The segment, once all of it is filled: whole and durable under its name.</summary>
    public Segment Finish()
    {
        if (Filled < _bytes)
            throw new InvalidOperationException($"{Filled} of {_bytes} bytes are filled");
        _file.Dispose();
        var path = _files.PathOf(_number);
        _files.Files.Rename(_files.UnfinishedPathOf(_number), path);
        _files.SyncFolder();
        _isFinished = true;
        var opened = _files.Files.Open(path, forWriting: true);
        return new Segment(_number, path) { File = opened, Length = _bytes, IsSealed = _files.Key != 0 };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isFinished)
            return;
        _file.Dispose();
        _files.RemoveIfThere(_files.UnfinishedPathOf(_number));
    }
}
