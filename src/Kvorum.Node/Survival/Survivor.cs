using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kvorum.Node.Survival;

/// <summary>
/// What a stopped node's data folder says for the recovery of its cluster: made where the folder is, and
/// carried to where the plan is made.
/// </summary>
public sealed record Survivor
{
    internal const int FormatVersion = 1;

    /// <summary>The format of this description.</summary>
    public required int Version { get; init; }

    /// <summary>The id of the node.</summary>
    public required Guid NodeId { get; init; }

    /// <summary>The name of the node.</summary>
    public required string NodeName { get; init; }

    /// <summary>Where other nodes reached it, as far as it knows.</summary>
    public required string PeerAddress { get; init; }

    /// <summary>The cluster it belongs to.</summary>
    public required Guid ClusterId { get; init; }

    /// <summary>The id of the data folder.</summary>
    public required Guid Incarnation { get; init; }

    /// <summary>The members, as its replica of the metadata group has them.</summary>
    public required IReadOnlyList<SurvivingMember> Members { get; init; }

    /// <summary>The keyspaces, as its replica of the metadata group has them.</summary>
    public required IReadOnlyList<SurvivingKeyspace> Keyspaces { get; init; }

    /// <summary>Its replicas of groups that have a leader, by the number of the group.</summary>
    public required IReadOnlyList<SurvivingReplica> Replicas { get; init; }

    /// <summary>Its replicas of quorum keyspaces, by the number of the group.</summary>
    public IReadOnlyList<SurvivingReplica> QuorumReplicas { get; init; } = [];

    /// <summary>Its replica of a group; null if it has none.</summary>
    internal SurvivingReplica? ReplicaOf(GroupId group) =>
        Replicas.FirstOrDefault(replica => replica.Group == group.Value);

    /// <summary>The description as it is kept in a file.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, SurvivalJson.Default.Survivor);

    /// <summary>Reads a description; a <see cref="FormatException"/> says why it is none.</summary>
    public static Survivor Parse(ReadOnlySpan<byte> json) => SurvivalJson.Parse(
        json, SurvivalJson.Default.Survivor, static found => found.Version, FormatVersion,
        "description of a survivor", "describe the folder");
}

/// <summary>A member as a survivor knows it.</summary>
/// <param name="NodeId">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="PeerAddress">Where other nodes reached it.</param>
/// <param name="IsHeard">False if it was removed or declared lost before.</param>
public sealed record SurvivingMember(Guid NodeId, string Name, string PeerAddress, bool IsHeard)
{
    /// <summary>What an operator calls it: its name, else its address.</summary>
    [JsonIgnore]
    public string Called => Name.Length > 0 ? Name : PeerAddress;
}

/// <summary>A keyspace as a survivor knows it.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Name">Its name.</param>
/// <param name="Mode">How its groups replicate.</param>
/// <param name="FirstGroup">The group of its first partition.</param>
/// <param name="Partitions">How many partitions it has.</param>
public sealed record SurvivingKeyspace(uint Id, string Name, string Mode, uint FirstGroup, int Partitions)
{
    /// <summary>Mode quorum: the replicas of each partition, and how many have each write.</summary>
    public IReadOnlyList<SurvivingPlace> Places { get; init; } = [];

    /// <summary>Mode quorum: true if a write may be on other nodes in the place of replicas.</summary>
    public bool IsSloppy { get; init; }
}

/// <summary>Where a partition of a quorum keyspace is.</summary>
/// <param name="Nodes">The replicas; while they change, those that the change began with.</param>
/// <param name="WriteQuorum">So many of them had each write on disk when it was acknowledged.</param>
public sealed record SurvivingPlace(IReadOnlyList<Guid> Nodes, int WriteQuorum);

/// <summary>One replica of a survivor.</summary>
/// <param name="Group">The number of the group.</param>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Condition">Whether the group can go on from it.</param>
public sealed record SurvivingReplica(
    uint Group, string Keyspace, uint Partition, SurvivingCondition Condition)
{
    /// <summary>Why the group cannot go on from it; empty if it can.</summary>
    public string Why { get; init; } = "";

    /// <summary>The term that it knows.</summary>
    public ulong Term { get; init; }

    /// <summary>The term of its last entry.</summary>
    public ulong LastTerm { get; init; }

    /// <summary>The index of its last entry.</summary>
    public ulong LastIndex { get; init; }

    /// <summary>Up to where it knows that entries are committed.</summary>
    public ulong Commit { get; init; }

    /// <summary>
    /// The log time of the newest entry that it knows to be committed, ms since 1970; 0: not known.
    /// </summary>
    public ulong CommittedMs { get; init; }

    /// <summary>
    /// The index of the entry that changed the configuration last; 0: it is older than the log.
    /// </summary>
    public ulong ConfigurationIndex { get; init; }

    /// <summary>The voters by its log; in a joint configuration the incoming ones.</summary>
    public IReadOnlyList<Guid> Voters { get; init; } = [];

    /// <summary>The voters of a joint configuration that is being left.</summary>
    public IReadOnlyList<Guid> Outgoing { get; init; } = [];
}

/// <summary>Whether a group can go on from a replica.</summary>
public enum SurvivingCondition
{
    /// <summary>It can.</summary>
    Whole,

    /// <summary>There is nothing in it: it was never filled, or its content was given up.</summary>
    Blank,

    /// <summary>Its tables or its log are damaged.</summary>
    Damaged,

    /// <summary>It contradicts another replica, and an operator has to decide.</summary>
    Quarantined,
}
