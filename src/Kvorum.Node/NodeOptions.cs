using Kvorum.Quorum;
using Kvorum.Quorum.Hints;
using Kvorum.Raft;
using Kvorum.Storage.Log;
using Kvorum.Storage.Lsm;

namespace Kvorum.Node;

/// <summary>A member as an operator names it.</summary>
/// <param name="Id">UUID.</param>
/// <param name="Name">Unique name; may be empty when only an address was given.</param>
/// <param name="PeerAddress">host:port.</param>
public sealed record MemberSeed(NodeId Id, string Name, string PeerAddress);

/// <summary>The settings of a node.</summary>
public sealed record NodeOptions
{
    /// <summary>Partitions of a default keyspace of which nothing is said.</summary>
    public const int PartitionCountDefault = 64;

    /// <summary>Virtual nodes of which nothing is said.</summary>
    public const int VirtualNodesDefault = 64;

    /// <summary>
    /// What this node says of itself; founding id and cluster id come from the data folder and the members.
    /// </summary>
    public required PeerHello Self { get; init; }

    /// <summary>
    /// At the first start the founders of the cluster, this node included. Later the data folder knows them,
    /// and this list says where they are now; it may be empty.
    /// </summary>
    public required IReadOnlyList<MemberSeed> Members { get; init; }

    /// <summary>
    /// Members' addresses that a new data folder asks to join; empty: it founds a cluster. With it, the id in
    /// <see cref="Self"/> counts only if the data folder is not new: else the node draws its id itself.
    /// </summary>
    public IReadOnlyList<string> Join { get; init; } = [];

    /// <summary>What fails together with this node, such as a rack; may be empty.</summary>
    public string Zone { get; init; } = "";

    /// <summary>What this node carries in proportion to others.</summary>
    public int Weight { get; init; } = Placement.RingMember.Ordinary;

    /// <summary>
    /// Partitions of the default keyspace, fixed at the first start; null: as the data folder has them, or
    /// <see cref="PartitionCountDefault"/> if it is new.
    /// </summary>
    public int? PartitionCount { get; init; }

    /// <summary>
    /// Replicas of each partition of the default keyspace when it is made, or as many as there are members.
    /// </summary>
    public int ReplicationFactor { get; init; } = 3;

    /// <summary>
    /// Virtual nodes per node on the ring, fixed at the first start; null: as the data folder has them, or
    /// <see cref="VirtualNodesDefault"/> if it is new.
    /// </summary>
    public int? VirtualNodes { get; init; }

    /// <summary>Node loops; each owns its partitions outright.</summary>
    public int Loops { get; init; } = 1;

    /// <summary>Length of a tick in milliseconds.</summary>
    public int TickMs { get; init; } = 20;

    /// <summary>Time between heartbeats in milliseconds.</summary>
    public int HeartbeatMs { get; init; } = 100;

    /// <summary>Least election timeout in milliseconds.</summary>
    public int ElectionTimeoutMinMs { get; init; } = 1000;

    /// <summary>Greatest election timeout in milliseconds.</summary>
    public int ElectionTimeoutMaxMs { get; init; } = 2000;

    /// <summary>
    /// Serve lease reads by the lease. It must be the same on all nodes, whose clocks must drift less than 10
    /// % from each other. A leader's lease rests on its followers' patience, so elections then wait for their
    /// timeout even when a connection closes. If false, lease reads are confirmed by a majority as all
    /// others.
    /// </summary>
    public bool LeaseReads { get; init; }

    /// <summary>
    /// By how much wall clocks of members may differ and still agree, in milliseconds: a node further from
    /// the majority leads nothing where another can.
    /// </summary>
    public int ClockOffsetMaxMs { get; init; } = 500;

    /// <summary>Bound of a key in bytes; null: the default, and later as the cluster has it.</summary>
    public int? KeyBytesMax { get; init; }

    /// <summary>Bound of a value in bytes.</summary>
    public int ValueBytesMax { get; init; } = Protocol.Limits.ValueBytesMax;

    /// <summary>
    /// Key policy of the default keyspace: binary or strict; null: binary, and later as the cluster has it.
    /// </summary>
    public string? KeyPolicy { get; init; }

    /// <summary>How long exactly-once records are kept, in milliseconds of log time.</summary>
    public long SessionWindowMs { get; init; } = 15 * 60 * 1000;

    /// <summary>
    /// How long a write of a quorum keyspace may be repeated with its first version, in milliseconds, and how
    /// long a tombstone is kept at least.
    /// </summary>
    public long TombstoneMinMs { get; init; } = 10 * 60 * 1000;

    /// <summary>How often each two replicas of a quorum keyspace compare what they hold, in milliseconds.
    /// </summary>
    public long SyncIntervalMs { get; init; } = 5 * 60 * 1000;

    /// <summary>
    /// How far ahead of this node's clock a timestamp of a quorum keyspace may be, in milliseconds: what is
    /// further ahead is refused.
    /// </summary>
    public long VersionOffsetMaxMs { get; init; } = 5_000;

    /// <summary>Bytes of hints that are kept for all nodes together.</summary>
    public long HintBytesMax { get; init; } = 1L << 30;

    /// <summary>Bytes of hints that are kept for one node.</summary>
    public long HintBytesPerNodeMax { get; init; } = 256L << 20;

    /// <summary>Exactly-once records kept per partition; the oldest go first.</summary>
    public int SessionRecordsMax { get; init; } = 16384;

    /// <summary>Size of a log segment file in bytes.</summary>
    public long SegmentBytes { get; init; } = 64 << 20;

    /// <summary>Bound of one write to the log, in bytes.</summary>
    public int LogWriteBytesMax { get; init; } = 8 << 20;

    /// <summary>
    /// Bytes that are appended to the log and not yet durable, beyond which writes are refused.
    /// </summary>
    public long LogQueuedBytesMax { get; init; } = 256 << 20;

    /// <summary>Log bytes of a partition since its last checkpoint that start a new one.</summary>
    public long CheckpointLogBytes { get; init; } = 8 << 20;

    /// <summary>Bytes of entries in one message to a follower; a larger entry travels alone.</summary>
    public long AppendBytesMax { get; init; } = 1 << 20;

    /// <summary>Bytes of checkpoints that this node sends to others in a second; 0: no bound.</summary>
    public long SnapshotBytesPerSecond { get; init; } = 64 << 20;

    /// <summary>Bytes of a checkpoint that are sent at a time.</summary>
    public int SnapshotChunkBytes { get; init; } = Limits.SnapshotChunkBytes;

    /// <summary>
    /// Bytes of tables that are read in a second to find damage before a request meets it; 0: none.
    /// </summary>
    public long ScrubBytesPerSecond { get; init; } = 4 << 20;

    /// <summary>
    /// Bytes of tables that are written anew in a second because they are encrypted with another key; 0: no
    /// bound.
    /// </summary>
    public long RewriteBytesPerSecond { get; init; } = 16 << 20;

    /// <summary>How blocks of new tables are stored; nodes of a cluster may differ.</summary>
    public BlockCompression Compression { get; init; }

    /// <summary>Pause between two rounds of that over all tables, in milliseconds.</summary>
    public long ScrubPauseMs { get; init; } = 60 * 60 * 1000;

    /// <summary>
    /// Bytes of tables in level 1 of a partition's tree; each further level may have ten times more.
    /// </summary>
    public long TreeLevelBytes { get; init; } = 64 << 20;

    /// <summary>Bytes of a table that a compaction writes, about.</summary>
    public long TreeTableBytes { get; init; } = 16 << 20;

    /// <summary>Bytes of native memory that the memtables of all partitions may hold together.</summary>
    public long MemTableBytes { get; init; } = 256 << 20;

    /// <summary>Bytes of tables' blocks kept in memory, for all partitions together.</summary>
    public long BlockCacheBytes { get; init; } = 64 << 20;

    /// <summary>
    /// Bytes of entries kept in memory below a checkpoint, for followers that lag a little: cheaper than a
    /// snapshot.
    /// </summary>
    public long TrailingLogBytes { get; init; } = 1 << 20;

    /// <summary>
    /// Bytes of entries kept in memory for followers that are being sent a checkpoint, per partition: they
    /// come behind it, and without them another one would have to be sent.
    /// </summary>
    public long WantedLogBytes { get; init; } = 32 << 20;

    /// <summary>
    /// The least silence from which a peer is suspected, in milliseconds: half an election timeout, and some
    /// heartbeats that come late.
    /// </summary>
    internal long SuspectMinMs => Math.Max(ElectionTimeoutMinMs / 2, (3 * HeartbeatMs) + (2 * TickMs));

    /// <summary>
    /// The greatest, for peers whose frames are often late: from then on election timeouts run out anyway.
    /// </summary>
    internal long SuspectMaxMs => Math.Max(ElectionTimeoutMinMs, SuspectMinMs);

    /// <summary>The format versions that the node speaks: less than the program's own in tests.</summary>
    internal FormatRange Formats { get; init; } = FormatRange.Own;

    internal HintSettings ForHints() => new()
    {
        TotalBytesMax = HintBytesMax,
        PerNodeBytesMax = HintBytesPerNodeMax,
    };

    // A node that restarts begins one lead ahead: the others must not refuse that.
    internal HybridClockSettings ForVersions() => new()
    {
        OffsetMaxMs = VersionOffsetMaxMs,
        CeilingLeadMs = Math.Min(new HybridClockSettings().CeilingLeadMs, VersionOffsetMaxMs / 2),
    };

    internal SharedLogOptions ForLog() => new()
    {
        SegmentBytes = SegmentBytes,
        WriteBytesMax = LogWriteBytesMax,
        QueuedBytesMax = LogQueuedBytesMax,
    };
}
