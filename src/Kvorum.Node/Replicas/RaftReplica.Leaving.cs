using Kvorum.Node.Groups;
using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Replicas;

/// <summary>The end of a replica that its group does not have any more.</summary>
internal sealed partial class RaftReplica
{
    private long _askedIfRemovedMs;

    /// <summary>
    /// True if this replica can go: the metadata group wants none here, and the group's own configuration is
    /// committed without it, or has never had it filled. What it has acknowledged since it was added last
    /// would be in its log, with the entry that added it: so the group counts on nothing that is here. A
    /// quarantined one is evidence, and stays.
    /// </summary>
    public bool IsGivenUp => !IsQuarantined && _host.Cluster.IsUnwanted(Group, _parts.KeyspaceId)
        && (_raft.IsRemoved || IsUnfilled || IsOutside || _host.Cluster.IsDropped(Group, _parts.KeyspaceId));

    /// <summary>Term and vote that the log has, or has with a batch under way.</summary>
    internal HardState Durable => _durable.State;

    /// <inheritdoc/>
    public bool IsIdle =>
        _isRetired && _upkeep.IsIdle && !IsInstalling && !_receiver.IsWriting && _sender.Count == 0;

    private bool IsUnfilled => _raft.Configuration.Voters.Count == 0;

    private bool IsOutside => _raft.ConfigurationIndex <= _raft.CommitIndex
        && !_raft.Configuration.Voters.Contains(_raft.Id) && !_raft.Configuration.Outgoing.Contains(_raft.Id)
        && !_raft.Configuration.Learners.Contains(_raft.Id);

    // A replica at rest asks no other: if what removed it was lost on the way, it would rest for ever. One
    // that is awake asks the members that it knows, which may all be gone as well: the metadata group knows
    // others.
    private void AskIfRemoved()
    {
        if ((_raft.Leader is not null && !_raft.IsQuiescent)
            || _host.NowMs - _askedIfRemovedMs < Limits.RemovedKeepMs
            || !_host.Cluster.IsUnwanted(Group, _parts.KeyspaceId) || IsGivenUp)
            return;
        _askedIfRemovedMs = _host.NowMs;
        _raft.AskIfRemoved(_host.Cluster.Placement.Placed(Group)?.Holders ?? []);
        _host.Touch(this);
    }

    /// <inheritdoc/>
    public void Retire()
    {
        _isRetired = true;
        _durable.DropAnswers();
        _sender.Stop();
        _receiver.Drop();
        _calls.Leave();
        _report.TellNoLeader();
    }

    /// <inheritdoc/>
    public void SweepRetired() => _installer.Sweep();

    /// <summary>
    /// What stays of it: its term and its vote, so that it never votes twice, and listens to no leader that
    /// does not know of its removal.
    /// </summary>
    public HardState Entomb(LogBatch batch)
    {
        var state = _durable.State with { Commit = default };
        if (_raft.IsRemoved && _raft.RemovedInTerm > state.Term)
            state = new(_raft.RemovedInTerm, null, default);
        GroupRecords.Add(batch, Group, new GroupState(state, new Removed()));
        return state;
    }
}
