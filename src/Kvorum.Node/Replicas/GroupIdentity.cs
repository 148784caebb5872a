using Kvorum.Node.Placement;

namespace Kvorum.Node.Replicas;

/// <summary>Which group a replica belongs to.</summary>
/// <param name="Group">The group.</param>
/// <param name="Keyspace">The keyspace; "system" for the metadata group.</param>
/// <param name="Partition">Number within the keyspace.</param>
internal sealed record GroupIdentity(GroupId Group, string Keyspace, PartitionId Partition)
{
    /// <summary>What replies call the group.</summary>
    public string Name => GroupDirectory.NameOf(Keyspace, Partition);

    /// <summary>As messages for the operator name it.</summary>
    public override string ToString() => $"{Keyspace}/{Partition}";
}
