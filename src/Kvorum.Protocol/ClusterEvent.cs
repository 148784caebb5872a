using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kvorum.Protocol;

/// <summary>What has happened in a cluster. Values are stored: never renumber.</summary>
[JsonConverter(typeof(ClusterEventKindJson))]
public enum ClusterEventKind : byte
{
    /// <summary>Something that this version does not know. Never stored.</summary>
    Unknown = 0,

    /// <summary>A node has become a member.</summary>
    NodeJoined = 1,

    /// <summary>A member that was down is back.</summary>
    NodeRejoined = 2,

    /// <summary>A member is none any more.</summary>
    NodeLeft = 3,

    /// <summary>The cluster wants something else of a member: why says what.</summary>
    NodeChanged = 4,

    /// <summary>A member is down.</summary>
    HealthChanged = 5,

    /// <summary>Other nodes are to hold a partition.</summary>
    PartitionChanged = 6,

    /// <summary>Replicas have begun to move.</summary>
    RebalanceStarted = 7,

    /// <summary>All replicas are where they should be.</summary>
    RebalanceEnded = 8,

    /// <summary>A keyspace was made, changed or dropped: why says which.</summary>
    KeyspaceChanged = 9,

    /// <summary>Other limits of moves, or a pause of moves: why says what. From format 2 on.</summary>
    LimitsChanged = 10,

    /// <summary>
    /// Users, roles, API keys or join tokens, or whether rights are enforced: why says what. From format 2
    /// on.
    /// </summary>
    RightsChanged = 11,
}

/// <summary>Kinds by their names.</summary>
public sealed class ClusterEventKindJson() : JsonStringEnumConverter<ClusterEventKind>(
    JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

/// <summary>
/// Something that has happened in the cluster: the metadata group has put all of them in one order, the same
/// on every node.
/// </summary>
public sealed record ClusterEvent
{
    /// <summary>Its place: each event's is one more than that of the event before.</summary>
    [Description("Its place: one more than that of the event before.")]
    public required ulong Position { get; init; }

    /// <summary>When, in Unix milliseconds of the metadata group's log time.</summary>
    [Description("When, in Unix milliseconds.")]
    public required ulong TimeMs { get; init; }

    /// <summary>What.</summary>
    public required ClusterEventKind Kind { get; init; }

    /// <summary>Name of the member; empty where it is about none.</summary>
    [Description("The member; empty where it is about none.")]
    public string Member { get; init; } = "";

    /// <summary>The keyspace; empty where it is about none.</summary>
    [Description("The keyspace; empty where it is about none.")]
    public string Keyspace { get; init; } = "";

    /// <summary>The partition; null where it is about none.</summary>
    [Description("The partition, where it is about one.")]
    public uint? Partition { get; init; }

    /// <summary>Why, for people.</summary>
    [Description("Why, for people.")]
    public string Why { get; init; } = "";

    /// <summary>Names of the members that were to hold the partition, the preferred leader first.</summary>
    [Description("Members that were to hold the partition, the preferred leader first.")]
    public IReadOnlyList<string> Before { get; init; } = [];

    /// <summary>Names of the members that are to hold it.</summary>
    [Description("Members that are to hold it.")]
    public IReadOnlyList<string> After { get; init; } = [];

    /// <summary>
    /// By which means and from where an operator has asked for it, as "operator via http from 127.0.0.1";
    /// empty where no operator did, or the cluster has format version 1.
    /// </summary>
    [Description("By which means and from where an operator has asked for it; empty where no operator did.")]
    public string By { get; init; } = "";
}
