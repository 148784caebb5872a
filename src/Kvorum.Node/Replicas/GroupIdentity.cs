using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>Which group a replica belongs to.</summary>
/// <param name="Group">The Raft group.</param>
/// <param name="Keyspace">The keyspace; "system" for the metadata group.</param>
/// <param name="Partition">Number within the keyspace.</param>
/// <param name="Preference">The nodes that hold the group, the preferred leader first.</param>
internal sealed record GroupIdentity(
    uint Group, string Keyspace, uint Partition, IReadOnlyList<NodeId> Preference)
{
    /// <summary>As messages for the operator name it.</summary>
    public override string ToString() => $"{Keyspace}/{Partition}";
}
