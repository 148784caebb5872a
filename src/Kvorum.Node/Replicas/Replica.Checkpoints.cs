using Kvorum.Node.Groups;
using Kvorum.Raft;
using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Checkpoints: they bound the log, on disk and in memory, and are what a replica that lags too far is sent.
/// </summary>
internal sealed partial class Replica
{
    private long _logBytesSinceCheckpoint;
    private bool _isCheckpointing;
    private bool _isCompacting;

    // Cleared by a look that finds nothing: only a new table or a new start can make one due.
    private bool _mayBeDue = true;
    private CompactionJob? _compaction;
    private long _checkpointAgainMs;
    private long _removedAtCheckpoint;
    private long _reclaimAgainMs;

    /// <summary>True while its memtable is being written to a table.</summary>
    public bool IsFlushing => _isCheckpointing;

    /// <summary>Starts a checkpoint unless one is being made or nothing is new.</summary>
    public void Checkpoint()
    {
        if (_isCheckpointing || ServesNothing || IsInstalling || loop.NowMs < _checkpointAgainMs
            || _tree.AppliedIndex <= _log.Snapshot.Index.Value)
            return;
        // A snapshot was installed, and its mark is not durable: the log still is that from before, and would
        // name a wrong term.
        if (_tree.AppliedIndex <= _tree.CheckpointIndex)
            return;
        var index = new LogIndex(_tree.AppliedIndex);
        // A snapshot from the leader was installed, and the log does not know yet: it is the checkpoint.
        if (index > _log.LastIndex || _raft.ConfigurationAt(index) is not { } configuration)
            return;
        var term = _log.TermOf(index) ?? throw MissingTerm(index);
        var snapshot = new SnapshotMetadata(index, term, configuration);
        var tag = new CheckpointTag(snapshot, _machine.LogTimeMs, _history.Mark);
        var job = _tree.BeginCheckpoint(GroupRecords.EncodeTag(tag), _machine.TakeRest());
        _isCheckpointing = true;
        loop.Flushes++;
        _logBytesSinceCheckpoint = 0;
        _removedAtCheckpoint = RemovedKeys;
        loop.RunInBackground(job.Write, failure => CheckpointWritten(job, snapshot, failure));
    }

    /// <summary>
    /// Starts a checkpoint if much of what is in tables was deleted or has ended: in memory, deletes give no
    /// room back, and they may be too few and too small to leave it for their own sake.
    /// </summary>
    public void ReclaimIfDue()
    {
        var removed = RemovedKeys - _removedAtCheckpoint;
        if (removed == 0 || loop.NowMs < _reclaimAgainMs)
            return;
        _reclaimAgainMs = loop.NowMs + Limits.ReclaimMs;
        var bytes = _tree.DiskBytes;
        var freed = (long)((double)bytes * removed / (Math.Max(0, _machine.KeyCount) + removed));
        if (freed >= Math.Max(Limits.ReclaimBytesMin, bytes / Limits.ReclaimShare))
            Checkpoint();
    }

    private long RemovedKeys => _machine is State.KeyValueMachine machine ? machine.RemovedKeys : 0;

    /// <summary>Starts a checkpoint if there is much log since the last, and few are being made.</summary>
    public void CheckpointIfDue()
    {
        // Those that fill alike are due all at once: who waits for its turn is due later the next time, too.
        if (_logBytesSinceCheckpoint > loop.Options.CheckpointLogBytes && loop.Flushes < Limits.FlushesAtOnce)
            Checkpoint();
    }

    private void CheckpointWritten(CheckpointJob job, SnapshotMetadata snapshot, Exception? failure)
    {
        _isCheckpointing = false;
        loop.Flushes--;
        if (failure is DiskShortageException)
        {
            // The log keeps all of it: it is due until it was made.
            _checkpointAgainMs = loop.NowMs + Limits.DiskFullRetryMs;
            _logBytesSinceCheckpoint = loop.Options.CheckpointLogBytes + 1;
            return;
        }

        if (failure is TreeDamagedException damage)
        {
            Fence(damage);
            return;
        }

        if (failure is not null)
        {
            throw new NodeFaultException(
                $"{Keyspace}/{Partition}: the checkpoint could not be written: {failure.Message}", failure);
        }

        job.Complete();
        _mayBeDue = true;
        // A snapshot from the leader may have overtaken it.
        if (snapshot.Index <= _log.Snapshot.Index)
            return;
        _log.Compact(
            snapshot, loop.Options.TrailingLogBytes, LogWantedFrom(), loop.Options.WantedLogBytes);
        Release(snapshot.Index);
    }

    /// <summary>
    /// Begins a compaction if one is due, or goes on with the one under way. Called at each sweep: between
    /// two pieces the disk and the lane are for others, unless many tables wait.
    /// </summary>
    public void Compact()
    {
        if (_isCompacting)
            return;
        _compaction ??= PickCompaction();
        if (_compaction is { } job)
            Compact(job);
    }

    private CompactionJob? PickCompaction()
    {
        if (!_mayBeDue || ServesNothing || IsInstalling || loop.NowMs < _checkpointAgainMs)
            return null;
        if (_tree.PickCompaction() is not { } job)
        {
            _mayBeDue = false;
            return null;
        }

        // For a time the tables are there twice.
        if (loop.Disk.HasRoomFor(job.InputBytes))
            return job;
        job.Abandon();
        return null;
    }

    private void Compact(CompactionJob job)
    {
        var isDone = false;
        _isCompacting = true;
        loop.RunInBackground(() => isDone = job.Run(Limits.CompactionPieceBytes), failure =>
        {
            _isCompacting = false;
            if (failure is null && !isDone)
            {
                if (_tree.Levels[0].Tables > Limits.CompactionUrgentTables)
                    Compact(job);
                return;
            }

            _compaction = null;
            Compacted(job, failure);
        });
    }

    private void Compacted(CompactionJob job, Exception? failure)
    {
        switch (failure)
        {
            case null:
                job.Complete();
                loop.RunInBackground(_tree.RemoveDiscarded, static _ => { });
                break;
            case DiskShortageException:
                _checkpointAgainMs = loop.NowMs + Limits.DiskFullRetryMs;
                break;
            case TreeDamagedException damage:
                Fence(damage);
                break;
            default:
                throw CompactionFailed(failure);
        }
    }

    private NodeFaultException CompactionFailed(Exception failure) =>
        new($"{Keyspace}/{Partition}: its tables could not be compacted: {failure.Message}", failure);

    private InvalidOperationException MissingTerm(LogIndex index) =>
        new($"broken invariant: {Keyspace}/{Partition} has applied {index}, "
            + $"which its log from {_log.FirstIndex} to {_log.LastIndex} lacks");
}
