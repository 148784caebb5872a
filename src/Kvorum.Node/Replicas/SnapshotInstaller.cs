using Kvorum.Node.Groups;
using Kvorum.Raft;
using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>
/// A received snapshot takes the place of the data: its manifest is written on the background lane, again
/// and again while there is no room; only when it is durable the log hears of it, and of everything behind
/// it. Until then the replica acknowledges nothing, takes no entries and stands for no election; it votes,
/// and answers heartbeats, once term and vote are durable. Owned by the node loop.
/// <para>
/// A voter's own log is the snapshot meanwhile: a candidate must have at least that. It is all committed, so
/// whichever candidate can win has it, and it takes the place of what is durable here (the log before it),
/// which a crash brings back: whatever of that was acknowledged and is committed, the leader has that sent
/// the snapshot, and so has every node that has the snapshot. Nothing rests on the snapshot itself being
/// here.
/// </para>
/// </summary>
/// <param name="host">The loop.</param>
/// <param name="parts">The replica.</param>
/// <param name="installed">Told, in the loop, when the tree is replaced and durable: the checkpoint's tag,
/// damage that was found in it or null, and what is to be done then.</param>
internal sealed class SnapshotInstaller(
    IReplicaHost host, ReplicaParts parts, Action<CheckpointTag, TreeDamagedException?, Action> installed)
{
    private InstallJob? _job;

    // Not null while it waits for room on the disk.
    private Action? _retry;
    private long _againMs;

    /// <summary>True while a snapshot takes the place of the data.</summary>
    public bool IsInstalling => _job is not null;

    /// <summary>True while it waits for room on the disk.</summary>
    public bool WaitsForRoom => _retry is not null;

    /// <summary>Begins to install a verified checkpoint.</summary>
    /// <param name="verified">The checkpoint; the installer's from now on.</param>
    /// <param name="then">What is to be done once it is durable.</param>
    public void Begin(CheckpointReceiver verified, Action then)
    {
        Invariant.Check(!IsInstalling, "two snapshots are installed at once");
        _job = parts.Tree.BeginInstall(verified);
        Write(_job, then);
    }

    /// <summary>Tries again where there was no room.</summary>
    public void Sweep()
    {
        if (_retry is { } retry && host.NowMs >= _againMs)
            retry();
    }

    private void Write(InstallJob job, Action then)
    {
        _retry = null;
        host.RunInBackground(job.Write, failure =>
        {
            if (failure is DiskShortageException)
            {
                _retry = () => Write(job, then);
                _againMs = host.NowMs + Limits.DiskFullRetryMs;
            }
            else if (failure is not null)
            {
                throw new NodeFaultException(
                    $"{parts.Identity}: a snapshot could not be installed: {failure.Message}", failure);
            }
            else
            {
                Invariant.Check(_job == job, "a snapshot is installed twice");
                job.Complete();
                _job = null;
                var tag = GroupRecords.ReadTag(job.Info.Tag);
                installed(tag, Reload(tag), then);
            }
        });
    }

    private TreeDamagedException? Reload(CheckpointTag tag)
    {
        try
        {
            parts.Machine.Reload(tag.LogTimeMs);
            return null;
        }
        catch (TreeDamagedException e)
        {
            return e;
        }
    }
}
