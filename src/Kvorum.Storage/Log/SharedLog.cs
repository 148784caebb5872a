using Kvorum.Storage.Files;

namespace Kvorum.Storage.Log;

/// <summary>
/// The one write-ahead log of a node, for all groups. Batches queue; the log lane takes all that have queued,
/// writes them as one frame, syncs once and completes them in order: group commit without a timer, the sync
/// itself being the window. A failed write or sync is final: the batch and all later ones complete with the
/// error, nothing is retried, and the node must stop. A full disk, or a lack of descriptors for the next
/// segment, is not final: no counted bytes were written, so everything waits in the queue until
/// <see cref="Resume"/> finds room.
/// </summary>
public sealed partial class SharedLog : IDisposable
{
    private readonly SharedLogOptions _options;
    private readonly SegmentFiles _files;
    private readonly IJobRunner _jobs;
    private readonly NextSegment _next;
    private readonly Action _writeJob;

    // Null where frames are written plain.
    private readonly FrameSealer? _sealer;

    // Guards the queue, the segments and their holders. Held for moments only.
    private readonly Lock _gate = new();
    private readonly List<Segment> _segments;
    private List<Pending> _queue = [];
    private bool _writeScheduled;
    private bool _trimWanted;
    private bool _isStalled;
    private DiskShortageException? _shortage;

    // Segments that are not needed and are still to be deleted, oldest first.
    private readonly List<string> _undeleted = [];
    private long _queuedBytes;
    private LogCounters _counters;
    private Exception? _failure;

    // Owned by the log lane.
    private readonly KeptStates _states;
    private readonly LogBatch _upkeep = new();
    private List<Pending> _taken = [];
    private byte[] _frame = [];
    private readonly byte[] _lastFrame = new byte[RecordFormat.LastFrameBytes];
    private Segment _active;
    private ulong _sequence;

    // Owned by the background lane; the fields after it are guarded by the gate.
    private readonly EndMark _mark;
    private LogEnd _durable;
    private ulong _durableSequence;
    private ulong _marked;
    private bool _isMarking;

    private SharedLog(SharedLogOptions options, SegmentFiles files, IJobRunner jobs, LogRecoverer found)
    {
        (_options, _files, _jobs) = (options, files, jobs);
        (_segments, _states, _sequence) = (found.Segments, found.States, found.Sequence);
        _active = found.Active!;
        _mark = found.Mark!;
        _marked = _mark.Written.Sequence;
        _durable = new LogEnd(_sequence, _active.Number, _active.Position);
        _durableSequence = _sequence;
        _sealer = files.Key != 0 ? new(files.Files.Keys!) : null;
        _next = new(files, options.SegmentBytes, jobs, found.Next);
        Recovery = found.Report;
        _writeJob = WriteQueued;
    }

    /// <summary>
    /// Opens or creates the log in <paramref name="folder"/>, replays it, and cuts a torn tail. Damage
    /// anywhere else, or unreadable bytes, are a <see cref="LogDamagedException"/> that names file,
    /// offset, remedy and losses; the disk is unchanged then.
    /// </summary>
    public static SharedLog Open(
        IFileSystem files, string folder, SharedLogOptions options, IJobRunner jobs, ILogReplay replay)
    {
        options.Check();
        files.CreateFolder(folder);
        var segmentFiles = new SegmentFiles(files, folder);
        using var found = new LogRecoverer(segmentFiles, replay);
        try
        {
            found.Read();
        }
        catch (LogDamagedException damage) when (!damage.IsTooNew)
        {
            damage.Losses = LogSurvey.Of(segmentFiles);
            throw;
        }

        found.Finish(options.SegmentBytes);
        return new SharedLog(options, segmentFiles, jobs, found);
    }

    /// <summary>
    /// The result of the recovery, for the operator: segments, records, bytes, and the torn tail that was
    /// cut, if any.
    /// </summary>
    public LogRecovery Recovery { get; }

    /// <summary>True while more than <see cref="SharedLogOptions.QueuedBytesMax"/> are queued.</summary>
    public bool IsBehind => Volatile.Read(ref _queuedBytes) > _options.QueuedBytesMax;

    /// <summary>
    /// The shortage that all writes wait for: room on the disk, or descriptors; null if none.
    /// </summary>
    public DiskShortageException? WaitsFor
    {
        get
        {
            lock (_gate)
                return _isStalled ? _shortage : null;
        }
    }

    /// <summary>Bytes of all segment files on disk.</summary>
    public long DiskBytes
    {
        get
        {
            lock (_gate)
                return _segments.Sum(segment => segment.Length) + _next.Bytes;
        }
    }

    /// <summary>The sequence of the newest frame that is durable. Any thread.</summary>
    public ulong DurableSequence => Volatile.Read(ref _durableSequence);

    /// <summary>Counters since the start: batches, records, bytes, syncs.</summary>
    public LogCounters Counters
    {
        get
        {
            lock (_gate)
                return _counters;
        }
    }

    /// <summary>
    /// Queues the batch; <paramref name="completed"/> is called exactly once, on the log's thread, in the
    /// order of the appends: with null when the batch is durable, with the error otherwise. Any thread; never
    /// blocks.
    /// </summary>
    public void Append(LogBatch batch, Action<LogBatch, Exception?> completed)
    {
        bool schedule;
        lock (_gate)
        {
            _queue.Add(new Pending(batch, completed));
            Volatile.Write(ref _queuedBytes, _queuedBytes + batch.Bytes);
            schedule = !_writeScheduled;
            _writeScheduled = true;
        }

        if (schedule)
            _jobs.Run(JobLane.Log, _writeJob);
    }

    /// <summary>
    /// Entries of the group that are durable by now, up to and including the index, are not needed any more.
    /// Any thread. Segments that no group needs are removed in the background. For a group that leaves
    /// the node: <see cref="ulong.MaxValue"/>, after its last append has completed.
    /// </summary>
    public void Release(uint group, ulong upToIndex)
    {
        var schedule = false;
        lock (_gate)
        {
            foreach (var segment in _segments)
                segment.Release(group, upToIndex);
            if (_segments.Count > 1 && _segments[0].IsFree && _failure is null)
            {
                _trimWanted = true;
                schedule = !_writeScheduled;
                _writeScheduled = true;
            }
        }

        if (schedule)
            _jobs.Run(JobLane.Log, _writeJob);
    }

    /// <summary>
    /// Retries after a full disk or a lack of descriptors; to be called now and then. Any thread; never
    /// blocks.
    /// </summary>
    public void Resume()
    {
        _next.Retry();
        lock (_gate)
        {
            if (_undeleted.Count > 0)
                _jobs.Run(JobLane.Background, DeleteFreed);
        }

        lock (_gate)
        {
            if (!_isStalled)
                return;
            _isStalled = false;
        }

        _jobs.Run(JobLane.Log, _writeJob);
    }

    /// <summary>
    /// Writes in the background up to where the log is durable, so that a start notices if the end of the log
    /// is lost; to be called about once a second. Any thread; never blocks.
    /// </summary>
    public void Mark()
    {
        lock (_gate)
        {
            if (_isMarking || _failure is not null || _durable.Sequence <= _marked)
                return;
            _isMarking = true;
        }

        _jobs.Run(JobLane.Background, WriteMark);
    }

    /// <summary>
    /// A clean stop: writes where the log ends. The host has stopped the jobs before.
    /// </summary>
    public void MarkEnd()
    {
        if (Failure() is null)
            WriteMark();
    }

    /// <summary>
    /// Segments, and how many of them are still to go because they are encrypted otherwise than new ones. Any
    /// thread.
    /// </summary>
    public (int All, int Stale) SegmentCounts
    {
        get
        {
            lock (_gate)
                return (_segments.Count, _segments.Count(segment => !segment.Fits(_files.Key)));
        }
    }

    /// <summary>
    /// The groups that need entries of the oldest segment, ascending, when more than
    /// <paramref name="segments"/> segments exist (one prepared ahead not counted), or it is encrypted
    /// otherwise than new ones; else empty. Any thread.
    /// </summary>
    public IReadOnlyList<uint> HoldersOfOldest(int segments)
    {
        lock (_gate)
        {
            var isStale = _segments.Count > 1 && !_segments[0].Fits(_files.Key);
            return isStale || _segments.Count > segments ? _segments[0].Holders : [];
        }
    }

    /// <summary>Closes the files, without waiting: the host stops the job runner first.</summary>
    public void Dispose()
    {
        _active.File?.Dispose();
        _next.Dispose();
        _mark.Dispose();
    }

    private void WriteMark()
    {
        LogEnd durable;
        lock (_gate)
            durable = _durable;
        try
        {
            _mark.Write(durable);
        }
        catch (DiskShortageException)
        {
            // The mark lags behind until there is room.
        }
        catch (IOException error)
        {
            Fail(error);
        }

        lock (_gate)
            (_marked, _isMarking) = (_mark.Written.Sequence, false);
    }

    // The job of the log lane: the batches that queued while the last step was written are the next one.
    private void WriteQueued()
    {
        while (TakeQueued())
        {
            for (var from = 0; from < _taken.Count || _trimWanted;)
            {
                var end = EndOfStep(from);
                if (!TryWriteStep(from, end, out var error))
                {
                    Stall(from);
                    return;
                }

                Complete(from, end, error);
                from = end;
            }

            _taken.Clear();
        }
    }

    private bool TakeQueued()
    {
        lock (_gate)
        {
            if (_queue.Count == 0 && !_trimWanted)
            {
                _writeScheduled = false;
                return false;
            }

            (_queue, _taken) = (_taken, _queue);
            return true;
        }
    }

    // At least one batch, and as many as fit the bound of one write.
    private int EndOfStep(int from)
    {
        long bytes = 0;
        var end = from;
        while (end < _taken.Count &&
            (end == from || bytes + _taken[end].Batch.Bytes <= _options.WriteBytesMax))
            bytes += _taken[end++].Batch.Bytes;
        return end;
    }

    // False if there is no room.
    private bool TryWriteStep(int from, int end, out Exception? error)
    {
        error = Failure();
        if (error is not null)
            return true;
        var trimBelow = PrepareTrim();
        try
        {
            var bodyBytes = Gather(from, end);
            if (bodyBytes > 0)
                WriteFrame(bodyBytes, end - from);
            if (trimBelow > 0)
                RemoveBelow(trimBelow);
        }
        catch (DiskShortageException shortage)
        {
            lock (_gate)
            {
                _trimWanted |= trimBelow > 0;
                _shortage = shortage;
            }

            return false;
        }
        catch (IOException failure)
        {
            error = Fail(failure);
        }

        return true;
    }

    // Puts the taken batches back at the head of the queue. The job counts as scheduled: only Resume runs it.
    private void Stall(int from)
    {
        lock (_gate)
        {
            _taken.RemoveRange(0, from);
            _taken.AddRange(_queue);
            _queue.Clear();
            (_queue, _taken) = (_taken, _queue);
            _isStalled = true;
        }
    }

    private void Complete(int from, int end, Exception? error)
    {
        long bytes = 0;
        for (var i = from; i < end; i++)
            bytes += _taken[i].Batch.Bytes;
        lock (_gate)
        {
            Invariant.Check(_queuedBytes >= bytes);
            Volatile.Write(ref _queuedBytes, _queuedBytes - bytes);
        }

        for (var i = from; i < end; i++)
            _taken[i].Completed(_taken[i].Batch, error);
    }

    private Exception? Failure()
    {
        lock (_gate)
        {
            if (_failure is not null)
                _trimWanted = false;
            return _failure;
        }
    }

    private Exception Fail(Exception error)
    {
        lock (_gate)
        {
            _trimWanted = false;
            return _failure ??= error;
        }
    }

    private readonly record struct Pending(LogBatch Batch, Action<LogBatch, Exception?> Completed);
}
