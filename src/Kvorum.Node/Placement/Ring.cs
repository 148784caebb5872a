using Kvorum.Raft;

namespace Kvorum.Node.Placement;

/// <summary>
/// Which nodes hold which partition: a pure function of the member list, the same on every node and in any
/// order of the members. Consistent hashing (Karger et al., STOC 1997) with bounded loads (Mirrokni, Thorup
/// and Zadimoghaddam, 2016): each node has many virtual nodes on a ring, and a partition's replicas are the
/// first distinct nodes clockwise from the partition's own position that are not full.
/// <para>Two bounds hold for every member list, see <see cref="ReplicasMax"/> and <see cref="LeadersMax"/>.
/// When a node joins or leaves, about its own share of the replicas moves, and little else. What comes out
/// here is a proposal: the placement in force is data with an epoch, and is changed step by step.</para>
/// </summary>
public static class Ring
{
    /// <summary>
    /// The preference list of each partition, by partition number: distinct nodes, as many as
    /// <paramref name="replicationFactor"/> or all members if they are fewer. The first is the preferred
    /// leader, the second its first deputy, and so on.
    /// </summary>
    /// <param name="members">The nodes, in any order; at least one, none twice.</param>
    /// <param name="partitionCount">At least one.</param>
    /// <param name="replicationFactor">At least one; clamped to the number of members.</param>
    /// <param name="virtualNodes">Positions per node, at least one; more make the shares more even.</param>
    /// <exception cref="ArgumentException">No members, a member twice, or a number below one.</exception>
    public static IReadOnlyList<IReadOnlyList<NodeId>> Place(
        IReadOnlyList<NodeId> members, int partitionCount, int replicationFactor, int virtualNodes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(members.Count, 1, nameof(members));
        ArgumentOutOfRangeException.ThrowIfLessThan(partitionCount, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(replicationFactor, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(virtualNodes, 1);
        NodeId[] nodes = [.. members.Order()];
        for (var i = 1; i < nodes.Length; i++)
        {
            if (nodes[i] == nodes[i - 1])
                throw new ArgumentException($"node {nodes[i]} is in the member list twice", nameof(members));
        }

        var points = Points(nodes, virtualNodes);
        var load = new BoundedLoad(nodes.Length, partitionCount, Math.Min(replicationFactor, nodes.Length));
        var replicas = new int[partitionCount][];
        foreach (var partition in InRingOrder(partitionCount))
            replicas[partition] = load.Take(Clockwise(points, Token.OfPartition((uint)partition)));
        PreferredLeaders.Spread(replicas, nodes.Length);
        return [.. replicas.Select(list => (IReadOnlyList<NodeId>)[.. list.Select(node => nodes[node])])];
    }

    /// <summary>
    /// The most replicas that <see cref="Place"/> gives to one node: a quarter above the even share, rounded
    /// up, and of course at most one of each partition.
    /// </summary>
    public static int ReplicasMax(int memberCount, int partitionCount, int replicationFactor)
    {
        var total = (long)partitionCount * Math.Min(replicationFactor, memberCount);
        return (int)Math.Min(partitionCount, DivideUp(total * 5, memberCount * 4L));
    }

    /// <summary>
    /// The most partitions of which one node is the preferred leader: its bound of replicas divided by the
    /// replication factor, rounded up. <see cref="Place"/> stays as far below as the replicas allow.
    /// </summary>
    public static int LeadersMax(int memberCount, int partitionCount, int replicationFactor) =>
        (int)DivideUp(
            ReplicasMax(memberCount, partitionCount, replicationFactor),
            Math.Min(replicationFactor, memberCount));

    internal static long DivideUp(long dividend, long divisor) => (dividend + divisor - 1) / divisor;

    private static (Token Token, int Node)[] Points(NodeId[] nodes, int virtualNodes)
    {
        var points = new (Token Token, int Node)[nodes.Length * virtualNodes];
        for (var i = 0; i < points.Length; i++)
            points[i] = (Token.Of(nodes[i / virtualNodes], i % virtualNodes), i / virtualNodes);
        // Two equal positions are next to impossible; the order of the node ids decides them all the same.
        Array.Sort(points);
        return points;
    }

    // The fuller the nodes get, the more partitions must go further round. In ring order those are
    // neighbours, whatever the partitions' numbers are, so fewer of them move when a node joins or leaves.
    private static IEnumerable<int> InRingOrder(int partitionCount) =>
        Enumerable.Range(0, partitionCount).OrderBy(partition => Token.OfPartition((uint)partition));

    private static IEnumerable<int> Clockwise((Token Token, int Node)[] points, Token from)
    {
        var (low, high) = (0, points.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = points[middle].Token < from ? (middle + 1, high) : (low, middle);
        }

        for (var i = 0; i < points.Length; i++)
            yield return points[(low + i) % points.Length].Node;
    }
}
