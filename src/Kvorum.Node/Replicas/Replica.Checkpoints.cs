using Kvorum.Node.Groups;
using Kvorum.Raft;
using Kvorum.Storage.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Checkpoints: they bound the log, on disk and in memory, and are what a replica that lags too far is sent.
/// </summary>
internal sealed partial class Replica
{
    private long _logBytesSinceCheckpoint;
    private bool _isCheckpointing;

    /// <summary>Starts a checkpoint unless one is being made or nothing is new.</summary>
    public void Checkpoint()
    {
        if (_isCheckpointing || _tree.AppliedIndex <= _log.Snapshot.Index.Value)
            return;
        var index = new LogIndex(_tree.AppliedIndex);
        // A snapshot from the leader is being installed: it is the checkpoint.
        if (index > _log.LastIndex || _raft.ConfigurationAt(index) is not { } configuration)
            return;
        var snapshot = new SnapshotMetadata(index, _log.TermOf(index) ?? throw MissingTerm(index), configuration);
        var job = _tree.BeginCheckpoint(GroupRecords.EncodeTag(snapshot, _machine.LogTimeMs));
        _isCheckpointing = true;
        _logBytesSinceCheckpoint = 0;
        loop.RunInBackground(job.Write, failure => CheckpointWritten(job, snapshot, failure));
    }

    private void CheckpointIfDue()
    {
        // The whole tree is written each time, so the log may grow as large as the tree before it pays.
        if (_logBytesSinceCheckpoint > Math.Max(loop.Options.CheckpointLogBytes, _tree.Bytes))
            Checkpoint();
    }

    private void CheckpointWritten(CheckpointJob job, SnapshotMetadata snapshot, Exception? failure)
    {
        _isCheckpointing = false;
        if (failure is not null)
            throw new NodeFaultException($"{Keyspace}/{Partition}: the checkpoint could not be written: {failure.Message}", failure);
        job.Complete();
        // A snapshot from the leader may have overtaken it.
        if (snapshot.Index <= _log.Snapshot.Index)
            return;
        _log.Compact(snapshot, loop.Options.TrailingLogBytes);
        loop.ReleaseLog(Group, snapshot.Index);
    }

    private InvalidOperationException MissingTerm(LogIndex index) =>
        new($"broken invariant: {Keyspace}/{Partition} has applied {index}, which its log from {_log.FirstIndex} to {_log.LastIndex} lacks");
}
