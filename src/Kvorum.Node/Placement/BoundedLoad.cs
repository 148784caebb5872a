namespace Kvorum.Node.Placement;

/// <summary>
/// Hands out replicas so that no node gets more than <see cref="Ring.ReplicasMax"/>. To skip full nodes is
/// not enough: the last partitions could find fewer free nodes than they need distinct ones (four nodes,
/// three replicas: three full nodes are enough for that). So a node is taken only if the partitions still to
/// come can be placed afterwards.
/// <para>That can be told exactly: <c>k</c> partitions of <c>r</c> distinct nodes each fit into room
/// <c>room[i]</c> if and only if the sum of <c>min(room[i], k)</c> is at least <c>k r</c> (McNaughton's
/// wrap-around rule, 1959: lay the nodes' room end to end and cut it into <c>r</c> strips of length
/// <c>k</c>).</para>
/// One caller; deterministic.
/// </summary>
internal sealed class BoundedLoad
{
    private readonly int[] _room;
    private readonly bool[] _seen;
    private readonly int _replicas;
    private int _left;

    /// <summary>
    /// Room for <paramref name="replicas"/> distinct nodes, at most <paramref name="nodeCount"/>, of each
    /// partition.
    /// </summary>
    public BoundedLoad(int nodeCount, int partitionCount, int replicas)
    {
        _room = new int[nodeCount];
        _seen = new bool[nodeCount];
        _replicas = replicas;
        _left = partitionCount;
        Array.Fill(_room, Ring.ReplicasMax(nodeCount, partitionCount, replicas));
    }

    /// <summary>
    /// Takes the replicas of one partition, in the order of the walk; a walk names every node at least once.
    /// </summary>
    public int[] Take(IEnumerable<int> walk)
    {
        Array.Clear(_seen);
        var taken = new int[_replicas];
        var count = 0;
        var spare = SpareAfter();
        foreach (var node in walk)
        {
            if (_seen[node] || _room[node] == 0)
                continue;
            _seen[node] = true;
            // A node with room for all that is left loses nothing by being taken; any other one uses up what
            // is spare.
            var isScarce = _room[node] < _left;
            if (isScarce && spare == 0)
                continue;
            spare -= isScarce ? 1 : 0;
            _room[node]--;
            taken[count++] = node;
            if (count == _replicas)
                break;
        }

        if (count < _replicas)
            throw new InvalidOperationException($"only {count} of {_replicas} nodes have room: a broken bound");
        _left--;
        return taken;
    }

    // How much more room there is for the partitions after this one than they need.
    private long SpareAfter()
    {
        var after = _left - 1;
        long room = 0;
        foreach (var free in _room)
            room += Math.Min(free, after);
        return room - ((long)after * _replicas);
    }
}
