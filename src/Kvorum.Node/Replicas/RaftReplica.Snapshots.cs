using Kvorum.Node.Events;
using Kvorum.Node.Groups;
using Kvorum.Raft;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Snapshots: what is offered, received and installed, and what follows a written checkpoint.
/// </summary>
internal sealed partial class RaftReplica
{
    /// <summary>A piece of a snapshot came, or the offer of one.</summary>
    public void Receive(NodeId from, in SnapshotChunk chunk)
    {
        if (chunk.Term < _raft.Term || IsQuarantined)
            _receiver.Answer(from, chunk.Transfer, SnapshotAnswer.Refused);
        else if (!chunk.Bytes.IsEmpty)
            _receiver.Receive(from, chunk);
        else if (!_receiver.WasComplete(from, chunk))
            ReceiveOffer(from, chunk);
    }

    /// <summary>A follower answers a piece of a snapshot.</summary>
    public void Receive(NodeId from, in SnapshotAck ack)
    {
        if (_sender.Receive(from, ack))
            _upkeep.VerifyTables();
    }

    /// <summary>A damaged replica wants a checkpoint.</summary>
    public void Receive(NodeId from, in RebuildAsk ask)
    {
        if (_sender.Receive(from, ask))
            _upkeep.Checkpoint();
    }

    void ITreeOwner.Damaged(TreeDamagedException damage) => Fence(damage);

    void ITreeOwner.Settled(ulong checkpoint) => _writer.Release(new(checkpoint));

    CheckpointPlan? ITreeOwner.NextCheckpoint()
    {
        var log = _parts.Log;
        var index = new LogIndex(Tree.AppliedIndex);
        // A snapshot was installed, and the log does not know yet: it is the checkpoint.
        if (index <= log.Snapshot.Index || index > log.LastIndex
            || _raft.ConfigurationAt(index) is not { } configuration)
            return null;
        var term = log.TermOf(index) ?? throw new InvalidOperationException(
            $"broken invariant: {Identity} has applied {index}, "
                + $"which its log from {log.FirstIndex} to {log.LastIndex} lacks");
        var snapshot = new SnapshotMetadata(index, term, configuration);
        Invariant.Check(snapshot.Index == _history.Index, "a checkpoint and its history differ");
        return new(
            GroupRecords.EncodeTag(new(snapshot, _machine.LogTimeMs, _history.Mark)),
            () => CheckpointWritten(snapshot));
    }

    private void CheckpointWritten(SnapshotMetadata snapshot)
    {
        // A snapshot from the leader may have overtaken it.
        if (snapshot.Index <= _parts.Log.Snapshot.Index)
            return;
        _parts.Log.TruncatePrefix(
            snapshot, _host.Options.TrailingLogBytes, _sender.LogWantedFrom(), _host.Options.WantedLogBytes);
        _writer.Release(snapshot.Index);
    }

    private void ReceiveOffer(NodeId from, in SnapshotChunk offer)
    {
        if (IsInstalling)
        {
            // What waits for room may wait for long: the sender shall serve others meanwhile.
            _receiver.Answer(from, offer.Transfer,
                _installer.WaitsForRoom ? SnapshotAnswer.Refused : SnapshotAnswer.Busy);
            return;
        }

        var tag = GroupRecords.ReadTag(offer.Tag);
        if (_comparison.Compare(from, tag) is { } found)
        {
            Quarantine(found);
            _receiver.Answer(from, offer.Transfer, SnapshotAnswer.Refused);
        }
        else if (!IsFenced && tag.Snapshot.Index.Value <= Tree.AppliedIndex)
        {
            // All of it is here. The leader does not know, or it would not offer it: Raft tells it.
            Step(InstallOf(from, offer.Term, tag.Snapshot));
            Advance();
            _receiver.Answer(from, offer.Transfer, SnapshotAnswer.Received, offer.Total);
        }
        else
        {
            _receiver.Take(from, offer);
        }
    }

    // The data is here, whole and durable: now Raft may decide whether it wants it.
    private void Offered(NodeId from, Term term, CheckpointReceiver verified)
    {
        Step(InstallOf(from, term, GroupRecords.ReadTag(verified.Info.Tag).Snapshot));
        if (!Advance(verified) && !(IsFenced && TryRebuild(verified)))
            _host.RunInBackground(verified.Dispose, static _ => { });
    }

    private InstallSnapshot InstallOf(NodeId from, Term term, SnapshotMetadata snapshot) =>
        new() { From = from, To = _raft.Id, Term = term, Snapshot = snapshot };

    // Raft has decided it.
    private void Install(SnapshotMetadata snapshot, CheckpointReceiver? offered)
    {
        Invariant.Check(
            offered is not null && offered.Info.AppliedIndex == snapshot.Index.Value,
            "a snapshot is installed that was not received");
        _writer.BeginHolding();
        _installer.Begin(offered, () =>
        {
            _calls.ForgetProposals();
            _host.Cluster.Tell(
                new SnapshotInstalled(Identity.Keyspace, Identity.Partition, snapshot.Index.Value));
            var readies = _writer.EndHolding();
            EndBlank();
            foreach (var ready in readies)
                _upkeep.LogGrew(_writer.Write(ready));
        });
    }

    // A verified checkpoint that Raft does not want: all in it is committed here already. It takes the place
    // of the damaged tables, and the log goes on from there.
    private bool TryRebuild(CheckpointReceiver verified)
    {
        var snapshot = GroupRecords.ReadTag(verified.Info.Tag).Snapshot;
        if (verified.Info.AppliedIndex < RebuildIndex || !_raft.Reapply(snapshot.Index))
            return false;
        _installer.Begin(verified, () =>
        {
            // What was handed out meanwhile was not applied, as always while fenced.
            Invariant.Check(_raft.Reapply(snapshot.Index), "what follows a checkpoint is not in the log");
            if (snapshot.Index <= _parts.Log.Snapshot.Index)
                return;
            _parts.Log.TruncatePrefix(snapshot, _host.Options.TrailingLogBytes);
            _writer.Release(snapshot.Index);
        });
        return true;
    }

    // What the state machine held for sure, or the log holds no more: an older checkpoint is of no use.
    private ulong RebuildIndex => Math.Max(Tree.AppliedIndex, _parts.Log.FirstIndex.Value - 1);

    private void Installed(CheckpointTag tag, TreeDamagedException? damage, Action then)
    {
        if (damage is null)
        {
            _time.Written();
            _time.Applied(IsLeader);
        }

        _history.Reset(tag.History);
        _upkeep.Replaced();
        Unfence(damage);
        if (!IsFenced)
            _machine.Publish();
        then();
        _calls.ServeApplied();
        _host.RunInBackground(Tree.RemoveDiscarded, static _ => { });
        _host.Touch(this);
    }
}
