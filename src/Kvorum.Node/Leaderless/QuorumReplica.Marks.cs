using Kvorum.Node.Budgets;
using Kvorum.Node.Leaderless.Deletes;
using Kvorum.Quorum;
using Kvorum.Quorum.Deletes;

namespace Kvorum.Node.Leaderless;

// Below which times it takes nothing, lacks nothing, and needs no tombstones.
internal sealed partial class QuorumReplica
{
    private bool _isBehindHorizon;
    private bool _missesForRoom;
    private bool _isCollecting;

    // What the log has or will have. The gate is not known while it comes anew to a group that is older.
    private ReplicaMarks _marks;
    private bool _isGateKnown;

    // What the replicas that fill it lacked nothing below.
    private ReplicaMarks _marksOfSources;

    /// <summary>Its marks, as far as they are durable.</summary>
    public ReplicaMarks Marks => _parts.Machine.Marks;

    /// <summary>
    /// From now on it refuses writes and hints below this. Told to others when <see cref="Marks"/> says so.
    /// </summary>
    public void CloseGate(HybridTimestamp below) => Mark(_marks with { Gate = below });

    /// <summary>It was compared with all others, and lacks nothing below its gate.</summary>
    public void Completed(HybridTimestamp below) => Mark(_marks with { CompleteBelow = below });

    /// <summary>No replica lacks anything below this: tombstones go.</summary>
    public void AdvanceHorizon(HybridTimestamp horizon) => Mark(_marks with { Horizon = horizon });

    /// <summary>True if it knows which writes its group takes no more: until then it takes none.</summary>
    public bool KnowsGate => _isGateKnown;

    /// <summary>
    /// A replica that fills it told its marks: this one takes no write that the group takes no more.
    /// </summary>
    public void LearnMarks(in ReplicaMarks source)
    {
        _marksOfSources = ReplicaMarks.Latest(_marksOfSources, source);
        LearnGate(source.Gate);
    }

    /// <summary>The same from one that does not fill it yet.</summary>
    public void LearnGate(HybridTimestamp gate)
    {
        _isGateKnown = true;
        Mark(_marks with { Gate = gate });
    }

    /// <summary>
    /// The others have collected tombstones of what it may lack: it is emptied, and filled by them.
    /// </summary>
    public void GiveUpBehindHorizon() => _isBehindHorizon = true;

    /// <summary>True while there is no room for what it was asked to store.</summary>
    public bool WaitsForRoom => _missesForRoom && IsFull(isDeletion: false);

    /// <summary>True once when there is room again: what it refused meanwhile it lacks.</summary>
    public bool HasRoomAgain()
    {
        if (!_missesForRoom || IsFull(isDeletion: false))
            return false;
        _missesForRoom = false;
        return true;
    }

    private void Mark(in ReplicaMarks marks)
    {
        var latest = ReplicaMarks.Latest(_marks, marks);
        if (latest == _marks)
            return;
        _marks = latest;
        Append(ticket: default, KeepingCommand.Encode(latest));
    }

    private bool HasToCollect => !IsDamaged && !_isRetired
        && _parts.Machine.NextEndMs < (ulong)Marks.Horizon.UnixMs;

    private void CollectIfDue()
    {
        if (_isCollecting || !HasToCollect)
            return;
        _isCollecting = true;
        Append(ticket: default, KeepingCommand.EncodeCollect(Marks.Horizon));
    }

    // Keep the last room for what frees room.
    private RefusalReason? WhyNotStore(in StoreCommand command, RecordSource source)
    {
        if (IsDamaged)
            return RefusalReason.Damaged;
        if (!_isGateKnown && source != RecordSource.Filling)
            return RefusalReason.NoReplica;
        // One that is not filled yet does not know what it lacks.
        var bound = source switch
        {
            RecordSource.Filling => HybridTimestamp.Zero,
            RecordSource.Repair when IsFilled => Marks.Horizon,
            _ => _marks.Gate,
        };
        if (!Horizon.Admits(bound, command.Version) && !Has(command))
            return RefusalReason.BehindHorizon;
        if (!IsFull(StoredRecord.Read(command.RecordBytes).IsDeleted))
            return null;
        _missesForRoom = true;
        return RefusalReason.Full;
    }

    private bool IsFull(bool isDeletion) => _host.Disk.Level == DiskLevel.Critical || _host.IsMemoryOverrun
        || (_host.Disk.Level == DiskLevel.Low && !isDeletion);

    private bool Has(in StoreCommand command) =>
        TryRead(command.Key.Span, out var found) && found?.Version == command.Version;
}
