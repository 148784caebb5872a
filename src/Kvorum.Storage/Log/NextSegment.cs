namespace Kvorum.Storage.Log;

/// <summary>
/// Prepares the segment after the active one on the background lane while the second half of the active one
/// is written, piece by piece and a little ahead, so that the disk never gets all of it at once. The log lane
/// takes it, or makes one itself if it is not ready. Called by both lanes and by the thread that resumes.
/// </summary>
internal sealed class NextSegment(SegmentFiles files, long segmentBytes, IJobRunner jobs, Segment? found)
    : IDisposable
{
    // A sync of the log may have to wait for one piece: a millisecond or two of a disk.
    private const long PieceBytes = 1 << 20;

    private readonly Lock _making = new();
    private Segment? _ready = found;
    private SegmentFill? _fill;

    // The number of the segment and how many bytes of it should be there by now; 0 if none is wanted yet.
    private ulong _number;
    private long _wanted;
    private int _isAsked;
    private int _hasFailed;

    /// <summary>Bytes of the file, so far.</summary>
    public long Bytes => Volatile.Read(ref _ready)?.Length ?? Volatile.Read(ref _fill)?.Filled ?? 0;

    /// <summary>A frame was written to the active segment. Log lane.</summary>
    public void Advance(Segment active)
    {
        var behindHalf = (2 * active.Position) - segmentBytes;
        if (behindHalf < 0 || Volatile.Read(ref _ready) is not null)
            return;
        Volatile.Write(ref _number, active.Number + 1);
        // A quarter faster than the active segment fills.
        Volatile.Write(ref _wanted, Math.Min(segmentBytes, (behindHalf * 5 / 4) + PieceBytes));
        if (Volatile.Read(ref _hasFailed) == 0 && (_fill?.Filled ?? 0) < _wanted)
            Ask();
    }

    /// <summary>
    /// The segment of this number and at least so many bytes, to become the active one. If it is not ready it
    /// is finished as a hole instead of zeros: its syncs are slower, but no writer waits for the zeros. Log
    /// lane.
    /// </summary>
    public Segment Take(ulong number, long bytes)
    {
        lock (_making)
        {
            _wanted = 0;
            _hasFailed = 0;
            var ready = _ready;
            Volatile.Write(ref _ready, null);
            if (ready is not null && ready.Length >= bytes && ready.Fits(files.Key))
                return Checked(ready, number);
            // A larger one, or one for encrypted frames, takes its place, also on disk.
            ready?.File?.Dispose();
            var begun = TakeFill();
            if (bytes > segmentBytes)
            {
                begun?.Dispose();
                begun = null;
            }

            using var fill = begun ?? new SegmentFill(files, number, Math.Max(bytes, segmentBytes));
            fill.LeaveHole();
            return Checked(fill.Finish(), number);
        }
    }

    /// <summary>The segment that was taken is not needed yet after all. Log lane.</summary>
    public void Return(Segment taken)
    {
        lock (_making)
            Volatile.Write(ref _ready, taken);
    }

    /// <summary>Tries again if it failed.</summary>
    public void Retry()
    {
        if (Interlocked.Exchange(ref _hasFailed, 0) != 0)
            Ask();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ready?.File?.Dispose();
        _fill?.Dispose();
    }

    private static Segment Checked(Segment segment, ulong number) => segment.Number == number
        ? segment
        : throw new InvalidOperationException($"segment {segment.Number} was made where {number} is wanted");

    private void Ask()
    {
        if (Interlocked.Exchange(ref _isAsked, 1) == 0)
            jobs.Run(JobLane.Background, Make);
    }

    private void Make()
    {
        Volatile.Write(ref _isAsked, 0);
        while (MakePiece())
        {
        }
    }

    // Locked for one piece at a time, so that the log lane waits for one piece at most.
    private bool MakePiece()
    {
        lock (_making)
        {
            // _wanted is read first: it is written after _number.
            var wanted = Volatile.Read(ref _wanted);
            if (_ready is not null || wanted == 0)
                return false;
            try
            {
                _fill ??= new SegmentFill(files, _number, segmentBytes);
                _fill.Fill(PieceBytes);
                if (_fill.Filled < segmentBytes)
                    return _fill.Filled < wanted;
                using var whole = TakeFill()!;
                Volatile.Write(ref _ready, whole.Finish());
            }
            catch (IOException)
            {
                // The segment is not needed yet. When the log lane needs it, it tries itself.
                TakeFill()?.Dispose();
                Volatile.Write(ref _hasFailed, 1);
            }

            return false;
        }
    }

    private SegmentFill? TakeFill()
    {
        var fill = _fill;
        _fill = null;
        return fill;
    }
}
