using Kvorum.Raft;

namespace Kvorum.Node.Placement;

/// <summary>
/// Chooses the preferred leader of each partition among its replicas, with the least bound on leaders per
/// node that the replicas allow. It is a matching of partitions to nodes, grown by augmenting paths (Kuhn
/// 1955).
/// <para>Why <see cref="Ring.LeadersMax(int, int, int)"/> is always reached: if each partition gives one part
/// in <c>r</c> of its leadership to each of its <c>r</c> replicas, a node leads at most
/// <c>ReplicasMax / r</c>; by Hall's theorem a matching with those bounds, rounded up, then exists.</para>
/// </summary>
internal static class PreferredLeaders
{
    /// <summary>Moves the leader of each list to its front; the others keep their order.</summary>
    /// <param name="replicas">The nodes of each partition.</param>
    /// <param name="even">What each node leads at least before any node leads more.</param>
    /// <param name="most">What each node leads at most, if that is more.</param>
    public static void Spread(int[][] replicas, int[] even, int[] most)
    {
        var leaders = LeastMatch(replicas, even, most);
        for (var partition = 0; partition < replicas.Length; partition++)
        {
            var leader = leaders[partition];
            replicas[partition] = [leader, .. replicas[partition].Where(node => node != leader)];
        }
    }

    // All bounds are raised by the same number, the least with which there is a matching: found by doubling,
    // then by halving.
    private static int[] LeastMatch(int[][] replicas, int[] even, int[] most)
    {
        var (tooSmall, raise) = (-1, 0);
        var found = Raised(raise);
        while (found is null)
        {
            (tooSmall, raise) = (raise, Math.Max(1, raise * 2));
            found = Raised(raise);
        }

        while (raise - tooSmall > 1)
        {
            var middle = (tooSmall + raise) / 2;
            if (Raised(middle) is { } better)
                (found, raise) = (better, middle);
            else
                tooSmall = middle;
        }

        return found;

        int[]? Raised(int by)
        {
            Invariant.Check(by <= 2L * replicas.Length, "the bounds on leaders allow no placement");
            int[] bounds = [.. even.Zip(most, (first, last) => Math.Min(first + by, Math.Max(first, last)))];
            return new Matching(replicas, bounds).Find();
        }
    }

    /// <summary>One attempt with fixed bounds.</summary>
    private sealed class Matching
    {
        private readonly int[][] _replicas;
        private readonly int[] _bounds;
        private readonly int[] _leaders;
        private readonly List<int>[] _led;
        private readonly bool[] _tried;

        public Matching(int[][] replicas, int[] bounds)
        {
            _replicas = replicas;
            _bounds = bounds;
            _leaders = new int[replicas.Length];
            _led = [.. bounds.Select(static _ => new List<int>())];
            _tried = new bool[bounds.Length];
        }

        public int[]? Find()
        {
            for (var partition = 0; partition < _replicas.Length; partition++)
            {
                Array.Clear(_tried);
                if (!Assign(partition))
                    return null;
            }

            return _leaders;
        }

        // The first replica that is not full; else one that can pass a partition on. No deeper than there are
        // nodes.
        private bool Assign(int partition)
        {
            foreach (var node in _replicas[partition])
            {
                if (_led[node].Count < _bounds[node])
                    return Lead(partition, node);
            }

            return _replicas[partition].Any(node => PassOn(node) && Lead(partition, node));
        }

        private bool PassOn(int node)
        {
            if (_tried[node])
                return false;
            _tried[node] = true;
            var led = _led[node];
            for (var i = 0; i < led.Count; i++)
            {
                var other = led[i];
                if (Assign(other))
                    return led.Remove(other);
            }

            return false;
        }

        private bool Lead(int partition, int node)
        {
            _leaders[partition] = node;
            _led[node].Add(partition);
            return true;
        }
    }
}
