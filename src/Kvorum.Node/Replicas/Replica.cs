using Kvorum.Node.Clocks;
using Kvorum.Node.Groups;
using Kvorum.Node.Room;
using Kvorum.Node.State;
using Kvorum.Raft;
using Kvorum.Storage.Log;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>What a replica is made of, all recovered from disk.</summary>
internal sealed record ReplicaParts(
    uint Group,
    string Keyspace,
    uint Partition,
    IReadOnlyList<NodeId> Preference,
    Tree Tree,
    IStateMachine Machine,
    GroupLog Log,
    RaftNode Raft)
{
    /// <summary>Where its tables are damaged; null if they are whole, as far as was seen.</summary>
    public string? Damage { get; init; }

    /// <summary>The checkpoint that the log was not told of; null if it was.</summary>
    public SnapshotMetadata? OwedMark { get; init; }

    /// <summary>The history up to what its tables hold.</summary>
    public required HistoryMark History { get; init; }

    /// <summary>Why it does not take part as others do; null if it does.</summary>
    public Standing? Standing { get; init; }
}

/// <summary>
/// This node's replica of one group: it drives the Raft core, writes what must be durable through the loop's
/// batch, applies what is committed, and answers calls. Owned by one node loop: nothing here is called on
/// another thread.
/// </summary>
internal sealed partial class Replica(NodeLoop loop, ReplicaParts parts)
{
    private readonly RaftNode _raft = parts.Raft;
    private readonly GroupLog _log = parts.Log;
    private readonly Tree _tree = parts.Tree;
    private readonly IStateMachine _machine = parts.Machine;
    private readonly LogClock _clock = new(parts.Machine.LogTimeMs, loop.NowMs);

    // Taken from the core and not yet durable, each with the log batch that makes it so.
    private readonly Queue<(Ready Ready, ulong Batch)> _persisting = new();
    private HardState _persistedState;
    private SnapshotMetadata? _owedMark = parts.OwedMark;
    private ulong _lastBatch;
    private ulong _durableBatch;
    private (Role Role, Term Term, NodeId? Leader) _published;

    public uint Group => parts.Group;

    public string Keyspace => parts.Keyspace;

    public uint Partition => parts.Partition;

    public IReadOnlyList<NodeId> Preference => parts.Preference;

    public RaftNode Raft => _raft;

    public IStateMachine Machine => _machine;

    public Tree Tree => _tree;

    public bool IsLeader => _raft.Role == Role.Leader;

    /// <summary>True while it is on the loop's list of replicas that may have something to do.</summary>
    public bool IsQueued { get; set; }

    /// <summary>Tells it what is durable already.</summary>
    public void Recovered(HardState state)
    {
        _persistedState = state;
        if (Alert is { } alert)
            loop.Cluster.Note(alert);
    }

    public void Tick()
    {
        _raft.Tick();
        if (_raft.HasReady)
            loop.Touch(this);
    }

    public void Step(Message message)
    {
        // The last room, of the disk and of memory, is for what gives room back. The leader sends entries
        // again until they are taken. What a new leader needs to be one is small, and is taken.
        if ((loop.Disk.Level == DiskLevel.Critical || loop.IsMemoryOverrun) && message is AppendEntries append
            && append.Entries.Any(static entry => entry.Kind == EntryKind.Command))
            return;
        // Behind a snapshot that is not durable they would only make this voter ask for more than it has.
        if (_holdsReadies && message is AppendEntries { Entries.Count: > 0 })
            return;
        _raft.Step(message);
        loop.Touch(this);
    }

    /// <summary>Does all that the core wants done now.</summary>
    public void Advance()
    {
        NoticeQuarantine();
        AskForReads();
        while (_raft.HasReady)
            Handle(_raft.TakeReady());
        Publish();
    }

    /// <summary>All log batches up to this one are durable.</summary>
    public void Persisted(ulong batch)
    {
        _durableBatch = batch;
        while (_persisting.TryPeek(out var head) && head.Batch <= batch)
        {
            _persisting.Dequeue();
            Durable(head.Ready);
        }

        SendDurableAnswers();
        ReleaseDurable();

        loop.Touch(this);
    }

    private void Handle(Ready ready)
    {
        Send(ready.Messages);
        if (ready.Snapshot is { } snapshot)
            Install(snapshot);
        if (_holdsReadies)
            Hold(ready);
        else
            Store(ready);
        Apply(ready.Committed);
        Answer(ready.Reads);
    }

    private void Store(Ready ready)
    {
        if (MustPersist(ready))
        {
            Persist(ready);
            _lastBatch = loop.CurrentBatch;
            _persisting.Enqueue((ready, _lastBatch));
        }
        else if (_persisting.Count > 0)
        {
            // What leaves after this Ready may rest on the ones before it.
            _persisting.Enqueue((ready, _lastBatch));
        }
        else
        {
            Durable(ready);
        }
    }

    // A commit index alone is only a hint for restarts: it rides along with the next real change.
    private bool MustPersist(Ready ready) => ready.Entries.Count > 0 || ready.Snapshot is not null
        || (ready.HardState is { } state
            && (state.Term != _persistedState.Term || state.Vote != _persistedState.Vote));

    private void Persist(Ready ready)
    {
        var batch = OpenBatch();
        if (ready.Snapshot is { } snapshot)
            GroupRecords.AddMark(batch, Group, snapshot);

        if (ready.HardState is { } found && NewestOf(found) is var state && state != _persistedState)
        {
            _persistedState = state;
            _standingDue = true;
        }

        if (_standingDue)
            AddState(batch);

        for (var i = 0; i < ready.Entries.Count; i++)
        {
            GroupRecords.Add(batch, Group, ready.Entries[i]);
            if (ready.Entries[i].Kind == EntryKind.Command)
                _clock.Written();
            _logBytesSinceCheckpoint += ready.Entries[i].Data.Length + 32;
        }
    }

    // What a crash kept from the log comes before all else.
    private LogBatch OpenBatch()
    {
        var batch = loop.OpenBatch(this);
        if (_owedMark is { } owed)
            GroupRecords.AddMark(batch, Group, owed);
        _owedMark = null;
        return batch;
    }

    private void Durable(Ready ready)
    {
        if (ready.Snapshot is { } snapshot)
        {
            _log.Reset(snapshot);
            Release(snapshot.Index);
        }

        _log.Append(ready.Entries);
        _raft.Persisted(ready);
        if (!IsQuarantined)
            Send(ready.MessagesAfterPersist);
    }

    private void Send(IReadOnlyList<Message> messages)
    {
        for (var i = 0; i < messages.Count; i++)
        {
            if (messages[i] is InstallSnapshot install)
                SendSnapshot(install);
            else
                loop.Send(Group, messages[i]);
        }
    }

    private void Apply(IReadOnlyList<Entry> committed)
    {
        if (committed.Count == 0)
            return;
        for (var i = 0; i < committed.Count && !IsFenced; i++)
            Apply(committed[i]);
        // The log hands all of it out again once the tables are rebuilt.
        if (IsFenced)
            return;
        _raft.Applied(committed[^1].Index);
        FollowLogTime();
        ServeAppliedReads();
        CheckpointIfDue();
        if (_machine is MetaMachine meta)
            loop.Cluster.Publish(meta);
    }

    private void Apply(in Entry entry)
    {
        if (entry.Kind != EntryKind.Command)
        {
            _machine.Skip(entry.Index);
            _history.Add(entry);
            Resolve(entry, null);
            return;
        }

        Outcome outcome;
        try
        {
            outcome = _machine.Apply(entry.Index, entry.Data);
        }
        catch (TreeDamagedException e)
        {
            Fence(e);
            return;
        }
        catch (FormatException e)
        {
            // Skipping it would make this replica differ from the others for ever.
            throw new NodeFaultException(
                $"{Keyspace}/{Partition}: entry {entry.Index} cannot be applied: {e.Message} "
                    + "Start a version that knows it.",
                e);
        }

        _history.Add(entry);
        Resolve(entry, outcome);
    }

    private void Publish()
    {
        var now = (_raft.Role, _raft.Term, _raft.Leader);
        if (now == _published)
            return;
        var before = _published;
        _published = now;
        loop.Cluster.SetLeader(Group, now.Leader, now.Term);
        if (before.Role != now.Role || before.Leader != now.Leader)
            loop.Cluster.RoleChanged(Keyspace, Partition, RoleName, now.Term, now.Leader);
        if (before.Role == Role.Leader && now.Role != Role.Leader)
        {
            StopSnapshotSends();
            _clock.SteppedDown(loop.NowMs);
        }

        if (before.Role != Role.Leader && now.Role == Role.Leader)
            TellWhoIsDown();
        if (now.Leader is not null)
            RetryWaiting();
    }

    private string RoleName => _raft.Role switch
    {
        Role.Leader => "leader",
        Role.Candidate => "candidate",
        Role.PreCandidate => "pre-candidate",
        _ => IsQuarantined ? "quarantined" : IsBlank ? "blank"
            : _raft.Configuration.Learners.Contains(_raft.Id) ? "learner" : "follower",
    };
}
