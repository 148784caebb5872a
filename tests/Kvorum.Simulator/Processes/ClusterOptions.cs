using Kvorum.Storage.Lsm;

namespace Kvorum.Simulator.Processes;

/// <summary>The nodes of a run: how many, and with which settings.</summary>
internal sealed record ClusterOptions
{
    /// <summary>Nodes that found the cluster, 1 to 9.</summary>
    public int Nodes { get; init; } = 3;

    /// <summary>Machines beyond them, 0 to 4, on which nothing runs until a node there is to join.</summary>
    public int Spares { get; init; }

    /// <summary>
    /// Founders whose program speaks format version 1 only, at first; a newer one comes to each of them while
    /// the cluster runs.
    /// </summary>
    public int OldNodes { get; init; }

    /// <summary>Partitions of the keyspace.</summary>
    public int Partitions { get; init; } = 4;

    /// <summary>Partitions of a second keyspace, made while the cluster runs; 0: there is none.</summary>
    public int OrdersPartitions { get; init; }

    /// <summary>Keyspaces of mode quorum, made while the cluster runs, after the others.</summary>
    public IReadOnlyList<QuorumKeyspace> Quorums { get; init; } = [];

    /// <summary>Rights, if they are enforced; null: whoever asks may do everything.</summary>
    public RightsOptions? Rights { get; init; }

    /// <summary>How often replicas of quorum keyspaces compare what they hold, in milliseconds.</summary>
    public int SyncIntervalMs { get; init; } = 5000;

    /// <summary>How old tombstones of quorum keyspaces are before they may go, in milliseconds.</summary>
    public int TombstoneMinMs { get; init; } = 10 * 60 * 1000;

    /// <summary>Replicas of each partition.</summary>
    public int ReplicationFactor { get; init; } = 3;

    /// <summary>Loops of each node.</summary>
    public int Loops { get; init; } = 1;

    /// <summary>Length of a tick, in milliseconds.</summary>
    public int TickMs { get; init; } = 20;

    /// <summary>Time between heartbeats, in milliseconds.</summary>
    public int HeartbeatMs { get; init; } = 100;

    /// <summary>Least election timeout, in milliseconds.</summary>
    public int ElectionMinMs { get; init; } = 1000;

    /// <summary>Greatest election timeout, in milliseconds.</summary>
    public int ElectionMaxMs { get; init; } = 2000;

    /// <summary>Lease reads are served by the lease; clocks then drift within its bound.</summary>
    public bool LeaseReads { get; init; }

    /// <summary>Size of a log segment, in bytes.</summary>
    public int SegmentBytes { get; init; } = 64 << 10;

    /// <summary>Log bytes of a partition that start a checkpoint.</summary>
    public int CheckpointLogBytes { get; init; } = 1000;

    /// <summary>Bytes of entries kept below a checkpoint.</summary>
    public int TrailingLogBytes { get; init; } = 100;

    /// <summary>Bytes of snapshots that a node sends in a second; 0: no bound.</summary>
    public long SnapshotRate { get; init; }

    /// <summary>Bytes of a snapshot that are sent at a time.</summary>
    public int SnapshotChunkBytes { get; init; } = 2 << 10;

    /// <summary>Bytes of tables in level 1 of a tree; each further level may have ten times more.</summary>
    public long TreeLevelBytes { get; init; } = 8 << 10;

    /// <summary>Bytes of a table that a compaction writes, about.</summary>
    public long TreeTableBytes { get; init; } = 4 << 10;

    /// <summary>Bytes of tables that a node checks in a second; 0: none.</summary>
    public long ScrubRate { get; init; } = 64 << 10;

    /// <summary>How blocks of tables are stored.</summary>
    public BlockCompression Compression { get; init; }

    /// <summary>
    /// True if the disks are encrypted: some starts have a newer master key, or switch it off for a while.
    /// </summary>
    public bool IsEncrypted { get; init; }

    /// <summary>Exactly-once records kept per partition.</summary>
    public int SessionRecordsMax { get; init; } = 500;

    /// <summary>Bytes of entries in one message to a follower.</summary>
    public long AppendBytesMax { get; init; } = 1 << 20;

    /// <summary>
    /// Of four nodes or more, one starts for the first time when everything heals, or with a folder of
    /// another cluster.
    /// </summary>
    public bool HasLateNode { get; init; }

    /// <summary>How fast the disks are.</summary>
    public DiskSpeed Disk { get; init; } = new();
}
