using Kvorum.Raft;
using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Compactions of a replica's tables, one at a time, in pieces: between two pieces the disk and the lane are
/// for others, unless many tables wait. Owned by the node loop.
/// </summary>
internal sealed class TreeCompactor(IReplicaHost host, ITreeOwner owner, DiskPause pause)
{
    private readonly Tree _tree = owner.Tree;

    // Cleared by a look that finds nothing: only a new table or a new start can make one due.
    private bool _mayBeDue = true;
    private CompactionJob? _job;

    /// <summary>True while a piece is being compacted.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>True while one is under way, or may be due.</summary>
    public bool MayBeDue => _mayBeDue || _job is not null;

    /// <summary>There are new tables.</summary>
    public void TablesChanged() => _mayBeDue = true;

    /// <summary>Goes on with the compaction under way, or begins one if it may and one is due.</summary>
    public void Sweep(bool mayBegin)
    {
        if (IsRunning)
            return;
        if (_job is null && mayBegin)
            _job = Pick();
        if (_job is { } job)
            Run(job);
    }

    private CompactionJob? Pick()
    {
        if (!_mayBeDue || pause.IsOn)
            return null;
        var mayRewrite = host.RewritePace.TryTake(0, host.NowMs);
        if (_tree.PickCompaction(mayRewrite) is not { } job)
        {
            // What may only be written anew may be so later.
            _mayBeDue = !mayRewrite;
            return null;
        }

        // For a time the tables are there twice.
        if (!host.Disk.HasRoomFor(job.InputBytes))
        {
            job.Abandon();
            return null;
        }

        if (job.IsRewriting)
            host.RewritePace.Take(job.InputBytes, host.NowMs);
        return job;
    }

    private void Run(CompactionJob job)
    {
        Invariant.Check(!IsRunning, "two compactions of a tree run at once");
        var isDone = false;
        IsRunning = true;
        host.RunInBackground(() => isDone = job.Run(Limits.CompactionPieceBytes), failure =>
        {
            IsRunning = false;
            if (failure is null && !isDone)
            {
                if (_tree.Levels[0].Tables > Limits.CompactionUrgentTables)
                    Run(job);
                return;
            }

            _job = null;
            Ended(job, failure);
        });
    }

    private void Ended(CompactionJob job, Exception? failure)
    {
        switch (failure)
        {
            case null:
                job.Complete();
                host.RunInBackground(_tree.RemoveDiscarded, static _ => { });
                break;
            case DiskShortageException:
                pause.Begin();
                break;
            case TreeDamagedException damage:
                owner.Damaged(damage);
                break;
            default:
                throw new NodeFaultException(
                    $"{owner.Identity}: its tables could not be compacted: {failure.Message}", failure);
        }
    }
}
