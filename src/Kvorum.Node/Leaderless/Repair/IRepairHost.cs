using Kvorum.Node.Leaderless.Deletes;
using Kvorum.Node.Membership;
using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.Leaderless.Repair;

/// <summary>
/// All that repair may ask of the loop that owns it. Called on the loop's thread only.
/// </summary>
internal interface IRepairHost
{
    /// <summary>The node's clock as of this turn, in milliseconds; never falls.</summary>
    long NowMs { get; }

    /// <summary>The time by which records end, in Unix milliseconds.</summary>
    long RecordTimeMs { get; }

    /// <summary>How often each two replicas compare what they hold, in milliseconds.</summary>
    long SyncIntervalMs { get; }

    /// <summary>How long tombstones are kept at least, in milliseconds.</summary>
    long TombstoneMinMs { get; }

    /// <summary>Low watermarks of the members.</summary>
    WatermarkTable Watermarks { get; }

    /// <summary>
    /// Below this no write of a partition will come from any member; null if that is not known of all.
    /// </summary>
    HybridTimestamp? FloorOf(GroupId group);

    /// <summary>Members, placement, and who is up.</summary>
    ClusterView Cluster { get; }

    /// <summary>This loop's replicas of quorum keyspaces, by group.</summary>
    IReadOnlyCollection<QuorumReplica> Replicas { get; }

    /// <summary>This loop's replica of a group; null if it has none.</summary>
    QuorumReplica? ReplicaOf(GroupId group);

    /// <summary>A number for an exchange, unique on this node; its answers come to this loop.</summary>
    ulong NextOperation();

    /// <summary>Sends a message of repair.</summary>
    void Send(NodeId to, RepairMessage message);

    /// <summary>Sends a record to a replica; no answer is wanted.</summary>
    void Store(NodeId to, GroupId group, ReadOnlyMemory<byte> command);

    /// <summary>
    /// Runs <paramref name="send"/> when the node's rate for such data lets so many bytes go.
    /// </summary>
    void Pace(long bytes, Action send);

    /// <summary>
    /// Walks over keys, on the lane for that; <paramref name="done"/> runs in the loop, with what it threw.
    /// </summary>
    void Scan(Action work, Action<Exception?> done);
}
