using Kvorum.Node.Groups;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>
/// A replica whose tables are damaged is fenced: it serves nothing and does not lead, and takes a checkpoint
/// from its leader in place of them. Its log is whole, so it votes and acknowledges as before; what it had
/// acknowledged is in the log or in what the checkpoint must at least hold, and is applied again from there.
/// </summary>
internal sealed partial class Replica
{
    private string? _damage = parts.Damage;
    private long _askedToRebuildMs;
    private bool _isChecking;

    /// <summary>What an operator should know of it; null if all is well.</summary>
    public string? Alert => QuarantineAlert ?? (!IsFenced ? PeerAlert
        : $"{Keyspace}/{Partition}: its data on this node is damaged and not served"
            + (_raft.Configuration.Voters.Count > 1 ? "; it is rebuilt from another replica" : "")
            + $": {_damage}");

    /// <summary>True while its data is damaged.</summary>
    public bool IsFenced => _damage is not null;

    // What the state machine held for sure, or the log holds no more: an older checkpoint is of no use.
    private ulong RebuildIndex => Math.Max(_tree.AppliedIndex, _log.FirstIndex.Value - 1);

    /// <summary>Damage was found.</summary>
    public void Fence(TreeDamagedException damage)
    {
        if (IsFenced)
            return;
        _damage = damage.What;
        loop.Cluster.Note(Alert!);
        _raft.Fence();
        // Whoever has found it may be in the middle of these.
        loop.Post(() =>
        {
            StopSnapshotSends();
            ForgetProposals();
            foreach (var (_, calls) in _readsAwaitingApply)
                calls.ForEach(Wait);
            _readsAwaitingApply.Clear();
            loop.Touch(this);
        });
        loop.Touch(this);
    }

    // What has just taken the place of its tables is damaged, too.
    private void Refence(TreeDamagedException damage)
    {
        _damage = null;
        Fence(damage);
    }

    /// <summary>
    /// Something could not be read in a way that may be damage here: everything is checked.
    /// </summary>
    public void Suspect()
    {
        if (IsFenced || IsBlank || _isChecking || _tree.OpenCheckpoint() is not { } reader)
            return;
        _isChecking = true;
        IReadOnlyList<(ulong Table, TreeDamagedException Damage)> found = [];
        loop.RunInBackground(
            () =>
            {
                using (reader)
                    found = reader.Check();
            },
            _ =>
            {
                _isChecking = false;
                foreach (var (table, damage) in found)
                    Found(table, damage);
            });
    }

    /// <summary>
    /// A table was read to see whether it is damaged, and is. What a compaction or a snapshot has replaced
    /// meanwhile is nothing to this replica: the one has read it all and found it whole, the other needs
    /// nothing of it.
    /// </summary>
    public void Found(ulong table, TreeDamagedException damage)
    {
        if (_tree.Has(table))
            Fence(damage);
    }

    /// <summary>
    /// Begins to check its next table on disk after another, 0 for the first; null if there is none.
    /// </summary>
    public TableScrub? OpenScrub(ulong afterTable) =>
        IsFenced || IsBlank ? null : _tree.OpenScrub(afterTable);

    /// <summary>A damaged replica wants a checkpoint: sent if there is one that will do, else made.</summary>
    public void Receive(NodeId from, in RebuildAsk ask)
    {
        if (!IsLeader || IsFenced || _sendings.ContainsKey(from))
            return;
        if (_tree.Checkpoint is { } checkpoint && checkpoint.AppliedIndex >= ask.Index)
            TryBeginSending(from, _raft.Term, ask.Index);
        else
            Checkpoint();
    }

    /// <summary>Damaged: asks the leader for a checkpoint, again and again.</summary>
    public void AskToRebuild(long nowMs)
    {
        if (!IsFenced || IsQuarantined || IsReceiving(nowMs) || IsInstalling
            || nowMs - _askedToRebuildMs < Limits.RebuildAskMs)
            return;
        _askedToRebuildMs = nowMs;
        if (_raft.Leader is { } leader && leader != _raft.Id && loop.Cluster.IsUp(leader))
            loop.Send(leader, new RebuildAsk(Group, RebuildIndex));
    }

    // Another replica is asked; where there is none, nobody can answer.
    private void TakeFenced(Call call)
    {
        if (_raft.Configuration.Voters.Count == 1)
            loop.Finish(call, Damaged());
        else if (call.Request.NoRedirect)
            loop.Finish(call, NotLeader());
        else if (_raft.Leader is { } leader && leader != _raft.Id && loop.Cluster.IsUp(leader))
            loop.Forward(call, leader);
        else
            Wait(call);
    }

    // A verified checkpoint that Raft does not want: all in it is committed here already. It takes the place
    // of the tables, and the log goes on from there.
    private void Rebuild(CheckpointReceiver received)
    {
        var snapshot = GroupRecords.ReadTag(received.Info.Tag).Snapshot;
        if (received.Info.AppliedIndex < RebuildIndex || !_raft.Reapply(snapshot.Index))
            return;
        Replace(received, () =>
        {
            // What was handed out meanwhile was not applied, as always while fenced.
            Invariant.Check(_raft.Reapply(snapshot.Index), "what follows a checkpoint is not in the log");
            if (snapshot.Index <= _log.Snapshot.Index)
                return;
            _log.Compact(snapshot, loop.Options.TrailingLogBytes);
            Release(snapshot.Index);
        });
    }

    private void Unfence()
    {
        if (!IsFenced)
            return;
        _damage = null;
        _raft.Unfence();
        loop.Cluster.Note($"{Keyspace}/{Partition}: rebuilt from another replica to {_tree.AppliedIndex}");
        loop.Touch(this);
    }

    private Reply Damaged() => new()
    {
        Status = ReplyStatus.Unavailable,
        Message = $"the data of partition {Partition} of '{Keyspace}' is damaged on "
            + $"{loop.Cluster.NameOf(_raft.Id)}, and no other node has it: {_damage}",
        Partition = Partition,
    };
}
