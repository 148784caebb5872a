using Kvorum.Storage.Files;

namespace Kvorum.Storage.Log;

/// <summary>
/// Reads the log from disk; a length counts only after its checksum is verified. One write is in progress at
/// a time, and the next starts only when it is durable, so the bytes after the last whole frame are either an
/// unfinished write, which was never acknowledged, or damage. It is damage if a later frame follows, or if
/// the log was durable beyond it before: each segment records its length and whether the log goes on in
/// another one, and <see cref="EndMark"/> how far it reached. Only <see cref="Finish"/>, after all is read,
/// changes anything on disk.
/// </summary>
internal sealed class LogRecoverer(SegmentFiles files, ILogReplay replay) : IDisposable
{
    public const string Remedy = Storage.Remedy.AfterRefusal;

    private readonly FrameOpener _opener = new(files.Files.Keys);
    private byte[] _buffer = [];
    private ulong _trimmedBelow = 1;
    private long _records;
    private long _bytes;
    private int _cutBytes;
    private Segment? _torn;
    private Segment? _lastWritten;
    private byte[] _lastFrame = [];
    private int _lastFrameOffset;

    // The segment in which the log goes on behind the last frame; 0: in the one that has it.
    private ulong _continuedIn;

    /// <summary>All segments, oldest first; those after <see cref="Active"/> are empty.</summary>
    public List<Segment> Segments { get; } = files.List();

    /// <summary>The newest state of each group.</summary>
    public KeptStates States { get; } = new();

    /// <summary>The sequence of the last whole frame; 0 if there is none.</summary>
    public ulong Sequence { get; private set; }

    /// <summary>The segment to write on; null before <see cref="Finish"/> if the folder has none.</summary>
    public Segment? Active => _torn ?? Segments.Find(segment => segment.Number == _continuedIn) ??
        _lastWritten ?? (Segments.Count > 0 ? Segments[0] : null);

    /// <summary>The empty segment after it, if one was prepared; known after <see cref="Finish"/>.</summary>
    public Segment? Next { get; private set; }

    /// <summary>The open mark of the log's end; known after <see cref="Finish"/>.</summary>
    public EndMark? Mark { get; private set; }

    /// <summary>What was found.</summary>
    public LogRecovery Report => new(
        Segments.Count(segment => segment.Number <= (Active?.Number ?? 0)), _records, _bytes, _cutBytes,
        Sequence);

    /// <inheritdoc/>
    public void Dispose() => _opener.Dispose();

    /// <summary>Reads and replays all segments.</summary>
    public void Read()
    {
        for (var i = 0; i < Segments.Count; i++)
        {
            if (i > 0 && Segments[i].Number != Segments[i - 1].Number + 1)
                throw Missing(Segments[i - 1].Number + 1);
            ReadSegment(Segments[i]);
        }

        if (Segments.Count > 0 && Segments[0].Number > _trimmedBelow)
            throw Missing(_trimmedBelow);
        if (_continuedIn > 0 && Segments[^1].Number < _continuedIn)
            throw Missing(_continuedIn);
        CheckEnd();
        var written = Segments.Count == 0 ? 0 : Segments.IndexOf(Active!);
        if (Segments.Count > written + 2)
            throw Damaged(Segments[written + 1], RecordFormat.SegmentHeaderBytes, "frames are missing");
    }

    // The end of the log may be lost, and the rest may look like a complete log.
    private void CheckEnd()
    {
        if (ReadMark() is not { } mark)
        {
            if (Segments.Count > 0)
                throw new LogDamagedException(
                    $"{files.Folder}/{EndMark.Name}: the file is missing, so the folder may be an " +
                    $"incomplete copy: the file marks up to where the log was durable. {Remedy}");
            return;
        }

        if (Sequence < mark.Sequence)
            throw new LogDamagedException(
                $"{files.PathOf(mark.Segment)}: the end of the log is missing: it was durable up to frame " +
                $"{mark.Sequence}, which ends in this segment at offset {mark.Offset}, but the last " +
                $"frame found is {Sequence}. {Remedy}");
    }

    private LogEnd? ReadMark()
    {
        try
        {
            return EndMark.Read(files.Files, files.Folder);
        }
        catch (IOException error)
            when (error is not LogDamagedException && DiskErrors.KindOf(error) == DiskErrorKind.Lasting)
        {
            throw new LogDamagedException(
                $"{files.Folder}/{EndMark.Name}: it cannot be read: {DiskErrors.TextOf(error)}. {Remedy}");
        }
    }

    /// <summary>Prepares the folder for writing: the only method that changes anything on disk.</summary>
    public void Finish(long segmentBytes)
    {
        files.DeleteUnfinished();
        if (!files.Files.Exists($"{files.Folder}/{EndMark.Name}"))
            EndMark.Create(files.Files, files.Folder);
        if (Segments.Count == 0)
            Segments.Add(files.Create(1, segmentBytes));
        var active = Active!;
        active.File ??= files.Files.Open(active.Path, forWriting: true);
        try
        {
            CutTail(active);
            MarkEnd(active);
            RemoveTrimmed();
            if (Segments[^1] == active)
                return;
            Next = Segments[^1];
            Next.File = files.Files.Open(Next.Path, forWriting: true);
            Segments.Remove(Next);
        }
        catch (IOException)
        {
            active.File.Dispose();
            Mark?.Dispose();
            throw;
        }
    }

    private void MarkEnd(Segment active)
    {
        Mark = EndMark.Open(files.Files, files.Folder);
        try
        {
            Mark.Write(new LogEnd(Sequence, active.Number, active.Position));
        }
        catch (DiskFullException)
        {
            // The mark lags behind until there is room.
        }
    }

    private void RemoveTrimmed()
    {
        var old = Segments.FindAll(segment => segment.Number < _trimmedBelow);
        files.Delete(old.Select(segment => segment.Path));
        Segments.RemoveRange(0, old.Count);
    }

    /// <summary>
    /// Zeroes an unfinished write, so that its bytes never follow a later frame, and writes the last whole
    /// frame again: its sync may have failed, and the kernel then treats its pages as clean.
    /// </summary>
    private void CutTail(Segment active)
    {
        var file = active.File!;
        if (active == _torn)
        {
            file.Write(active.Position, new byte[_cutBytes]);
            file.Sync();
        }

        if (_lastWritten is null)
            return;
        if (_lastWritten == active)
        {
            Rewrite(file);
            return;
        }

        using var last = files.Files.Open(_lastWritten.Path, forWriting: true);
        Rewrite(last);
    }

    private void Rewrite(IFile file)
    {
        file.Write(_lastFrameOffset, _lastFrame);
        file.Sync();
    }

    private void ReadSegment(Segment segment)
    {
        var file = ReadFile(segment);
        if (!RecordFormat.TryReadSegmentHeader(file, out var made))
            throw Damaged(segment, 0, "the header of the segment is damaged");
        if (!made.IsKnown)
            throw new LogDamagedException(
                $"{segment.Path}: written by another version of Kvorum (log format {made.Version}, this " +
                $"one reads {RecordFormat.SealedVersion}). Nothing was changed. Start the version that wrote "
                + "it.")
            {
                IsTooNew = true,
            };
        segment.IsSealed = made.IsSealed;
        if (made.Number != segment.Number)
            throw Damaged(segment, 0, $"the header says that this is segment {made.Number}");
        if (made.Length != segment.Length)
            throw Damaged(segment, Math.Min(made.Length, segment.Length), WrongLength(segment, made));

        var position = RecordFormat.SegmentHeaderBytes;
        var last = position;
        while (RecordFormat.TryReadFrameHeader(file, segment.Number, position, out var header) &&
            RecordFormat.TryReadBody(file, position, header, out var body))
        {
            CheckSequence(segment, position, header.Sequence);
            var records = _opener.Open(body, header, segment.Number, position, segment.Path);
            Replay(segment, position, records, FrameOpener.KeyOf(body, header));
            last = position;
            position += RecordFormat.FrameBytes(body.Length);
        }

        if (position > last)
            Remember(segment, last, file[last..Math.Min(position, file.Length)]);
        _bytes += position - RecordFormat.SegmentHeaderBytes;
        segment.Position = position;
        // The segment has its last frame: bytes after it are leftovers.
        if (_continuedIn == segment.Number + 1)
            return;
        CheckTail(segment, file, Math.Min(position, file.Length));
    }

    private ReadOnlySpan<byte> ReadFile(Segment segment)
    {
        try
        {
            return ReadAll(segment);
        }
        catch (IOException error)
            when (error is not LogDamagedException && DiskErrors.KindOf(error) == DiskErrorKind.Lasting)
        {
            throw Damaged(
                segment, FirstUnreadable(segment), $"it cannot be read: {DiskErrors.TextOf(error)}");
        }
    }

    private int FirstUnreadable(Segment segment)
    {
        try
        {
            return ReadableParts.Read(files.Files, segment.Path).Gaps is [var gap, ..] ? gap.From : 0;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private ReadOnlySpan<byte> ReadAll(Segment segment)
    {
        using var file = files.Files.Open(segment.Path, forWriting: false);
        segment.Length = file.Length;
        if (segment.Length > Array.MaxLength)
            throw Damaged(segment, 0, $"{segment.Length} bytes, longer than any segment");
        if (_buffer.Length < segment.Length)
            _buffer = new byte[segment.Length];
        var count = file.Read(0, _buffer.AsSpan(0, (int)segment.Length));
        return _buffer.AsSpan(0, count);
    }

    private void CheckSequence(Segment segment, int position, ulong sequence)
    {
        if (_torn is not null)
            throw Damaged(_torn, _torn.Position, $"a frame is damaged, and {segment.Path} has later ones");
        // The oldest segments may be deleted: then the first frame found may have any sequence.
        var isOldest = Sequence == 0 && segment == Segments[0] && segment.Number > 1;
        if (!isOldest && sequence != Sequence + 1)
            throw Damaged(segment, position, $"frames are missing between {Sequence} and {sequence}");
        Sequence = sequence;
    }

    private void Remember(Segment segment, int offset, ReadOnlySpan<byte> frame)
    {
        (_lastWritten, _lastFrameOffset) = (segment, offset);
        _lastFrame = frame.ToArray();
    }

    private void Replay(Segment segment, int position, ReadOnlySpan<byte> body, ulong key)
    {
        var records = new RecordReader(body);
        while (records.MoveNext())
        {
            _records++;
            if (records.Kind != RecordFormat.Continued)
                segment.HasKey(key);
            switch (records.Kind)
            {
                case RecordFormat.Entry:
                    segment.Hold(records.Group, records.Number);
                    replay.Entry(records.Group, records.Number, records.Payload);
                    break;
                case RecordFormat.State:
                    States.Set(records.Group, records.Payload, segment.Number);
                    replay.State(records.Group, records.Payload);
                    break;
                case RecordFormat.Trim:
                    _trimmedBelow = Math.Max(_trimmedBelow, records.Number);
                    break;
                default:
                    _records--;
                    _continuedIn = records.Number;
                    break;
            }
        }

        if (records.Failed)
            throw new LogDamagedException(
                $"{segment.Path}: the frame at offset {position} is whole but has a record that this " +
                $"version does not know (kind {records.Kind}). Nothing was changed. Start the newer version.")
            {
                IsTooNew = true,
            };
    }

    // Zeros are the clean end of a segment. Other bytes are an unfinished write if no frame follows.
    private void CheckTail(Segment segment, ReadOnlySpan<byte> file, int position)
    {
        var length = file[position..].LastIndexOfAnyExcept((byte)0) + 1;
        if (length == 0)
            return;
        if (_torn is not null)
            throw Damaged(segment, position, $"unfinished writes both here and in {_torn.Path}");
        for (var at = position + RecordFormat.Alignment; at < position + length; at += RecordFormat.Alignment)
        {
            if (RecordFormat.TryReadFrameHeader(file, segment.Number, at, out var later))
                throw Damaged(segment, position, $"frame {later.Sequence} follows at offset {at}");
        }

        _torn = segment;
        _cutBytes = length;
    }

    /// <summary>The text for a segment whose length differs from the one in its header.</summary>
    public static string WrongLength(Segment segment, SegmentHeader made) =>
        $"the file has {segment.Length} bytes, its header says {made.Length}";

    private LogDamagedException Missing(ulong segment) =>
        new($"{files.PathOf(segment)}: segment file is missing. {Remedy}");

    private static LogDamagedException Damaged(Segment segment, long offset, string what) =>
        new($"{segment.Path}: damaged at offset {offset}: {what}. {Remedy}");
}
