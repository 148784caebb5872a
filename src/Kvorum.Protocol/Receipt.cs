namespace Kvorum.Protocol;

/// <summary>How the keyspace of a reply replicates. Values are on the wire: never renumber.</summary>
public enum ReplicationMode : byte
{
    /// <summary>A Raft group for each partition.</summary>
    Strong = 0,

    /// <summary>Replicas without a leader: the last write wins.</summary>
    Quorum = 1,
}

/// <summary>
/// What stands behind a reply, told on request: who has the write or answered the read, and what follows from
/// it. The node makes it where it enforces it.
/// </summary>
public sealed record Receipt
{
    /// <summary>How the keyspace replicates.</summary>
    public required ReplicationMode Mode { get; init; }

    /// <summary>
    /// Write: the nodes on whose disks it was when it was acknowledged. Read: the nodes that answered or, in
    /// a strong keyspace, that confirmed the leader; of a scan, all nodes that gave a part.
    /// </summary>
    public required IReadOnlyList<string> Nodes { get; init; }

    /// <summary>How many of the replicas had to be among them; of a scan, in each partition.</summary>
    public required int Needed { get; init; }

    /// <summary>How many replicas the partition has; those of a strong keyspace that vote.</summary>
    public required int Replicas { get; init; }

    /// <summary>True if what was written, or read, is on the disks of the nodes.</summary>
    public bool IsDurable { get; init; }

    /// <summary>
    /// True if the write was acknowledged because hints on other nodes were counted (a sloppy keyspace): a
    /// read need not see it, however many replicas it asks.
    /// </summary>
    public bool IsByHints { get; init; }

    /// <summary>Strong keyspace: the log index of the write, or that the read saw. Else 0.</summary>
    public ulong Index { get; init; }

    /// <summary>
    /// Quorum keyspace: the version of the write, or of what was read; null if there is none.
    /// </summary>
    public WriteVersion? Version { get; init; }

    /// <summary>
    /// Read: how old what was not seen may be, in milliseconds; 0: every write that the keyspace acknowledged
    /// before is seen. Write: how long a read with the keyspace's settings may miss it. Null: for how long is
    /// not promised.
    /// </summary>
    public ulong? StalenessMs { get; init; }

    /// <summary>The promise, a sentence each.</summary>
    public IReadOnlyList<string> Promise { get; init; } = [];
}

/// <summary>Words of receipts.</summary>
public static class ReceiptText
{
    /// <summary>The mode: strong or quorum.</summary>
    public static string Of(ReplicationMode mode) => mode == ReplicationMode.Quorum ? "quorum" : "strong";
}
