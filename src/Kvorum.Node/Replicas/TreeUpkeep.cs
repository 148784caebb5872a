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
    private readonly ITreeOwner _owner;
    private readonly TreeCompactor _compactor;
    private readonly DiskPause _pause;
    private long _logBytes;
    private bool _isVerifying;
    private long _removedAtCheckpoint;
    private long _reclaimAgainMs;

    // The manifest was read at the start, and is not yet known to be durable itself.
    private bool _isSettled;
    private long _settleAgainMs;

    /// <param name="host">The loop.</param>
    /// <param name="owner">The replica.</param>
    /// <param name="isSettled">True if its manifest need not be made durable once more.</param>
    public TreeUpkeep(IReplicaHost host, ITreeOwner owner, bool isSettled)
    {
        (_host, _owner, _isSettled) = (host, owner, isSettled);
        _pause = new(host);
        _compactor = new(host, owner, _pause);
    }

    /// <inheritdoc/>
    public Tree Tree => _owner.Tree;

    /// <inheritdoc/>
    public bool IsFlushing { get; private set; }

    /// <summary>True while no job uses the tree.</summary>
    public bool IsIdle => !IsFlushing && !_isVerifying && !_compactor.IsRunning;

    /// <summary>True while nothing waits to be done either.</summary>
    public bool IsAtRest => IsIdle && !_compactor.MayBeDue && !_pause.IsOn
        && _logBytes <= _host.Options.CheckpointLogBytes;

    /// <inheritdoc/>
    public void Checkpoint()
    {
        if (!IsFlushing && _owner.MayWorkOnTables && !_pause.IsOn
            && Tree.AppliedIndex > Tree.CheckpointIndex && _owner.NextCheckpoint() is { } plan)
            Write(plan);
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
        var isDue = _logBytes > _host.Options.CheckpointLogBytes || _owner.State.IsCheckpointDue;
        if (isDue && _host.Flushes < Limits.FlushesAtOnce)
            Checkpoint();
    }

    /// <summary>Does what has become due.</summary>
    public void Sweep()
    {
        CheckpointIfDue();
        _compactor.Sweep(_owner.MayWorkOnTables);
        ReclaimIfDue();
    }

    /// <inheritdoc/>
    public bool Settle()
    {
        if (_isSettled || _host.NowMs < _settleAgainMs)
            return false;
        _isSettled = true;
        var checkpoint = Tree.CheckpointIndex;
        _host.RunInBackground(Tree.ResyncManifest, failure =>
        {
            if (failure is DiskShortageException)
            {
                _isSettled = false;
                _settleAgainMs = _host.NowMs + Limits.DiskFullRetryMs;
            }
            else if (failure is not null)
            {
                throw new NodeFaultException(
                    $"{_owner.Identity}: its manifest could not be written: {failure.Message}", failure);
            }
            else if (checkpoint > 0)
            {
                _owner.Settled(checkpoint);
            }
        });
        return true;
    }

    /// <inheritdoc/>
    public void VerifyTables()
    {
        if (!_owner.MayCheckTables || _isVerifying
            || Tree.OpenCheckpoint() is not { } reader)
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
        if (Tree.Has(table))
            _owner.Damaged(damage);
    }

    /// <inheritdoc/>
    public TableScrub? OpenScrub(ulong afterTable) =>
        _owner.MayCheckTables ? Tree.OpenScrub(afterTable) : null;

    private void Write(CheckpointPlan plan)
    {
        var job = Tree.BeginCheckpoint(plan.Tag, _owner.State.TakeUnflushed());
        IsFlushing = true;
        _host.Flushes++;
        _logBytes = 0;
        _removedAtCheckpoint = _owner.State.RemovedKeys;
        _host.RunInBackground(job.Write, failure => Written(job, plan, failure));
    }

    private void Written(CheckpointJob job, CheckpointPlan plan, Exception? failure)
    {
        IsFlushing = false;
        _host.Flushes--;
        switch (failure)
        {
            case null:
                job.Complete();
                _compactor.TablesChanged();
                plan.Written();
                break;
            case DiskShortageException:
                // The log keeps all of it: it is due until it was made.
                _pause.Begin();
                _logBytes = _host.Options.CheckpointLogBytes + 1;
                break;
            case TreeDamagedException damage:
                _owner.Damaged(damage);
                break;
            default:
                throw new NodeFaultException(
                    $"{_owner.Identity}: the checkpoint could not be written: {failure.Message}", failure);
        }
    }

    // In memory, deletes give no room back, and they may be too few and too small to be flushed for their
    // own sake: a checkpoint is made if much of what is in tables was deleted or has ended.
    private void ReclaimIfDue()
    {
        var removed = _owner.State.RemovedKeys - _removedAtCheckpoint;
        if (removed == 0 || _host.NowMs < _reclaimAgainMs)
            return;
        _reclaimAgainMs = _host.NowMs + Limits.ReclaimMs;
        var bytes = Tree.DiskBytes;
        var freed = (long)((double)bytes * removed / (Math.Max(0, _owner.State.KeyCount) + removed));
        if (freed >= Math.Max(Limits.ReclaimBytesMin, bytes / Limits.ReclaimShare))
            Checkpoint();
    }
}
