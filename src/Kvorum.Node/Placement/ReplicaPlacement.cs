using System.Collections.Immutable;
using Kvorum.Raft;

namespace Kvorum.Node.Placement;

/// <summary>
/// The placement: on which nodes the replicas of each group should be, the preferred leader first. The
/// metadata group decides it, and its epoch grows whenever it changes. Immutable, and replaced as a whole.
/// Any thread.
/// </summary>
/// <param name="epoch">Its version.</param>
/// <param name="groups">The targets.</param>
internal sealed class ReplicaPlacement(Epoch epoch, ImmutableSortedDictionary<GroupId, PlacedGroup> groups)
{
    /// <summary>No group is placed.</summary>
    public static ReplicaPlacement None { get; } =
        new(default, ImmutableSortedDictionary<GroupId, PlacedGroup>.Empty);

    /// <summary>Its version.</summary>
    public Epoch Epoch => epoch;

    /// <summary>The groups that are placed, ascending.</summary>
    public IEnumerable<GroupId> Groups => groups.Keys;

    /// <summary>The target of a group with its history; null if the group is not placed.</summary>
    public PlacedGroup? Placed(GroupId group) => groups.GetValueOrDefault(group);

    /// <summary>The nodes of a group, the preferred leader first; null if the group is not placed.</summary>
    public IReadOnlyList<NodeId>? Of(GroupId group) => Placed(group)?.Nodes;

    /// <summary>The groups that a node holds, ascending.</summary>
    public IEnumerable<GroupId> On(NodeId node) =>
        groups.Where(placed => placed.Value.Holders.Contains(node)).Select(static placed => placed.Key);

    /// <summary>The same with another target of a group.</summary>
    public ReplicaPlacement With(GroupId group, PlacedGroup placed) => new(
        epoch, groups.SetItem(group, placed));
}
