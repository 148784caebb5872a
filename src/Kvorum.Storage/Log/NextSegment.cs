namespace Kvorum.Storage.Log;

/// <summary>
/// Makes the segment behind the active one ahead, on the background lane, while the second half of the active
/// one is written: as far as that, and some more, so that the disk is never asked for all of it at once. The
/// log lane takes it, or makes one itself if it comes too early. Both lanes, and whoever resumes.
/// </summary>
internal sealed class NextSegment(SegmentFiles files, long segmentBytes, IJobRunner jobs, Segment? found)
    : IDisposable
{
    // What a sync of the log may have to wait for: a millisecond or two of a disk.
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
        // A quarter faster than it is needed.
        Volatile.Write(ref _wanted, Math.Min(segmentBytes, (behindHalf * 5 / 4) + PieceBytes));
        if (Volatile.Read(ref _hasFailed) == 0 && (_fill?.Filled ?? 0) < _wanted)
            Ask();
    }

    /// <summary>
    /// The segment of this number and at least so many bytes, to be the active one now: without zeros if it
    /// is not ready, which makes its syncs slower, but nobody waits long. Log lane.
    /// </summary>
    public Segment Take(ulong number, long bytes)
    {
        lock (_making)
        {
            _wanted = 0;
            _hasFailed = 0;
            var ready = _ready;
            Volatile.Write(ref _ready, null);
            if (ready is not null && ready.Length >= bytes)
                return Checked(ready, number);
            // A larger one takes its place, also on disk.
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

    // The lock is for a piece, so that the log lane, when it needs a segment, does not wait for more.
    private bool MakePiece()
    {
        lock (_making)
        {
            // First how much: who sees that sees of which one.
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
                // Nothing depends on it yet. When the log lane needs it, its own attempt decides.
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
