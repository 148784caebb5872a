using Kvorum.Node.Groups;
using Kvorum.Raft;
using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>
/// A received snapshot takes the place of the data: the manifest is written on the background lane, and only
/// when it is durable does the log hear of it, and of everything behind it. Until then this replica answers
/// heartbeats of its term and pre-votes; it votes in no new term and acknowledges nothing. What there is no
/// room for waits for room.
/// </summary>
internal sealed partial class Replica
{
    // Taken from the core while the snapshot they rest on is not durable.
    private readonly Queue<Ready> _held = new();
    private InstallJob? _install;
    private Action _installed = static () => { };
    private bool _holdsReadies;
    private bool _installFailed;
    private long _installAgainMs;

    /// <summary>True while a snapshot takes the place of the data.</summary>
    public bool IsInstalling => _install is not null;

    // Raft has decided it.
    private void Install(SnapshotMetadata snapshot)
    {
        var verified = _verified;
        Invariant.Check(
            verified is not null && verified.Info.AppliedIndex == snapshot.Index.Value,
            "a snapshot is installed that was not received");
        _holdsReadies = true;
        Replace(verified, () =>
        {
            ForgetProposals();
            loop.Cluster.Note($"{Keyspace}/{Partition}: caught up by a snapshot to {snapshot.Index}");
            _holdsReadies = false;
            while (_held.TryDequeue(out var ready))
                Store(ready);
        });
    }

    // Takes the verified checkpoint over; what is to be done then, once it is durable.
    private void Replace(CheckpointReceiver verified, Action then)
    {
        Invariant.Check(!IsInstalling, "two snapshots are installed at once");
        _verified = null;
        _install = _tree.BeginInstall(verified);
        _installed = then;
        WriteInstall(_install);
    }

    private void WriteInstall(InstallJob install)
    {
        _installFailed = false;
        loop.RunInBackground(install.Write, failure =>
        {
            if (failure is DiskFullException)
            {
                _installFailed = true;
                _installAgainMs = loop.NowMs + Limits.DiskFullRetryMs;
            }
            else if (failure is not null)
            {
                throw new NodeFaultException(
                    $"{Keyspace}/{Partition}: a snapshot could not be installed: {failure.Message}", failure);
            }
            else
            {
                CompleteInstall(install);
            }
        });
    }

    private void InstallAgain(long nowMs)
    {
        if (_install is { } install && _installFailed && nowMs >= _installAgainMs)
            WriteInstall(install);
    }

    private void CompleteInstall(InstallJob install)
    {
        install.Complete();
        _install = null;
        var tag = GroupRecords.ReadTag(install.Info.Tag);
        _machine.Reload(tag.LogTimeMs);
        _logBytesSinceCheckpoint = 0;
        _mayBeDue = true;
        if (_machine is State.MetaMachine meta)
            loop.Cluster.Publish(meta);
        Unfence();
        _installed();
        ServeAppliedReads();
        loop.RunInBackground(_tree.RemoveDiscarded, static _ => { });
        loop.Touch(this);
    }
}
