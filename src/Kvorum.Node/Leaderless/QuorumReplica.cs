using Kvorum.Node.Events;
using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Node.Replicas;
using Kvorum.Node.Scans;
using Kvorum.Node.State;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Raft;
using Kvorum.Storage.Log;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Leaderless;

/// <summary>Who waits for a record to be stored.</summary>
/// <param name="From">The coordinator's node.</param>
/// <param name="Id">The coordinator's number of the operation.</param>
internal readonly record struct StoreTicket(NodeId From, ulong Id);

/// <summary>Where a record comes from, and so below which time it is not taken any more.</summary>
internal enum RecordSource : byte
{
    /// <summary>A write or a hint: not below the gate.</summary>
    Write,

    /// <summary>Another replica, by repair: not below the horizon.</summary>
    Repair,

    /// <summary>A replica that fills this one: all is taken.</summary>
    Filling,
}

/// <summary>
/// This node's replica of one group of a quorum keyspace. It stores what coordinators send, in a log of its
/// own, and answers once the log is durable; only then is it applied and read. It knows nothing of the other
/// replicas: coordinators and repair bring them together. Owned by one node loop.
/// </summary>
internal sealed partial class QuorumReplica : IReplica, ITreeOwner
{
    // A log of its own has no leaders: all its entries are of one term.
    private static readonly Term OnlyTerm = new(1);

    private readonly IReplicaHost _host;
    private readonly QuorumParts _parts;
    private readonly Action<StoreTicket, StoreAnswer> _answer;
    private readonly TreeUpkeep _upkeep;

    // Each with the log batch that must be durable before; batches never fall within a queue.
    private readonly Queue<(StoreTicket Ticket, Entry Entry, ulong Batch)> _storing = new();
    private readonly Queue<(LogIndex UpTo, ulong Batch)> _releases = new();
    private readonly Queue<(Epoch Epoch, ulong Batch)> _confirming = new();
    private readonly ByteWriter _room = new();
    private readonly SortedSet<NodeId> _filledFrom = [];
    private GroupBirth _birth;
    private Epoch _refusesBelow;
    private Epoch _written;
    private Epoch _judged;
    private (Epoch Epoch, int Sources) _filling;
    private LogIndex _last;
    private LogIndex _released;
    private string? _damage;
    private bool _isRetired;
    /// <param name="host">The loop.</param>
    /// <param name="parts">What it is made of.</param>
    /// <param name="answer">Takes its answers to coordinators.</param>
    public QuorumReplica(IReplicaHost host, QuorumParts parts, Action<StoreTicket, StoreAnswer> answer)
    {
        (_host, _parts, _answer, _damage) = (host, parts, answer, parts.Damage);
        (_released, _birth) = (parts.Released, parts.Birth);
        _refusesBelow = _written = Confirmed = parts.Confirmed;
        IsFilled = HasEverBeenFilled;
        Merkle = new(parts.Tree);
        parts.Machine.Merkle = Merkle;
        foreach (var entry in parts.Damage is null ? parts.Unapplied : [])
            parts.Machine.Apply(entry.Index, entry.Data);
        _marks = parts.Machine.Marks;
        _isGateKnown = HasEverBeenFilled || parts.Group.IsLocal || _marks.Gate > HybridTimestamp.Zero;
        _last = parts.Unapplied.Count > 0
            ? parts.Unapplied[^1].Index : new(Math.Max(parts.Tree.AppliedIndex, parts.Released.Value));
        _upkeep = new(host, this, isSettled: parts.Damage is not null);
    }

    /// <inheritdoc cref="IReplica.Identity"/>
    public GroupIdentity Identity => _parts.Identity;

    /// <inheritdoc/>
    public IReadOnlyList<NodeId> Preference => _host.Cluster.PreferenceOf(_parts.Group);

    /// <inheritdoc/>
    public IReplicaStore Store => _upkeep;

    /// <inheritdoc/>
    public bool IsLeader => false;

    /// <inheritdoc/>
    public bool IsBypassed => false;

    /// <inheritdoc/>
    public bool HasCalls => _storing.Count > 0;

    /// <inheritdoc/>
    public int SnapshotSends => 0;

    /// <inheritdoc/>
    public bool IsQueued { get; set; }

    /// <inheritdoc/>
    public bool IsAwake { get; set; }

    /// <inheritdoc/>
    public Tree Tree => _parts.Tree;

    /// <summary>Its Merkle tree.</summary>
    public MerkleKeeper Merkle { get; }

    /// <summary>Writes that lost against a newer one that was here.</summary>
    public SupersededWrites Superseded { get; } = new();

    /// <summary>What it keeps.</summary>
    public StoredMachine Machine => _parts.Machine;

    /// <summary>True while its data is damaged: it neither stores nor answers.</summary>
    public bool IsDamaged => _damage is not null;

    /// <summary>
    /// False for a replica that came later than its group, until it has what the others had then: it takes
    /// writes, and its answers to reads do not count.
    /// </summary>
    public bool IsFilled { get; private set; }

    /// <summary>True if it answers reads.</summary>
    public bool MayAnswer => !IsDamaged && IsFilled;

    /// <summary>The placement before which it refuses all requests, also after a restart.</summary>
    public Epoch Confirmed { get; private set; }

    ITreeState ITreeOwner.State => _parts.Machine;

    bool ITreeOwner.MayWorkOnTables => !IsDamaged && !_isRetired;

    bool ITreeOwner.MayCheckTables => !IsDamaged && !_isRetired;

    private ReplicaDamaged? DamageEvent => _damage is { } damage
        ? new(Identity.Keyspace, Identity.Partition, true, damage) : null;

    /// <inheritdoc/>
    public void Begin()
    {
        if (DamageEvent is { } found)
            _host.Cluster.Tell(found);
    }

    /// <inheritdoc/>
    public void TakePart()
    {
    }

    /// <inheritdoc/>
    public void TakeNoPart()
    {
    }

    /// <summary>
    /// Stores the record of a command: the ticket's owner is answered once it is durable. Not null: why it
    /// refuses, and stores nothing.
    /// </summary>
    public RefusalReason? Take(StoreTicket ticket, ReadOnlyMemory<byte> command, RecordSource source)
    {
        if (WhyNotStore(StoreCommand.Read(command), source) is { } refusal)
            return refusal;
        _filled += source == RecordSource.Filling ? 1 : 0;
        if (source != RecordSource.Write)
            RepairedRecords = RepairedRecords with { Taken = RepairedRecords.Taken + 1 };
        Append(ticket, command);
        return null;
    }

    /// <summary>Removes keys, with all that is known of them: for what is this node's own.</summary>
    public void Forget(StoreTicket ticket, IEnumerable<ReadOnlyMemory<byte>> keys) =>
        Append(ticket, KeepingCommand.EncodeForget(keys));

    private void Append(StoreTicket ticket, ReadOnlyMemory<byte> command)
    {
        _last = _last.Next;
        var entry = new Entry(_last, OnlyTerm, EntryKind.Command, command);
        GroupRecords.Add(_host.OpenBatch(this), _parts.Group, entry);
        _storing.Enqueue((ticket, entry, _host.CurrentBatch));
        _upkeep.LogGrew(command.Length + 32);
    }

    /// <summary>
    /// True if a coordinator of this placement is not answered: it knows of an older one than this replica,
    /// and may ask the wrong nodes. A newer one is learnt from it.
    /// </summary>
    public bool IsStale(Epoch epoch)
    {
        if (epoch < _refusesBelow)
            return true;
        _refusesBelow = epoch;
        return false;
    }

    /// <summary>
    /// The record of a key, as far as it is durable here; none if it may be collected. False if the tables
    /// are damaged.
    /// </summary>
    public bool TryRead(ReadOnlySpan<byte> key, out StoredRecord? record)
    {
        record = null;
        if (IsDamaged)
            return false;
        try
        {
            record = _parts.Machine.Get(key);
            if (record is { EndsMs: > 0 } ended && ended.EndsMs < (ulong)Marks.Horizon.UnixMs)
                record = null;
            return true;
        }
        catch (TreeDamagedException damage)
        {
            Damaged(damage);
            return false;
        }
    }

    /// <summary>
    /// The version that a client's request was stored with; null if it was not seen, or is so old that it is
    /// not known any more. False if the tables are damaged.
    /// </summary>
    public bool TryRecall(
        ReadOnlySpan<byte> client, ulong request, out RecordVersion? version, out bool isForgotten)
    {
        (version, isForgotten) = (null, false);
        try
        {
            version = _parts.Machine.VersionOf(client, request, out isForgotten);
            return true;
        }
        catch (TreeDamagedException damage)
        {
            Damaged(damage);
            return false;
        }
    }

    /// <summary>A part of a scan: the keys as they are here. Other calls are the coordinator's.</summary>
    public void Take(Call call)
    {
        if (call is ReadViewRequest { RecordTimeMs: { } timeMs } part && !IsStale(part.Epoch) && MayAnswer)
        {
            part.Open(Tree, new RecordForm(timeMs));
            _host.Finish(part, new() { Status = ReplyStatus.Ok });
            return;
        }

        if (call is ReadViewRequest refused)
            refused.Refusal = IsStale(refused.Epoch) ? RefusalReason.StaleEpoch : RefusalReason.Damaged;
        _host.Finish(call, new() { Status = ReplyStatus.NotLeader });
    }

    /// <inheritdoc/>
    public void Wait(Call call) => Take(call);

    /// <inheritdoc/>
    public bool IsAtRest => _upkeep.IsAtRest && !HasToCollect;

    /// <inheritdoc/>
    public void Tick(long due)
    {
    }

    /// <inheritdoc/>
    public void Advance()
    {
    }

    /// <inheritdoc/>
    public void Persisted(ulong batch)
    {
        if (_isRetired)
            return;
        while (_storing.TryPeek(out var next) && next.Batch <= batch)
        {
            _storing.Dequeue();
            Apply(next.Ticket, next.Entry);
        }

        while (_releases.TryPeek(out var next) && next.Batch <= batch)
            _host.ReleaseLog(_parts.Group, _releases.Dequeue().UpTo);
        while (_confirming.TryPeek(out var next) && next.Batch <= batch)
            Confirmed = _confirming.Dequeue().Epoch;
        if (_becoming is { } filled && filled.Batch <= batch)
            Become(filled.Birth);
        _upkeep.CheckpointIfDue();
    }

    /// <inheritdoc/>
    public void PeerUp(NodeId peer)
    {
    }

    /// <inheritdoc/>
    public void PeerSuspected(NodeId peer)
    {
    }

    /// <inheritdoc/>
    public void PeerDown(NodeId peer, PeerLoss loss)
    {
    }

    /// <inheritdoc/>
    public void Sweep()
    {
        _upkeep.Sweep();
        CollectIfDue();
        if (_host.Cluster.Placement.Placed(_parts.Group) is not { } placed || placed.Epoch == _judged)
            return;
        _judged = placed.Epoch;
        IsFilled = HasEverBeenFilled && !LacksWhatWasWritten(placed);
        if (placed.Epoch > _written)
            Confirm(placed.Epoch);
    }

    // First the log knows it, then the others are told.
    private void Confirm(Epoch epoch)
    {
        _written = epoch;
        if (epoch > _refusesBelow)
            _refusesBelow = epoch;
        WriteState();
        _confirming.Enqueue((epoch, _host.CurrentBatch));
    }

    private void WriteState()
    {
        var state = new HardState(new(Math.Max(_written.Value, OnlyTerm.Value)), Vote: null, _released);
        GroupRecords.Add(_host.OpenBatch(this), _parts.Group, new GroupState(state, Standing: null));
    }

    /// <inheritdoc/>
    public void ProposeLacking()
    {
    }

    /// <inheritdoc/>
    public bool BalanceLeadership() => false;

    /// <inheritdoc/>
    public bool HandOver() => true;

    /// <inheritdoc/>
    public bool IsGivenUp => !_parts.Group.IsLocal
        ? _host.Cluster.IsUnwanted(_parts.Group, _birth.KeyspaceId)
            || (_host.Cluster.Placement.Placed(_parts.Group) is { Holders.Count: > 1 } placed
                && (IsDamaged || _isBehindHorizon || (HasEverBeenFilled && LacksWhatWasWritten(placed))))
        : IsDamaged;

    /// <inheritdoc/>
    public bool IsIdle => _isRetired && _upkeep.IsIdle;

    /// <inheritdoc/>
    public void Retire()
    {
        _isRetired = true;
        foreach (var (ticket, _, _) in _storing)
            _answer(ticket, StoreAnswer.Refused(RefusalReason.NoReplica));
        _storing.Clear();
        _releases.Clear();
    }

    /// <inheritdoc/>
    public void SweepRetired()
    {
    }

    /// <inheritdoc/>
    public HardState Entomb(LogBatch batch)
    {
        // What it has confirmed holds for the next replica, too.
        var state = new HardState(new(_written.Value), Vote: null, default);
        GroupRecords.Add(batch, _parts.Group, new GroupState(state, new Removed()));
        return state;
    }

    /// <inheritdoc/>
    public void Damaged(TreeDamagedException damage)
    {
        if (IsDamaged)
            return;
        _damage = damage.What;
        _host.Cluster.Tell(DamageEvent!);
    }

    void ITreeOwner.Settled(ulong checkpoint) => Release(new(checkpoint));

    CheckpointPlan? ITreeOwner.NextCheckpoint()
    {
        var snapshot = new SnapshotMetadata(new(Tree.AppliedIndex), OnlyTerm, _birth.First);
        var history = HistoryMark.Empty with { Index = snapshot.Index };
        return new(
            GroupRecords.EncodeTag(new(snapshot, _parts.Machine.TimeMs, history)),
            () => Release(snapshot.Index));
    }

    private void Apply(StoreTicket ticket, in Entry entry)
    {
        // It is in the log, so "not stored" would be wrong: nothing is said, and the coordinator asks no
        // more.
        if (IsDamaged)
            return;
        try
        {
            var result = _parts.Machine.Apply(entry.Index, entry.Data, out var known);
            // What repair brings has no coordinator that waits for it.
            if (result == StoreResult.Superseded && ticket.Id != 0)
            {
                var lost = StoreCommand.Read(entry.Data);
                Superseded.Add(lost.Key.Span, lost.Version, known, _host.WallMs);
            }
            _isCollecting &= !KeepingCommand.IsCollect(entry.Data);
            _answer(ticket, StoreAnswer.Of(result));
        }
        catch (TreeDamagedException damage)
        {
            Damaged(damage);
        }
        catch (FormatException e)
        {
            // It came whole, or the frame would have been refused: going on would lose what it says.
            throw new NodeFaultException(
                $"{Identity}: entry {entry.Index} cannot be applied: {e.Message} "
                    + "Start a version that knows it.",
                e);
        }
    }

    // First the log itself says what is in a checkpoint, so that one that is lost later is missed at the
    // start.
    private void Release(LogIndex upTo)
    {
        if (upTo <= _released)
            return;
        _released = upTo;
        WriteState();
        _releases.Enqueue((upTo, _host.CurrentBatch));
    }
}
