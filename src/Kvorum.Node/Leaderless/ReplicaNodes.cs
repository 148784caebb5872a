using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.Leaderless;

/// <summary>
/// The nodes of one operation, numbered in the order in which they are asked: this node first if it has a
/// replica, then those that are up. Made once, and not changed while the operation runs.
/// </summary>
internal sealed class ReplicaNodes
{
    private readonly NodeId[] _nodes;

    private ReplicaNodes(NodeId[] nodes, ReplicaMask up, PlacedGroup? group)
    {
        (_nodes, Up, Epoch) = (nodes, up, group?.Epoch ?? default);
        Change = group?.Switch is { } change
            ? new(change.Stage, MaskOf(change.Present), MaskOf(group.Nodes)) : ReplicaChange.Settled(All);
    }

    /// <summary>The placement that they are of.</summary>
    public Epoch Epoch { get; }

    /// <summary>Which of them count, and for what.</summary>
    public ReplicaChange Change { get; }

    /// <summary>All of them.</summary>
    public ReplicaMask All => ReplicaMask.Below(_nodes.Length);

    /// <summary>Those that may be reached, suspects as well.</summary>
    public ReplicaMask Up { get; }

    /// <summary>How many there are.</summary>
    public int Count => _nodes.Length;

    /// <summary>The node with a number.</summary>
    public NodeId this[int number] => _nodes[number];

    /// <summary>The number of a node; -1 if it is none of them.</summary>
    public int NumberOf(NodeId node) => Array.IndexOf(_nodes, node);

    /// <summary>The nodes that have a group's replicas or are to have them.</summary>
    public static ReplicaNodes Of(ClusterView cluster, PlacedGroup? group)
    {
        var placed = group?.Holders ?? [];
        var nodes = new NodeId[Math.Min(placed.Count, ReplicaMask.NodesMax)];
        var (next, last) = (0, nodes.Length);
        for (var i = 0; i < nodes.Length; i++)
        {
            var node = placed[i];
            if (node == cluster.Self)
            {
                Array.Copy(nodes, 0, nodes, 1, next++);
                nodes[0] = node;
            }
            else if (cluster.Health.IsConnected(node) && cluster.Health.IsAccepted(node))
            {
                nodes[next++] = node;
            }
            else
            {
                nodes[--last] = node;
            }
        }

        return new(nodes, ReplicaMask.Below(next), group);
    }

    private ReplicaMask MaskOf(IEnumerable<NodeId> nodes)
    {
        var mask = ReplicaMask.None;
        foreach (var node in nodes)
        {
            if (NumberOf(node) is >= 0 and var number)
                mask |= ReplicaMask.Of(number);
        }

        return mask;
    }
}
