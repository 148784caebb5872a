using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Node.State;
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

    private ReplicaNodes(NodeId[] nodes, int replicas, ReplicaMask up, PlacedGroup? group)
    {
        (_nodes, Count, Up, Epoch) = (nodes, replicas, up, group?.Epoch ?? default);
        Change = group?.Switch is { } change
            ? new(change.Stage, MaskOf(change.Present), MaskOf(group.Nodes)) : ReplicaChange.Settled(All);
    }

    /// <summary>The placement that they are of.</summary>
    public Epoch Epoch { get; }

    /// <summary>Which of them count, and for what.</summary>
    public ReplicaChange Change { get; }

    /// <summary>All replicas.</summary>
    public ReplicaMask All => ReplicaMask.Below(Count);

    /// <summary>This node, if it has a replica.</summary>
    public ReplicaMask Own { get; private init; }

    /// <summary>
    /// Other nodes that may keep hints, in the order of the ring from the partition on; only if they were
    /// asked for.
    /// </summary>
    public ReplicaMask Fallbacks => ReplicaMask.Below(_nodes.Length).Except(All);

    /// <summary>Those that may be reached, suspects as well.</summary>
    public ReplicaMask Up { get; }

    /// <summary>How many replicas there are.</summary>
    public int Count { get; }

    /// <summary>The node with a number.</summary>
    public NodeId this[int number] => _nodes[number];

    /// <summary>The number of a node; -1 if it is none of them.</summary>
    public int NumberOf(NodeId node) => Array.IndexOf(_nodes, node);

    /// <summary>The nodes that have a group's replicas or are to have them.</summary>
    /// <param name="cluster">Who is up.</param>
    /// <param name="group">Where the replicas are; null if that is not known.</param>
    /// <param name="withFallbacks">True if other nodes may keep hints.</param>
    public static ReplicaNodes Of(ClusterView cluster, PlacedGroup? group, bool withFallbacks = false)
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
            else if (IsReached(cluster, node))
            {
                nodes[next++] = node;
            }
            else
            {
                nodes[--last] = node;
            }
        }

        var up = ReplicaMask.Below(next);
        var own = nodes.Length > 0 && nodes[0] == cluster.Self ? ReplicaMask.Of(0) : ReplicaMask.None;
        if (!withFallbacks)
            return new(nodes, nodes.Length, up, group) { Own = own };
        NodeId[] all =
        [
            .. nodes,
            .. FallbacksOf(cluster, placed).Take(ReplicaMask.NodesMax - nodes.Length),
        ];
        var fallbacks = ReplicaMask.Below(all.Length).Except(ReplicaMask.Below(nodes.Length));
        return new(all, nodes.Length, up | fallbacks, group) { Own = own };
    }

    private static bool IsReached(ClusterView cluster, NodeId node) =>
        cluster.Health.IsConnected(node) && cluster.Health.IsAccepted(node);

    private static IEnumerable<NodeId> FallbacksOf(ClusterView cluster, IReadOnlyList<NodeId> placed) =>
        cluster.Ids.Where(node => !placed.Contains(node) && Stays(cluster, node))
            .Where(node => node == cluster.Self || IsReached(cluster, node))
            .OrderBy(node => Token.Of(node, 0).Position - Token.Of(placed[0], 0).Position);

    // One that is emptied would have to hand its hints on before it goes.
    private static bool Stays(ClusterView cluster, NodeId node) =>
        cluster.Members.Agreed(node) is null or { Status: MemberStatus.Active };

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
