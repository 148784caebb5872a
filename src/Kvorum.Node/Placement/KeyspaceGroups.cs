using Kvorum.Raft;

namespace Kvorum.Node.Placement;

/// <summary>The groups of one keyspace: consecutive ones, one for each partition.</summary>
/// <param name="Id">The keyspace.</param>
/// <param name="Name">Its name.</param>
/// <param name="First">The group of partition 0.</param>
/// <param name="Count">Its partitions.</param>
internal sealed record KeyspaceGroups(KeyspaceId Id, string Name, GroupId First, int Count)
{
    /// <summary>Its groups, in the order of the partitions.</summary>
    public IEnumerable<GroupId> All
    {
        get
        {
            for (uint partition = 0; partition < Count; partition++)
                yield return Of(new(partition));
        }
    }

    /// <summary>The group of a partition.</summary>
    public GroupId Of(PartitionId partition)
    {
        Invariant.Check(partition.Value < Count, "a keyspace is asked for a partition that it does not have");
        return new(First.Value + partition.Value);
    }

    /// <summary>True if the group is one of its partitions.</summary>
    public bool Has(GroupId group) => group >= First && group.Value - First.Value < Count;

    /// <summary>The partition of one of its groups.</summary>
    public PartitionId PartitionOf(GroupId group)
    {
        Invariant.Check(Has(group), "a keyspace is asked for a group that is not its own");
        return new(group.Value - First.Value);
    }
}
