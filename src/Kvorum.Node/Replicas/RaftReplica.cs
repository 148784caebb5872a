using Kvorum.Node.Budgets;
using Kvorum.Node.Events;
using Kvorum.Node.Groups;
using Kvorum.Node.State;
using Kvorum.Raft;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>
/// This node's replica of one Raft group. It drives the core and the parts, which each know one thing:
/// <see cref="ReadyWriter"/> makes durable what must be, <see cref="EntryApplier"/> applies what is
/// committed, <see cref="ReplicaCalls"/> answers calls, <see cref="TreeUpkeep"/> looks after the tables,
/// <see cref="SnapshotSender"/>, <see cref="SnapshotReceiver"/> and <see cref="SnapshotInstaller"/> move
/// snapshots, <see cref="HistoryComparison"/> finds replicas that contradict each other, and
/// <see cref="ReplicaCondition"/> says whether this one may serve. Owned by one node loop.
/// </summary>
internal sealed class RaftReplica : IReplica
{
    private readonly IReplicaHost _host;
    private readonly ReplicaParts _parts;
    private readonly RaftNode _raft;
    private readonly IStateMachine _machine;
    private readonly CommittedHistory _history = new();
    private readonly DurableQueue _durable;
    private readonly ReadyWriter _writer;
    private readonly ReplicaCondition _condition;
    private readonly HistoryComparison _comparison;
    private readonly LogTime _time;
    private readonly Leadership _leadership;
    private readonly ReplicaCalls _calls;
    private readonly EntryApplier _applier;
    private readonly TreeUpkeep _upkeep;
    private readonly SnapshotSender _sender;
    private readonly SnapshotReceiver _receiver;
    private readonly SnapshotInstaller _installer;
    private readonly RoleReport _report;

    public RaftReplica(IReplicaHost host, ReplicaParts parts)
    {
        (_host, _parts, _raft, _machine) = (host, parts, parts.Raft, parts.Machine);
        _history.Reset(parts.History);
        _durable = new(host, this, parts);
        _condition = new(parts, _durable, host.Cluster);
        _comparison = new(host, parts, _durable, _condition, _history);
        _time = new(host, parts.Machine);
        _writer = new(host, parts, _durable, _time, Send);
        _leadership = new(host, this, parts);
        _calls = new(host, this, parts, _condition, _comparison, _leadership, _time, Fence);
        _applier = new(parts, _condition, _history, _calls, Fence);
        _report = new(host, parts, _condition);
        _sender = new(host, this, parts, _condition, Fence);
        _receiver = new(host, parts, Offered);
        _installer = new(host, parts, Installed);
        _upkeep = new(
            host, parts, _condition, _installer, _history, new(Fence, CheckpointWritten, _writer.Release));
    }

    /// <inheritdoc/>
    public GroupIdentity Identity => _parts.Identity;

    /// <inheritdoc/>
    public IReadOnlyList<NodeId> Preference => _parts.PreferenceIn(_host.Cluster);

    /// <inheritdoc/>
    public IReplicaStore Store => _upkeep;

    /// <inheritdoc/>
    public string? HealthIssue => _condition.StandingIssue ?? _condition.DamageIssue ?? _comparison.Issue;

    /// <inheritdoc/>
    public bool IsLeader => _raft.Role == Role.Leader;

    /// <inheritdoc/>
    public bool HasCalls => _calls.HasAny;

    /// <inheritdoc/>
    public int SnapshotSends => _sender.Count;

    /// <inheritdoc/>
    public bool IsQueued { get; set; }
    public GroupId Group => _parts.Group;
    public RaftNode Raft => _raft;
    public IStateMachine Machine => _machine;
    public Tree Tree => _parts.Tree;

    /// <summary>What it has applied.</summary>
    public CommittedHistory History => _history;

    /// <summary>Log time as this replica would go on with it, in milliseconds.</summary>
    public ulong LogTimeNow => _time.Now;

    public bool IsFenced => _condition.IsFenced;
    public bool IsQuarantined => _condition.IsQuarantined;
    public bool IsBlank => _condition.IsBlank;
    public bool IsInstalling => _installer.IsInstalling;

    /// <inheritdoc/>
    public void Begin()
    {
        if ((_condition.StandingEvent ?? _condition.DamageEvent) is { } found)
            _host.Cluster.Tell(found);
        _machine.Publish();
        _host.Touch(this);
    }

    /// <inheritdoc/>
    public void TakePart()
    {
        // A group of one has no other replica to wait for.
        if (_raft.Configuration.Voters.Count != 1)
            return;
        _raft.Campaign();
        _host.Touch(this);
    }

    /// <inheritdoc/>
    public void TakeNoPart() => _report.TellNoLeader();

    /// <inheritdoc/>
    public void Take(Call call) => _calls.Take(call);

    /// <inheritdoc/>
    public void Wait(Call call) => _calls.Wait(call);

    /// <inheritdoc/>
    public void Tick(long due)
    {
        // After a pause, what the peers said meanwhile is still in the sockets: a follower must hear it
        // before its patience ends. A leader counts every tick: its lease and its majority may be gone.
        var ticks = IsLeader ? due : Math.Min(due, 2);
        for (var i = 0; i < ticks; i++)
        {
            _raft.Tick();
            if (_raft.HasReady)
                _host.Touch(this);
        }

        if (IsLeader && _time.TakeDue() is { } command)
            Propose(command);
    }

    /// <inheritdoc/>
    public void Advance() => Advance(offered: null);

    /// <inheritdoc/>
    public void Persisted(ulong batch)
    {
        _writer.Durable(batch);
        _host.Touch(this);
    }

    /// <inheritdoc/>
    public void PeerUp(NodeId peer) => _leadership.PeerUp(peer);
    public void PeerSuspected(NodeId peer) => _leadership.PeerSuspected(peer);

    /// <inheritdoc/>
    public void PeerDown(NodeId peer, PeerLoss loss)
    {
        _sender.PeerDown(peer);
        _receiver.PeerDown(peer);
        _leadership.PeerDown(peer, loss);
    }

    /// <inheritdoc/>
    public void Sweep()
    {
        if (HasCalls)
        {
            _calls.Sweep();
            _calls.RetryWaiting();
        }

        _sender.Sweep();
        if (IsFenced && !IsQuarantined && !IsInstalling)
            _receiver.AskToRebuild(RebuildIndex);
        if (_comparison.Sweep() is { } found)
            Quarantine(found);
        _installer.Sweep();
        _receiver.Sweep(IsFenced);
        _upkeep.Sweep();
    }

    /// <inheritdoc/>
    public bool BalanceLeadership() => _leadership.Balance();

    /// <inheritdoc/>
    public bool HandOver() => _leadership.HandOver();

    /// <summary>What it tells its peers of its history.</summary>
    public GroupDigest Digest(bool wantsAnswer) => _comparison.Digest(wantsAnswer);

    /// <inheritdoc/>
    public void ProposeLacking()
    {
        foreach (var command in _machine.Lacking(_time.OfWrite()))
            Propose(command);
    }

    /// <summary>Leader: proposes a command of the log's own needs, not of a caller.</summary>
    public void Propose(byte[] command)
    {
        _raft.Propose(command);
        _host.Touch(this);
    }

    /// <summary>A Raft message came.</summary>
    public void Step(Message message)
    {
        // Keep the last room for what frees room: the leader sends commands again until they are taken.
        if ((_host.Disk.Level == DiskLevel.Critical || _host.IsMemoryOverrun)
            && message is AppendEntries append
            && append.Entries.Any(static entry => entry.Kind == EntryKind.Command))
            return;
        // Behind a snapshot that is not durable they would only make this voter ask for more than it has.
        if (_writer.IsHolding && message is AppendEntries { Entries.Count: > 0 })
            return;
        _raft.Step(message);
        _host.Touch(this);
    }

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

    /// <summary>A peer tells of its replica.</summary>
    public void Receive(NodeId from, in GroupDigest digest)
    {
        // It leads no more, and a group at rest would not notice.
        if (digest.IsQuarantined && _raft.Leader == from && !IsQuarantined)
            _leadership.LeaderGone();
        if (_comparison.NoteStanding(from, digest))
            EndQuarantine();
        if (_comparison.Compare(from, digest) is { } found)
            Quarantine(found);
        if (digest.WantsAnswer)
            _host.Send(from, Digest(wantsAnswer: false));
    }

    /// <inheritdoc/>
    public PartitionStatus Status() => _report.Status();

    // Does all that the core wants done now. True if the snapshot that is offered is being installed.
    private bool Advance(CheckpointReceiver? offered)
    {
        // The core stands still already; the log is told, and what is under way here ends.
        if (_raft.IsQuarantined && _durable.Standing is not Quarantined && _raft.Contradiction is { } found)
            Quarantine(new(found));
        _calls.AskForReads();
        var isTaken = false;
        while (_raft.HasReady)
            isTaken |= Handle(_raft.TakeReady(), offered);
        Publish();
        return isTaken;
    }

    private bool Handle(Ready ready, CheckpointReceiver? offered)
    {
        Send(ready.Messages);
        if (ready.Snapshot is { } snapshot)
            Install(snapshot, offered);
        _upkeep.LogGrew(_writer.Write(ready));
        Apply(ready.Committed);
        _calls.Confirmed(ready.Reads);
        return ready.Snapshot is not null;
    }

    private void Send(IReadOnlyList<Message> messages)
    {
        for (var i = 0; i < messages.Count; i++)
        {
            if (messages[i] is not InstallSnapshot install)
                _host.Send(Group, messages[i]);
            else if (_sender.Send(install))
                _upkeep.Checkpoint();
        }
    }

    private void Apply(IReadOnlyList<Entry> committed)
    {
        if (committed.Count == 0 || !_applier.Apply(committed))
            return;
        _time.Applied(IsLeader);
        _calls.ServeApplied();
        _upkeep.CheckpointIfDue();
        _machine.Publish();
    }

    private void Publish()
    {
        if (_report.TellIfChanged() is not { } before)
            return;
        if (before == Role.Leader && !IsLeader)
        {
            _sender.Stop();
            _time.SteppedDown();
        }
        else if (before != Role.Leader && IsLeader)
        {
            _leadership.TellWhoIsDown();
            ProposeLacking();
        }

        if (_raft.Leader is not null)
            _calls.RetryWaiting();
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

    private void Fence(TreeDamagedException damage)
    {
        if (IsFenced)
            return;
        _condition.Fence(damage);
        _host.Cluster.Tell(_condition.DamageEvent!);
        _raft.Fence();
        // The part that has found it may be in the middle of these.
        _host.Defer(() =>
        {
            _sender.Stop();
            _calls.Interrupt();
            _host.Touch(this);
        });
        _host.Touch(this);
    }

    // New tables took the place of those that were here; they may be damaged, too.
    private void Unfence(TreeDamagedException? damage)
    {
        var wasFenced = IsFenced;
        _condition.Unfence();
        if (damage is not null)
            Fence(damage);
        if (damage is not null || !wasFenced)
            return;
        _raft.Unfence();
        _host.Cluster.Tell(new ReplicaRebuilt(Identity.Keyspace, Identity.Partition, Tree.AppliedIndex));
        _host.Touch(this);
    }

    private void Quarantine(Quarantined found)
    {
        _raft.Quarantine();
        _durable.WriteStanding(found);
        _comparison.EndDispute();
        _durable.DropAnswers();
        _sender.Stop();
        _receiver.Drop();
        _calls.Interrupt();
        _host.Cluster.Tell(_condition.StandingEvent!);
        _host.Touch(this);
    }

    private void EndQuarantine()
    {
        _durable.WriteStanding(null);
        _raft.EndQuarantine();
        _host.Cluster.Tell(new QuarantineEnded(Identity.Keyspace, Identity.Partition, _comparison.Yielded));
        _host.Touch(this);
    }

    // Filled: from the batch on that tells the log of the snapshot it is a replica like any other.
    private void EndBlank()
    {
        if (!IsBlank)
            return;
        _durable.EndStanding();
        _host.Cluster.Tell(new ReplicaFilled(Identity.Keyspace, Identity.Partition));
    }
}
