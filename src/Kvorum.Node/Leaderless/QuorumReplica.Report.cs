using Kvorum.Node.Events;
using Kvorum.Node.Leaderless.Deletes;
using Kvorum.Node.Placement;
using Kvorum.Storage.Lsm;

namespace Kvorum.Node.Leaderless;

// What others are told of it: people, and the leader of the metadata group.
internal sealed partial class QuorumReplica
{
    /// <inheritdoc/>
    public string? HealthIssue => DamageEvent is { } found ? NodeEventText.Of(found)
        : HorizonIssue is { } held ? $"{Identity}: {held}" : null;

    /// <summary>Why tombstones are kept for long; null if they are not.</summary>
    public string? HorizonIssue { get; set; }

    /// <summary>How long ago its oldest tombstone ended, in milliseconds; null if it has none.</summary>
    public long? TombstoneAgeMs { get; set; }

    /// <summary>Its tombstones when they were counted last; null: not counted, or none are kept for long.
    /// </summary>
    public TombstoneCount? Tombstones { get; set; }

    /// <summary>Records that came from repair since the start, and that went to others by it.</summary>
    public (long Taken, long Given) RepairedRecords { get; private set; }

    /// <summary>
    /// Bytes that went to other replicas since the start, to compare what they hold and as records that they
    /// lacked.
    /// </summary>
    public (long Compared, long Given) RepairBytes { get; private set; }

    /// <summary>When it was last found equal with another replica, in the node's milliseconds; null: never.
    /// </summary>
    public long? ComparedMs { get; private set; }

    private string RoleName => IsDamaged ? "damaged" : IsFilled ? "replica" : "blank";

    /// <summary>Counts its tombstones as they are now.</summary>
    /// <param name="run">Runs work on the lane for scans; what comes back runs in the loop.</param>
    public void CountTombstones(Action<Action, Action<Exception?>> run)
    {
        var (view, belowMs) = (Tree.OpenView(), (ulong)_host.RecordTimeMs);
        TombstoneCount counted = default;
        run(
            () =>
            {
                using (view)
                    counted = StoredMachine.CountEnded(view, belowMs);
            },
            failure =>
            {
                if (failure is TreeDamagedException damage)
                    Damaged(damage);
                else if (failure is not null)
                {
                    throw new NodeFaultException(
                        $"{Tree.Folder}: it could not be read: {failure.Message}", failure);
                }
                else if (HorizonIssue is not null)
                    Tombstones = counted;
            });
    }

    /// <summary>An exchange that this one began has ended: both had the same.</summary>
    public void FoundEqual() => ComparedMs = _host.NowMs;

    /// <summary>Something of an exchange went to another replica.</summary>
    /// <param name="comparedBytes">Bytes of hashes, keys and versions.</param>
    /// <param name="records">Records.</param>
    /// <param name="recordBytes">Their bytes, with keys and versions.</param>
    public void Gave(long comparedBytes, long records, long recordBytes)
    {
        RepairBytes = (RepairBytes.Compared + comparedBytes, RepairBytes.Given + recordBytes);
        RepairedRecords = RepairedRecords with { Given = RepairedRecords.Given + records };
    }

    /// <summary>What the leader of the metadata group is told of it.</summary>
    public QuorumReplicaReport Report() => new(_parts.Group, Confirmed, IsFilled, Tree.Bytes, _filled);

    /// <inheritdoc/>
    public PartitionStatus Status() => new()
    {
        Keyspace = Identity.Keyspace,
        Partition = Identity.Partition,
        Group = _parts.Group,
        Role = RoleName,
        Term = 0,
        Leader = "",
        Commit = Tree.AppliedIndex,
        Applied = Tree.AppliedIndex,
        LastIndex = _last.Value,
        Keys = _parts.Machine.KeyCount,
        Bytes = Tree.Bytes,
        Superseded = Superseded.Count,
        SupersededNewest = Superseded.Newest,
        Quorum = new()
        {
            ComparedMs = ComparedMs is { } compared ? _host.NowMs - compared : null,
            RecordsTaken = RepairedRecords.Taken,
            RecordsGiven = RepairedRecords.Given,
            RecordBytesGiven = RepairBytes.Given,
            CompareBytesSent = RepairBytes.Compared,
            HorizonUnixMs = Marks.Horizon.UnixMs,
            TombstoneAgeMs = TombstoneAgeMs,
            Tombstones = Tombstones?.Count,
            TombstoneBytes = Tombstones?.Bytes,
            HeldBy = HorizonIssue ?? "",
        },
    };

    /// <inheritdoc/>
    public ReplicaOfKey Describe(byte[] key)
    {
        var replica = new ReplicaOfKey
        {
            Name = _host.Cluster.Members.NameOf(_host.Cluster.Self),
            State = "up",
            Applied = Tree.AppliedIndex,
        };
        var isRead = TryRead(key, out var found);
        replica = replica with
        {
            Role = RoleName,
            Reason = _damage ?? (IsFilled ? "" : "it is not filled yet: it counts for no read"),
        };
        if (!isRead)
            return replica;
        if (found is not { } record)
            return replica with { Has = "nothing" };
        return record.Told(replica, _host.RecordTimeMs);
    }
}
