using Kvorum.Protocol;

namespace Kvorum.Node.Inspection;

/// <summary>Which of a node's replicas are meant.</summary>
/// <param name="Keyspace">The keyspace; null for the replicas of all groups.</param>
/// <param name="Partition">The partition of the keyspace.</param>
public sealed record ReplicaChoice(string? Keyspace, PartitionId Partition)
{
    /// <summary>All replicas of the node.</summary>
    public static ReplicaChoice All { get; } = new(null, default);

    /// <summary>The replica of the metadata group.</summary>
    public static ReplicaChoice Metadata { get; } = new(KeyspaceName.System, default);
}
