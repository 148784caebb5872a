using Kvorum.Storage.Files;

namespace Kvorum.Storage.Log;

/// <summary>
/// Assembles and writes frames, and moves to the next segment. Log lane.
/// </summary>
public sealed partial class SharedLog
{
    // Copies the upkeep records, then the batches, into one frame that starts with room for its header.
    private int Gather(int from, int end)
    {
        long bytes = _upkeep.Bytes;
        for (var i = from; i < end; i++)
            bytes += _taken[i].Batch.Bytes;
        if (bytes == 0)
            return 0;
        var frameBytes = RecordFormat.FrameBytes(checked((int)bytes));
        if (_frame.Length < frameBytes)
            _frame = new byte[Math.Max(frameBytes, Math.Min(_frame.Length * 2L, _options.WriteBytesMax))];

        var at = _frame.AsSpan(RecordFormat.FrameHeaderBytes);
        at = Put(_upkeep, at);
        for (var i = from; i < end; i++)
            at = Put(_taken[i].Batch, at);
        _frame.AsSpan(0, frameBytes)[(RecordFormat.FrameHeaderBytes + (int)bytes)..].Clear();
        return (int)bytes;

        static Span<byte> Put(LogBatch batch, Span<byte> at)
        {
            batch.Records.CopyTo(at);
            return at[batch.Bytes..];
        }
    }

    private void WriteFrame(int bodyBytes, int batches)
    {
        var frameBytes = RecordFormat.FrameBytes(bodyBytes + (_sealer is null ? 0 : RecordFormat.SealBytes));
        if (!_active.Fits(_files.Key) ||
            _active.Position + frameBytes + RecordFormat.LastFrameBytes > _active.Length)
            MoveToNext(frameBytes);

        var body = _frame.AsSpan(RecordFormat.FrameHeaderBytes, bodyBytes);
        if (_sealer is null)
            WriteFrame(_frame.AsSpan(0, frameBytes), bodyBytes);
        else
            WriteSealed(_sealer, body);
        Account(body, batches, frameBytes);
        _next.Advance(_active);
        // The buffer of an unusually large batch is released.
        if (_frame.Length > 2L * _options.WriteBytesMax)
            _frame = [];
        _sealer?.Trim(2L * _options.WriteBytesMax);
    }

    private void WriteSealed(FrameSealer sealer, ReadOnlySpan<byte> body)
    {
        var frame = sealer.Seal(
            body, _sequence + 1, _active.Number, _active.Position, out var sealedBytes);
        WriteFrame(frame, sealedBytes, isSealed: true);
    }

    // A frame that fails for lack of room may leave bytes in the file. The next frame overwrites them, or is
    // the last of its segment, and a start reads nothing after that.
    private void WriteFrame(Span<byte> frame, int bodyBytes, bool isSealed = false)
    {
        RecordFormat.WriteFrameHeader(
            frame, bodyBytes, _sequence + 1, _active.Number, _active.Position, isSealed);
        _active.File!.Write(_active.Position, frame);
        _active.File.Sync();
        _sequence++;
    }

    private void Account(ReadOnlySpan<byte> body, int batches, int frameBytes)
    {
        long records = 0;
        lock (_gate)
        {
            var reader = new RecordReader(body);
            var (run, group, newest) = (false, 0U, 0UL);
            _active.HasKey(_files.Key);
            while (reader.MoveNext())
            {
                records++;
                if (reader.Kind == RecordFormat.State)
                    _states.Set(reader.Group, reader.Payload, _active.Number);
                if (reader.Kind != RecordFormat.Entry)
                    continue;
                // Entries of one group come in runs: one look at the holders for each run.
                if (run && reader.Group == group)
                {
                    newest = Math.Max(newest, reader.Number);
                    continue;
                }

                if (run)
                    _active.Hold(group, newest);
                (run, group, newest) = (true, reader.Group, reader.Number);
            }

            if (run)
                _active.Hold(group, newest);
            _counters = _counters with
            {
                Batches = _counters.Batches + batches,
                Records = _counters.Records + records,
            };
            Advance(frameBytes);
        }
    }

    // With the gate held: a frame is durable.
    private void Advance(int frameBytes)
    {
        _active.Position += frameBytes;
        Invariant.Check(_active.Position <= _active.Length && _sequence > _durable.Sequence);
        _durable = new LogEnd(_sequence, _active.Number, _active.Position);
        Volatile.Write(ref _durableSequence, _sequence);
        _counters = _counters with
        {
            Bytes = _counters.Bytes + frameBytes,
            Syncs = _counters.Syncs + 1,
        };
    }

    private void MoveToNext(long frameBytes)
    {
        var next = _next.Take(
            _active.Number + 1,
            RecordFormat.SegmentHeaderBytes + frameBytes + RecordFormat.LastFrameBytes);
        Invariant.Check(next.Number == _active.Number + 1);
        try
        {
            WriteContinued(next);
        }
        catch (IOException)
        {
            _next.Return(next);
            throw;
        }

        lock (_gate)
        {
            _segments.Add(next);
            // The release of the segment that was active so far is not repeated.
            _trimWanted |= _segments[0].IsFree;
        }

        _active.File!.Dispose();
        _active.File = null;
        _active = next;
    }

    // The next segment is durable; from this record on its loss is noticed.
    private void WriteContinued(Segment next)
    {
        var body = _lastFrame.AsSpan(RecordFormat.FrameHeaderBytes, RecordFormat.ContinuedBytes);
        RecordFormat.WriteContinued(body, next.Number);
        WriteFrame(_lastFrame, body.Length);
        lock (_gate)
            Advance(_lastFrame.Length);
    }

    // Before the oldest segments are deleted a frame records that, with the states that only they hold.
    private ulong PrepareTrim()
    {
        _upkeep.Clear();
        ulong below;
        lock (_gate)
        {
            if (!_trimWanted)
                return 0;
            _trimWanted = false;
            var free = _segments.TakeWhile(segment => segment.IsFree && segment != _active).Count();
            if (free == 0)
                return 0;
            below = _segments[free].Number;
        }

        _upkeep.AddTrim(below);
        _states.AddOlder(below, _upkeep);
        return below;
    }

    private void RemoveBelow(ulong segment)
    {
        lock (_gate)
        {
            var free = _segments.FindAll(candidate => candidate.Number < segment);
            _segments.RemoveRange(0, free.Count);
            _undeleted.AddRange(free.Select(static removed => removed.Path));
        }

        _jobs.Run(JobLane.Background, DeleteFreed);
    }

    // Background lane: one at a time.
    private void DeleteFreed()
    {
        string[] paths;
        lock (_gate)
            paths = [.. _undeleted];
        try
        {
            _files.Delete(paths);
        }
        catch (DiskShortageException)
        {
            return; // Resume tries again.
        }
        catch (IOException error)
        {
            Fail(error);
        }

        lock (_gate)
            _undeleted.RemoveRange(0, paths.Length);
    }
}
