using System.ComponentModel;

namespace Kvorum.Node;

/// <summary>What a node keeps for quorum keyspaces beside its replicas, at one moment.</summary>
public sealed record QuorumNodeStatus
{
    /// <summary>Writes that it keeps for nodes that are down, to be handed over.</summary>
    [Description("Writes that are kept for nodes that are down, to be handed over.")]
    public required long Hints { get; init; }

    /// <summary>Their bytes.</summary>
    [Description("Their bytes.")]
    public required long HintBytes { get; init; }

    /// <summary>Hints that were not kept for want of room, or were lost, since the start.</summary>
    [Description("Hints that were not kept for want of room, or were lost, since the start.")]
    public required long HintsDropped { get; init; }

    /// <summary>
    /// Timestamps from elsewhere that were refused since the start, being too far ahead of this node's clock.
    /// </summary>
    [Description("Timestamps that were refused since the start, being too far ahead of this node's clock.")]
    public required long TimestampsRefused { get; init; }
}

/// <summary>A replica of a quorum keyspace at one moment.</summary>
public sealed record QuorumReplicaStatus
{
    /// <summary>
    /// How long ago a comparison that it began has found another replica equal, in milliseconds; null: none
    /// has since the start. Of two replicas always the same one begins.
    /// </summary>
    [Description(
        "How long ago a comparison that it began found another replica equal, in milliseconds; absent: none "
        + "has since the start. Of two replicas always the same one begins.")]
    public long? ComparedMs { get; init; }

    /// <summary>Records that repair has brought since the start, that after reads included.</summary>
    [Description("Records that repair has brought since the start, that after reads included.")]
    public required long RecordsTaken { get; init; }

    /// <summary>Records that comparisons have sent from here since the start.</summary>
    [Description("Records that comparisons with other replicas have sent from here since the start.")]
    public required long RecordsGiven { get; init; }

    /// <summary>Their bytes, with keys and versions.</summary>
    [Description("Their bytes, with keys and versions.")]
    public long RecordBytesGiven { get; init; }

    /// <summary>
    /// Bytes of hashes, keys and versions that comparisons have sent from here since the start.
    /// </summary>
    [Description(
        "Bytes of hashes, keys and versions that comparisons with other replicas have sent from here since "
        + "the start.")]
    public long CompareBytesSent { get; init; }

    /// <summary>Before this no replica lacks a write, and tombstones are gone; Unix milliseconds.</summary>
    [Description("Before this no replica lacks a write, and no tombstone is kept: Unix milliseconds.")]
    public required long HorizonUnixMs { get; init; }

    /// <summary>How long ago the oldest tombstone ended, in milliseconds; null if there is none.</summary>
    [Description("How long ago the oldest tombstone that is kept came to be, in milliseconds.")]
    public long? TombstoneAgeMs { get; init; }

    /// <summary>Tombstones that are kept, counted now and then while they are held back.</summary>
    [Description("Tombstones that are kept: counted now and then while the horizon is held back.")]
    public long? Tombstones { get; init; }

    /// <summary>Their bytes.</summary>
    [Description("Their bytes.")]
    public long? TombstoneBytes { get; init; }

    /// <summary>What holds the horizon back for long; empty if nothing does.</summary>
    [Description("What holds the horizon back for long, and since when; empty if nothing does.")]
    public required string HeldBy { get; init; }
}
