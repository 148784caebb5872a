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
internal sealed partial class RaftReplica : IReplica, ITreeOwner
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
    private bool _isRetired;

    public RaftReplica(IReplicaHost host, ReplicaParts parts)
    {
        (_host, _parts, _raft, _machine) = (host, parts, parts.Raft, parts.Machine);
        _history.Reset(parts.History);
        _durable = new(host, this, parts);
        _condition = new(parts, _durable, host.Cluster);
        _comparison = new(host, parts, _durable, _condition, _history);
        _time = new(host, parts.Machine);
        Freshness = parts.Group.IsMetadata ? new(host, this, parts) : null;
        _writer = new(host, parts, _durable, _time, Send);
        _leadership = new(host, this, parts);
        _calls = new(host, this, parts, _condition, _comparison, _leadership, _time, Fence);
        _applier = new(parts, _condition, _history, _calls, Fence);
        _report = new(host, parts, _condition);
        _sender = new(host, this, parts, _condition, Fence);
        Walker = new(host, this, parts, _sender);
        _receiver = new(host, parts, Offered);
        _installer = new(host, parts, Installed);
        _upkeep = new(host, this, isSettled: parts.Damage is not null || parts.Standing is not null);
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
    public bool IsBypassed => _calls.IsBypassed;

    /// <inheritdoc/>
    public bool HasCalls => _calls.HasAny;

    /// <inheritdoc/>
    public int SnapshotSends => _sender.Count;

    /// <inheritdoc/>
    public bool IsQueued { get; set; }

    /// <inheritdoc/>
    public bool IsAwake { get; set; }

    public GroupId Group => _parts.Group;

    public RaftNode Raft => _raft;

    public IStateMachine Machine => _machine;

    /// <inheritdoc/>
    public Tree Tree => _parts.Tree;

    ITreeState ITreeOwner.State => _machine;

    bool ITreeOwner.MayWorkOnTables => !_condition.ServesNothing && !IsInstalling;

    bool ITreeOwner.MayCheckTables => !IsFenced && !IsBlank;

    /// <summary>Its way to where its replicas should be.</summary>
    public GroupWalker Walker { get; }

    /// <summary>What it has applied.</summary>
    public CommittedHistory History => _history;

    /// <summary>Log time as this replica would go on with it, in milliseconds.</summary>
    public ulong LogTimeNow => _time.Now;

    public bool IsFenced => _condition.IsFenced;

    public bool IsQuarantined => _condition.IsQuarantined;

    public bool IsBlank => _condition.IsBlank;

    public bool IsInstalling => _installer.IsInstalling;

    /// <inheritdoc/>
    public bool IsAtRest => _raft.IsQuiescent && !HasCalls && !IsFenced && !IsInstalling
        && _sender.Count == 0 && !_receiver.IsBusy && _upkeep.IsAtRest && Freshness is null
        && !(IsLeader && _time.IsDueSoon);

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
        var ticks = _raft.IsQuiescent ? 0 : IsLeader ? due : Math.Min(due, 2);
        for (var i = 0; i < ticks; i++)
        {
            _raft.Tick();
            if (_raft.HasReady)
                _host.Touch(this);
        }

        if (IsLeader && _time.TakeDue() is { } command)
            Propose(command);
        Freshness?.Tick();
    }

    /// <inheritdoc/>
    public void Advance() => Advance(offered: null);

    /// <inheritdoc/>
    public void Persisted(ulong batch)
    {
        if (_isRetired)
            return;
        _writer.Durable(batch);
        _host.Touch(this);
    }

    /// <inheritdoc/>
    public void PeerUp(NodeId peer) => _leadership.PeerUp(peer);

    /// <inheritdoc/>
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
        Walker.Sweep();
        AskIfRemoved();
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

    /// <summary>
    /// What proves that this replica has applied all that was committed at some moment; null but for the
    /// metadata group.
    /// </summary>
    public FreshnessProbe? Freshness { get; }

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

    /// <inheritdoc/>
    public ReplicaOfKey Describe(byte[] key) => _report.Describe(key, Fence);

    // Does all that the core wants done now. True if the snapshot that is offered is being installed.
    private bool Advance(CheckpointReceiver? offered)
    {
        if (_isRetired)
            return false;
        // The core stands still already; the log is told, and what is under way here ends.
        if (_raft.IsQuarantined && _durable.Standing is not Quarantined && _raft.Contradiction is { } found)
            Quarantine(new(found));
        _calls.AskForReads();
        var isTaken = false;
        while (_raft.HasReady)
            isTaken |= Handle(_raft.TakeReady(), offered);
        if (!IsFenced)
            Freshness?.Look();
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
        Freshness?.Answered(ready.Reads);
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
        _condition.Filled();
        if (_durable.Standing is Discarded)
            _durable.EndStanding();
        _host.Cluster.Tell(new ReplicaFilled(Identity.Keyspace, Identity.Partition));
    }
}
