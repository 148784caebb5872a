using Kvorum.Raft;

namespace Kvorum.Node.Placement;

/// <summary>
/// The placement: which nodes hold which group, the preferred leader first. The metadata group decides it,
/// and its epoch grows whenever it changes. Immutable, and replaced as a whole. Any thread.
/// </summary>
/// <param name="epoch">Its version.</param>
/// <param name="nodes">The nodes of each group, in order of preference.</param>
internal sealed class ReplicaPlacement(
    Epoch epoch, SortedDictionary<GroupId, IReadOnlyList<NodeId>> nodes)
{
    /// <summary>No group is placed.</summary>
    public static ReplicaPlacement None { get; } = new(default, []);

    /// <summary>Its version.</summary>
    public Epoch Epoch => epoch;

    /// <summary>The nodes of a group, the preferred leader first; null if the group is not placed.</summary>
    public IReadOnlyList<NodeId>? Of(GroupId group) => nodes.GetValueOrDefault(group);

    /// <summary>The groups that a node holds, ascending.</summary>
    public IEnumerable<GroupId> On(NodeId node) =>
        nodes.Where(placed => placed.Value.Contains(node)).Select(static placed => placed.Key);

    /// <summary>The same with a group more.</summary>
    public ReplicaPlacement With(GroupId group, IReadOnlyList<NodeId> placed) => new(
        epoch, new(nodes) { [group] = placed });
}
