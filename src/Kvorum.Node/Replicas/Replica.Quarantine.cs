using Kvorum.Node.Groups;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>
/// A replica that contradicts another one is quarantined (ADR 24): it serves nothing, votes for nothing and
/// keeps every byte, over restarts, until an operator discards one side. Never is it filled by itself: the
/// majority may be the side that forgot. One that was discarded is blank: it serves nothing until its leader
/// has filled it.
/// </summary>
internal sealed partial class Replica
{
    private Standing? _standing = parts.Standing;

    // The log is to be told of the standing with the next batch.
    private bool _standingDue;

    /// <summary>True while it stands still because it contradicts another replica.</summary>
    public bool IsQuarantined => _raft.IsQuarantined;

    /// <summary>True while it holds nothing, having been discarded.</summary>
    public bool IsBlank => _standing is Discarded;

    /// <summary>True while no call may be answered from its data.</summary>
    private bool ServesNothing => IsFenced || IsQuarantined || IsBlank;

    private string? QuarantineAlert => _standing switch
    {
        Quarantined found => $"{Keyspace}/{Partition}: this node's replica is quarantined: {WhyOf(found)}. "
            + "It serves nothing, votes for nothing and keeps all it has. Decide which side counts: kvorum "
            + "doctor shows this one, kvorum discard gives one up",
        Discarded => $"{Keyspace}/{Partition}: this node's replica was discarded, and waits to be filled by "
            + "its leader",
        _ => null,
    };

    private string WhyOf(Quarantined found) => found.Describe(loop.Cluster.NameOf);

    // The core stands still already; the log is told, and what is under way here ends.
    private void NoticeQuarantine()
    {
        if (!_raft.IsQuarantined || _standing is Quarantined || _raft.Contradiction is not { } found)
            return;
        BeginQuarantine(new(found));
    }

    private void BeginQuarantine(Quarantined found)
    {
        _raft.Quarantine();
        _standing = found;
        AddState(OpenBatch());
        _lastBatch = loop.CurrentBatch;
        _dispute = null;
        _answers.Clear();
        StopSnapshotSends();
        DropReceiving();
        ForgetProposals();
        foreach (var (_, calls) in _readsAwaitingApply)
            calls.ForEach(Wait);
        _readsAwaitingApply.Clear();
        loop.Cluster.Note(QuarantineAlert!);
        loop.Touch(this);
    }

    // Filled: from the batch on that tells the log of the snapshot it is a replica like any other.
    private void EndBlank()
    {
        if (!IsBlank)
            return;
        _standing = null;
        _standingDue = true;
        loop.Cluster.Note($"{Keyspace}/{Partition}: filled by its leader after it was discarded");
    }

    private void AddState(Storage.Log.LogBatch batch)
    {
        GroupRecords.Add(batch, Group, new GroupState(_persistedState, _standing));
        _standingDue = false;
    }

    // Others that may serve are asked. Where they are too few, waiting helps nobody.
    private void TakeElsewhere(Call call)
    {
        var leader = _raft.Leader is { } known && known != _raft.Id && loop.Cluster.IsUp(known)
            ? known : default(NodeId?);
        if (IsFenced && !IsQuarantined && !IsBlank)
            TakeFenced(call);
        else if (leader is null && (call.Request.NoRedirect || !CanOthersServe))
            loop.Finish(call, StandsStill());
        else if (call.Request.NoRedirect)
            loop.Finish(call, NotLeader());
        else if (leader is { } to)
            loop.Forward(call, to);
        else
            Wait(call);
    }

    // A majority without this replica is up, as far as is known.
    private bool CanOthersServe => Preference.Count / 2 < Preference.Count(
        node => node != _raft.Id && loop.Cluster.IsUp(node) && !_quarantinedPeers.Contains(node));

    private Reply StandsStill() => new()
    {
        Status = ReplyStatus.Unavailable,
        Message = $"{loop.Cluster.NameOf(_raft.Id)} cannot answer, and knows no other replica that can. "
            + QuarantineAlert,
        Partition = Partition,
    };
}
