namespace Kvorum.Node.Placement;

/// <summary>
/// Chooses the preferred leader of each partition among its replicas, with the least bound on leaders per
/// node that the replicas allow. It is a matching of partitions to nodes, grown by augmenting paths (Kuhn
/// 1955).
/// <para>Why <see cref="Ring.LeadersMax"/> is always reached: any set of <c>q</c> partitions has <c>q r</c>
/// replicas, so it lies on at least <c>q r / ReplicasMax</c> nodes, which may lead <c>q</c> partitions if
/// each may lead
/// <c>ReplicasMax / r</c>; by Hall's theorem the matching then exists.</para>
/// </summary>
internal static class PreferredLeaders
{
    /// <summary>Moves the leader of each list to its front; the others keep their order.</summary>
    public static void Spread(int[][] replicas, int nodeCount)
    {
        var bound = (int)Ring.DivideUp(replicas.Length, nodeCount);
        var leaders = Match(replicas, nodeCount, bound);
        while (leaders is null)
            leaders = Match(replicas, nodeCount, ++bound);
        for (var partition = 0; partition < replicas.Length; partition++)
        {
            var leader = leaders[partition];
            replicas[partition] = [leader, .. replicas[partition].Where(node => node != leader)];
        }
    }

    private static int[]? Match(int[][] replicas, int nodeCount, int bound)
    {
        var leaders = new int[replicas.Length];
        Array.Fill(leaders, -1);
        var led = new List<int>[nodeCount];
        for (var node = 0; node < nodeCount; node++)
            led[node] = [];
        var tried = new bool[nodeCount];
        for (var partition = 0; partition < replicas.Length; partition++)
        {
            Array.Clear(tried);
            if (!Assign(partition))
                return null;
        }

        return leaders;

        // The first replica that is not full; else one that can pass a partition on. No deeper than there are
        // nodes.
        bool Assign(int partition)
        {
            foreach (var node in replicas[partition])
            {
                if (led[node].Count < bound)
                    return Lead(partition, node);
            }

            foreach (var node in replicas[partition])
            {
                if (tried[node])
                    continue;
                tried[node] = true;
                for (var i = 0; i < led[node].Count; i++)
                {
                    var other = led[node][i];
                    if (!Assign(other))
                        continue;
                    led[node].Remove(other);
                    return Lead(partition, node);
                }
            }

            return false;
        }

        bool Lead(int partition, int node)
        {
            leaders[partition] = node;
            led[node].Add(partition);
            return true;
        }
    }
}
