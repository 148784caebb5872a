using Kvorum.Node.Groups;
using Kvorum.Raft;
using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Upkeep of a replica's tree: checkpoints, which bound the log on disk and in memory and are what a replica
/// that lags too far is sent; compactions; and checks of the tables. Owned by the node loop.
/// </summary>
internal sealed class TreeUpkeep : IReplicaStore
{
    private readonly IReplicaHost _host;
    private readonly ReplicaParts _parts;
    private readonly ReplicaCondition _condition;
    private readonly SnapshotInstaller _installer;
    private readonly CommittedHistory _history;
    private readonly TreeCompactor _compactor;
    private readonly DiskPause _pause;
    private readonly Events _events;
    private long _logBytes;
    private bool _isVerifying;
    private long _removedAtCheckpoint;
    private long _reclaimAgainMs;

    // The manifest was read at the start, and is not yet known to be durable itself.
    private bool _isSettled;
    private long _settleAgainMs;

    public TreeUpkeep(
        IReplicaHost host, ReplicaParts parts, ReplicaCondition condition, SnapshotInstaller installer,
        CommittedHistory history, Events events)
    {
        (_host, _parts, _condition, _installer) = (host, parts, condition, installer);
        (_history, _events) = (history, events);
        _pause = new(host);
        _compactor = new(host, parts, _pause, events.Damaged);
        _isSettled = parts.Damage is not null || parts.Standing is not null;
    }

    /// <summary>What the replica is told.</summary>
    /// <param name="Damaged">A table is damaged.</param>
    /// <param name="CheckpointWritten">A checkpoint is durable.</param>
    /// <param name="Settled">The manifest that was there at the start is durable, with a checkpoint.</param>
    public sealed record Events(
        Action<TreeDamagedException> Damaged, Action<SnapshotMetadata> CheckpointWritten,
        Action<LogIndex> Settled);

    /// <inheritdoc/>
    public Tree Tree => _parts.Tree;

    /// <inheritdoc/>
    public bool IsFlushing { get; private set; }

    /// <summary>True while no job uses the tree.</summary>
    public bool IsIdle => !IsFlushing && !_isVerifying && !_compactor.IsRunning;

    private bool MayWork => !_condition.ServesNothing && !_installer.IsInstalling;

    /// <inheritdoc/>
    public void Checkpoint()
    {
        var (tree, log) = (_parts.Tree, _parts.Log);
        if (IsFlushing || !MayWork || _pause.IsOn
            || tree.AppliedIndex <= log.Snapshot.Index.Value)
            return;
        // A snapshot was installed, and its mark is not durable: the log still is that from before, and would
        // name a wrong term.
        if (tree.AppliedIndex <= tree.CheckpointIndex)
            return;
        var index = new LogIndex(tree.AppliedIndex);
        // A snapshot from the leader was installed, and the log does not know yet: it is the checkpoint.
        if (index > log.LastIndex || _parts.Raft.ConfigurationAt(index) is not { } configuration)
            return;
        var term = log.TermOf(index) ?? throw MissingTerm(index);
        Write(new(index, term, configuration));
    }

    /// <summary>Entries of so many bytes went into the log.</summary>
    public void LogGrew(long bytes) => _logBytes += bytes;

    /// <summary>A snapshot took the place of the data.</summary>
    public void Replaced()
    {
        _logBytes = 0;
        _compactor.TablesChanged();
    }

    /// <summary>Starts a checkpoint if there is much log since the last, and few are being made.</summary>
    public void CheckpointIfDue()
    {
        // Replicas that fill alike are due all at once: one that waits for its turn is due later the next
        // time, too.
        var isDue = _logBytes > _host.Options.CheckpointLogBytes || _parts.Machine.IsCheckpointDue;
        if (isDue && _host.Flushes < Limits.FlushesAtOnce)
            Checkpoint();
    }

    /// <summary>Does what has become due.</summary>
    public void Sweep()
    {
        CheckpointIfDue();
        _compactor.Sweep(MayWork);
        ReclaimIfDue();
    }

    /// <inheritdoc/>
    public bool Settle()
    {
        if (_isSettled || _host.NowMs < _settleAgainMs)
            return false;
        _isSettled = true;
        var checkpoint = _parts.Tree.CheckpointIndex;
        _host.RunInBackground(_parts.Tree.ResyncManifest, failure =>
        {
            if (failure is DiskShortageException)
            {
                _isSettled = false;
                _settleAgainMs = _host.NowMs + Limits.DiskFullRetryMs;
            }
            else if (failure is not null)
            {
                throw new NodeFaultException(
                    $"{_parts.Identity}: its manifest could not be written: {failure.Message}", failure);
            }
            else if (checkpoint > 0)
            {
                _events.Settled(new(checkpoint));
            }
        });
        return true;
    }

    /// <inheritdoc/>
    public void VerifyTables()
    {
        if (_condition.IsFenced || _condition.IsBlank || _isVerifying
            || _parts.Tree.OpenCheckpoint() is not { } reader)
            return;
        _isVerifying = true;
        IReadOnlyList<(ulong Table, TreeDamagedException Damage)> found = [];
        _host.RunInBackground(
            () =>
            {
                using (reader)
                    found = reader.Check();
            },
            _ =>
            {
                _isVerifying = false;
                foreach (var (table, damage) in found)
                    Found(table, damage);
            });
    }

    /// <summary>
    /// A table was read, and is damaged. One that a compaction or a snapshot has replaced meanwhile does not
    /// matter: the compaction has read it all and found it whole, the snapshot needs nothing of it.
    /// </summary>
    public void Found(ulong table, TreeDamagedException damage)
    {
        if (_parts.Tree.Has(table))
            _events.Damaged(damage);
    }

    /// <inheritdoc/>
    public TableScrub? OpenScrub(ulong afterTable) =>
        _condition.IsFenced || _condition.IsBlank ? null : _parts.Tree.OpenScrub(afterTable);

    private void Write(SnapshotMetadata snapshot)
    {
        Invariant.Check(snapshot.Index == _history.Index, "a checkpoint and its history differ");
        var tag = new CheckpointTag(snapshot, _parts.Machine.LogTimeMs, _history.Mark);
        var job = _parts.Tree.BeginCheckpoint(GroupRecords.EncodeTag(tag), _parts.Machine.TakeUnflushed());
        IsFlushing = true;
        _host.Flushes++;
        _logBytes = 0;
        _removedAtCheckpoint = _parts.Machine.RemovedKeys;
        _host.RunInBackground(job.Write, failure => Written(job, snapshot, failure));
    }

    private void Written(CheckpointJob job, SnapshotMetadata snapshot, Exception? failure)
    {
        IsFlushing = false;
        _host.Flushes--;
        switch (failure)
        {
            case null:
                job.Complete();
                _compactor.TablesChanged();
                _events.CheckpointWritten(snapshot);
                break;
            case DiskShortageException:
                // The log keeps all of it: it is due until it was made.
                _pause.Begin();
                _logBytes = _host.Options.CheckpointLogBytes + 1;
                break;
            case TreeDamagedException damage:
                _events.Damaged(damage);
                break;
            default:
                throw new NodeFaultException(
                    $"{_parts.Identity}: the checkpoint could not be written: {failure.Message}", failure);
        }
    }

    // In memory, deletes give no room back, and they may be too few and too small to be flushed for their
    // own sake: a checkpoint is made if much of what is in tables was deleted or has ended.
    private void ReclaimIfDue()
    {
        var removed = _parts.Machine.RemovedKeys - _removedAtCheckpoint;
        if (removed == 0 || _host.NowMs < _reclaimAgainMs)
            return;
        _reclaimAgainMs = _host.NowMs + Limits.ReclaimMs;
        var bytes = _parts.Tree.DiskBytes;
        var freed = (long)((double)bytes * removed / (Math.Max(0, _parts.Machine.KeyCount) + removed));
        if (freed >= Math.Max(Limits.ReclaimBytesMin, bytes / Limits.ReclaimShare))
            Checkpoint();
    }

    private InvalidOperationException MissingTerm(LogIndex index) =>
        new($"broken invariant: {_parts.Identity} has applied {index}, "
            + $"which its log from {_parts.Log.FirstIndex} to {_parts.Log.LastIndex} lacks");
}
