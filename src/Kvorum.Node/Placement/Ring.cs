using Kvorum.Raft;

namespace Kvorum.Node.Placement;

/// <summary>
/// Which nodes hold which partition: a pure function of the member list, the same on every node and in any
/// order of the members. Consistent hashing (Karger et al., STOC 1997) with bounded loads (Mirrokni, Thorup
/// and Zadimoghaddam, 2016): each node has virtual nodes on a ring, in proportion to its weight, and a
/// partition's replicas are the first distinct nodes clockwise from the partition's own position that are not
/// full and whose zone has not got its part of the replicas (<see cref="ZoneLimits"/>).
/// <para>Two bounds hold for every member list, see <see cref="ReplicasMax(IReadOnlyList{RingMember}, int,
/// int)"/> and <see cref="LeadersMax(IReadOnlyList{RingMember}, int, int)"/>, and each partition is spread
/// over the zones as evenly as can be. When a node joins or leaves, about its own share of the replicas
/// moves, and little else. What comes out here is a proposal: the placement in force is data with an epoch,
/// and is changed step by step.</para>
/// </summary>
public static class Ring
{
    /// <summary>The preference lists for nodes of ordinary weight without zones.</summary>
    /// <inheritdoc cref="Place(IReadOnlyList{RingMember}, int, int, int)"/>
    public static IReadOnlyList<IReadOnlyList<NodeId>> Place(
        IReadOnlyList<NodeId> members, int partitionCount, int replicationFactor, int virtualNodes) =>
        Place([.. members.Select(id => new RingMember(id))], partitionCount, replicationFactor, virtualNodes);

    /// <summary>
    /// The preference list of each partition, by partition number: distinct nodes, as many as
    /// <paramref name="replicationFactor"/> or all members if they are fewer. The first is the preferred
    /// leader, the second its first deputy, and so on.
    /// </summary>
    /// <param name="members">The nodes, in any order; at least one, none twice.</param>
    /// <param name="partitionCount">At least one.</param>
    /// <param name="replicationFactor">At least one; clamped to the number of members.</param>
    /// <param name="virtualNodes">
    /// Positions of a node of ordinary weight, at least one; more make the shares more even. If all weights
    /// are the same, each node has that many.
    /// </param>
    /// <exception cref="ArgumentException">No members, a member twice, or a number out of bounds.</exception>
    public static IReadOnlyList<IReadOnlyList<NodeId>> Place(
        IReadOnlyList<RingMember> members, int partitionCount, int replicationFactor, int virtualNodes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(partitionCount, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(virtualNodes, 1);
        var nodes = new RingNodes(members, replicationFactor);
        var points = Points(nodes, virtualNodes);
        int[] room = [.. nodes.Shares.Select(share => share.BoundOf(partitionCount))];
        var load = new BoundedLoad(room, nodes.ZoneOf, nodes.Limits, partitionCount, nodes.Replicas);
        var replicas = new int[partitionCount][];
        foreach (var partition in InRingOrder(partitionCount))
            replicas[partition] = load.Take(Clockwise(points, Token.OfPartition((uint)partition)));
        var leadersMax = nodes.LeadersMax(partitionCount);
        PreferredLeaders.Spread(replicas, nodes.EvenLeaders(partitionCount), leadersMax);
        return [.. replicas.Select(list => (IReadOnlyList<NodeId>)[.. list.Select(node => nodes.Ids[node])])];
    }

    /// <summary>The most replicas that <see cref="Place(IReadOnlyList{NodeId}, int, int, int)"/> gives to
    /// one node: a quarter above the even share, rounded up, and of course at most one of each partition.
    /// </summary>
    public static int ReplicasMax(int memberCount, int partitionCount, int replicationFactor)
    {
        var total = (long)partitionCount * Math.Min(replicationFactor, memberCount);
        return (int)Math.Min(partitionCount, DivideUp(total * 5, memberCount * 4L));
    }

    /// <summary>
    /// By member, in the order given, the most replicas that <see cref="Place(IReadOnlyList{RingMember}, int,
    /// int, int)"/> gives to it: a quarter above its share, rounded up, and at most one of each partition.
    /// <para>The share is in proportion to the weight as long as no node would have to hold a partition twice
    /// and no zone more of a partition than its part; a zone with little weight that must have a replica of
    /// each partition has a larger share.</para>
    /// </summary>
    public static IReadOnlyList<int> ReplicasMax(
        IReadOnlyList<RingMember> members, int partitionCount, int replicationFactor)
    {
        var nodes = new RingNodes(members, replicationFactor);
        return nodes.InOrderOf(members, [.. nodes.Shares.Select(share => share.BoundOf(partitionCount))]);
    }

    /// <summary>
    /// The most partitions of which one node is the preferred leader: its bound of replicas divided by the
    /// replication factor, rounded up. Placements stay as far below as the replicas allow.
    /// </summary>
    public static int LeadersMax(int memberCount, int partitionCount, int replicationFactor) =>
        (int)DivideUp(
            ReplicasMax(memberCount, partitionCount, replicationFactor),
            Math.Min(replicationFactor, memberCount));

    /// <summary>
    /// By member, in the order given, the most partitions of which it is the preferred leader: its share of
    /// all by weight, or its bound of replicas divided by the replication factor, whichever is more, rounded
    /// up.
    /// </summary>
    public static IReadOnlyList<int> LeadersMax(
        IReadOnlyList<RingMember> members, int partitionCount, int replicationFactor)
    {
        var nodes = new RingNodes(members, replicationFactor);
        return nodes.InOrderOf(members, nodes.LeadersMax(partitionCount));
    }

    internal static long DivideUp(long dividend, long divisor) => (dividend + divisor - 1) / divisor;

    private static (Token Token, int Node)[] Points(RingNodes nodes, int virtualNodes)
    {
        var points = new List<(Token Token, int Node)>();
        for (var node = 0; node < nodes.Count; node++)
        {
            for (var i = 0; i < nodes.TokensOf(node, virtualNodes); i++)
                points.Add((Token.Of(nodes.Ids[node], i), node));
        }

        // Two equal positions are next to impossible; the order of the node ids decides them all the same.
        points.Sort();
        return [.. points];
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
