using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace Kvorum.Node;

/// <summary>The state of one replica at one moment.</summary>
public sealed record PartitionStatus
{
    /// <summary>The keyspace; "system" for the metadata group.</summary>
    public required string Keyspace { get; init; }

    /// <summary>Number within the keyspace.</summary>
    public required PartitionId Partition { get; init; }

    /// <summary>Raft group on this node.</summary>
    public required GroupId Group { get; init; }

    /// <summary>
    /// Its role. Mode quorum: replica; blank while it is not filled and counts for no read; damaged while its
    /// data is not served.
    /// </summary>
    [Description("Mode quorum has replica; blank: it is not filled yet; damaged: its data is not served.")]
    [AllowedValues(
        "follower", "pre-candidate", "candidate", "leader", "learner", "quarantined", "replica", "blank",
        "damaged")]
    public required string Role { get; init; }

    /// <summary>Raft term.</summary>
    public required ulong Term { get; init; }

    /// <summary>Name of the leader; empty if unknown.</summary>
    public required string Leader { get; init; }

    /// <summary>Newest committed index.</summary>
    public required ulong Commit { get; init; }

    /// <summary>Newest applied index.</summary>
    public required ulong Applied { get; init; }

    /// <summary>Newest index in the log.</summary>
    public required ulong LastIndex { get; init; }

    /// <summary>
    /// Keys stored, about: those that were set again since the last checkpoint may count twice until the
    /// next.
    /// </summary>
    [Description(
        "About how many: those set again since the last checkpoint may count twice until the next.")]
    public required long Keys { get; init; }

    /// <summary>Bytes stored.</summary>
    public required long Bytes { get; init; }

    /// <summary>Mode quorum only: how it is repaired, and what it keeps of deleted keys.</summary>
    public QuorumReplicaStatus? Quorum { get; init; }

    /// <summary>Leader only: how many entries each follower is behind, by name.</summary>
    public IReadOnlyDictionary<string, ulong> FollowerLag { get; init; } = new SortedDictionary<string, ulong>(StringComparer.Ordinal);

    /// <summary>
    /// Quorum keyspace only: writes that came to this replica after a newer one of the same key, since the
    /// start of the node.
    /// </summary>
    [Description("Quorum keyspace: writes that came to this replica after a newer one of the same key, since "
        + "the start of the node.")]
    public long Superseded { get; init; }

    /// <summary>The newest of them, in memory only.</summary>
    [Description("The newest of them, in memory only.")]
    public IReadOnlyList<SupersededWrite> SupersededNewest { get; init; } = [];
}

/// <summary>A write that came to a replica of a quorum keyspace after a newer one of the same key.</summary>
public sealed record SupersededWrite
{
    /// <summary>The key, in base64.</summary>
    [Description("The key."), Base64String]
    public required string KeyBase64 { get; init; }

    /// <summary>True if these are only the first bytes of a long key.</summary>
    [Description("True if these are only the first bytes of a long key.")]
    public required bool IsKeyCut { get; init; }

    /// <summary>Its version, as receipts have it.</summary>
    public required string Lost { get; init; }

    /// <summary>The version that was there.</summary>
    public required string Won { get; init; }

    /// <summary>When it came, in Unix milliseconds.</summary>
    public required long AtMs { get; init; }
}

/// <summary>A member that is not up, as another one sees it.</summary>
public sealed record AwayMember
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>
    /// suspect: connected, and silent for longer than it usually is; down: not connected, or not accepted.
    /// </summary>
    [AllowedValues("suspect", "down")]
    public required string State { get; init; }

    /// <summary>For how long, in milliseconds.</summary>
    public required long ForMs { get; init; }

    /// <summary>Why, for people.</summary>
    public required string Reason { get; init; }
}

/// <summary>The state of a node at one moment.</summary>
public sealed record NodeStatus
{
    /// <summary>UUID.</summary>
    public required Guid NodeId { get; init; }

    /// <summary>Name.</summary>
    public required string Name { get; init; }

    /// <summary>UUID of the cluster; empty while the node does not know it.</summary>
    public required Guid ClusterId { get; init; }

    /// <summary>True if this node leads the metadata group.</summary>
    public required bool IsMetaLeader { get; init; }

    /// <summary>Term of the metadata group.</summary>
    public required ulong MetaTerm { get; init; }

    /// <summary>True if every partition has a known leader: the node can serve.</summary>
    public required bool IsReady { get; init; }

    /// <summary>
    /// Why <see cref="IsReady"/> is false, for people ("1 of 3 nodes up, need 2"); empty if it is true.
    /// </summary>
    public required string NotReadyReason { get; init; }

    /// <summary>
    /// What an operator should act on, whether or not the node is ready, a sentence each: members that came
    /// with another data folder than the one known, or a log that has become slow.
    /// </summary>
    [JsonPropertyName("alerts")]
    public IReadOnlyList<string> HealthIssues { get; init; } = [];

    /// <summary>Members that are up, by name, this node included.</summary>
    public required IReadOnlyList<string> MembersUp { get; init; }

    /// <summary>Members that are not up: suspected or down, since when and why.</summary>
    public IReadOnlyList<AwayMember> MembersAway { get; init; } = [];

    /// <summary>All members, by name.</summary>
    public required IReadOnlyList<string> Members { get; init; }

    /// <summary>
    /// The format version that the cluster has: what all its nodes write and send. See docs/upgrading.md.
    /// </summary>
    [Description("Format version of the cluster: what all its nodes write and send.")]
    public int FormatVersion { get; init; } = FormatRange.First;

    /// <summary>The oldest format version that this node speaks.</summary>
    public int FormatLowest { get; init; } = FormatRange.First;

    /// <summary>The newest format version that this node speaks.</summary>
    public int FormatNewest { get; init; } = FormatRange.First;

    /// <summary>
    /// How many members may fail while every partition stays available, once all are up: (voters - 1) / 2.
    /// </summary>
    public required int FailuresTolerated { get; init; }

    /// <summary>
    /// How many more may fail now, with those down that are down. 0 too where a partition lacks its majority
    /// already.
    /// </summary>
    public required int FailuresToleratedNow { get; init; }

    /// <summary>All replicas on this node, the metadata group first.</summary>
    public required IReadOnlyList<PartitionStatus> Partitions { get; init; }

    /// <summary>Hints and clock; null where there is no keyspace of mode quorum.</summary>
    public QuorumNodeStatus? Quorum { get; init; }

    /// <summary>
    /// How far its files are encrypted; null without a master key.
    /// </summary>
    [Description("How far the node's files are encrypted; absent without a master key.")]
    public EncryptionStatus? Encryption { get; init; }

    /// <summary>What the machine gives the node; null if it is not known.</summary>
    public MachineStatus? Machine { get; init; }

    /// <summary>What listeners have refused; null if it is not known.</summary>
    public SecurityStatus? Security { get; init; }

    /// <summary>Client reads since the start.</summary>
    public required long Reads { get; init; }

    /// <summary>Client writes since the start.</summary>
    public required long Writes { get; init; }

    /// <summary>Bytes of the shared log on disk.</summary>
    public required long LogBytes { get; init; }
}
