namespace Kvorum.Node.Placement;

/// <summary>
/// Hands out replicas so that no node gets more than its room and each partition is spread over the zones. To
/// skip full nodes is not enough: the last partitions could find fewer free nodes than they need distinct
/// ones (four nodes, three replicas: three full nodes are enough for that). So a node is taken only if this
/// partition and those still to come can be placed afterwards.
/// <para>That can be told exactly: <c>k</c> partitions of <c>r</c> distinct nodes each, of which zone
/// <c>z</c> has at least <c>l(z)</c> and at most <c>m(z)</c>, fit into room <c>room[i]</c> if and only if
/// each zone's room, the sum of <c>min(room[i], k)</c>, is at least <c>k l(z)</c>, and the sum over zones of
/// the lesser of that room and <c>k m(z)</c> is at least <c>k r</c> (McNaughton's wrap-around rule, 1959: lay
/// the nodes' room end to end, zone by zone, and cut it into <c>r</c> strips of length <c>k</c>; a zone of
/// length <c>x</c> then meets each column <c>x / k</c> times, rounded down or up).</para>
/// One caller; deterministic.
/// </summary>
internal sealed class BoundedLoad
{
    private readonly int[] _room;
    private readonly int[] _zoneOf;
    private readonly ZoneLimits _limits;
    private readonly ZoneRoom[] _zones;
    private readonly bool[] _seen;
    private readonly int _replicas;
    private int _left;

    /// <summary>
    /// Room of each node for <paramref name="replicas"/> distinct nodes of each partition. The room is at
    /// least <see cref="FairShares"/> of the partitions.
    /// </summary>
    public BoundedLoad(int[] room, int[] zoneOf, ZoneLimits limits, int partitionCount, int replicas)
    {
        _room = [.. room];
        _zoneOf = zoneOf;
        _limits = limits;
        _zones = new ZoneRoom[limits.Count];
        _seen = new bool[room.Length];
        _replicas = replicas;
        _left = partitionCount;
    }

    /// <summary>
    /// Takes the replicas of one partition, in the order of the walk; a walk names every node at least once.
    /// </summary>
    public int[] Take(IEnumerable<int> walk)
    {
        Begin();
        var taken = new int[_replicas];
        var count = 0;
        foreach (var node in walk)
        {
            // What was refused once stays refused: the more is taken, the less fits.
            if (_seen[node] || _room[node] == 0)
                continue;
            _seen[node] = true;
            if (!TryTake(node, _replicas - count - 1))
                continue;
            taken[count++] = node;
            if (count == _replicas)
                break;
        }

        if (count < _replicas)
            throw new InvalidOperationException($"only {count} of {_replicas} nodes have room");
        return taken;
    }

    // From here on, _left is the number of partitions after this one.
    private void Begin()
    {
        _left--;
        Array.Clear(_seen);
        Array.Clear(_zones);
        for (var node = 0; node < _room.Length; node++)
        {
            ref var zone = ref _zones[_zoneOf[node]];
            zone.Room += Math.Min(_room[node], _left);
            zone.Ample += _room[node] > _left ? 1 : 0;
            zone.Scarce += _room[node] > 0 && _room[node] <= _left ? 1 : 0;
        }
    }

    private bool TryTake(int node, int missing)
    {
        ref var zone = ref _zones[_zoneOf[node]];
        if (zone.Taken == _limits.Most(_zoneOf[node]))
            return false;
        var before = zone;
        zone.Taken++;
        // A node with room for all that is left loses nothing by being taken; any other one uses up what is
        // spare.
        if (_room[node] > _left)
            zone.Ample--;
        else
        {
            zone.Scarce--;
            zone.Room--;
        }

        if (!Fits(missing))
        {
            zone = before;
            return false;
        }

        _room[node]--;
        return true;
    }

    // Whether the missing replicas of this partition and all of the partitions after it can be placed.
    private bool Fits(int missing)
    {
        var spare = -(long)_left * _replicas;
        var (free, paid, cost) = (0L, 0L, 0L);
        for (var i = 0; i < _zones.Length; i++)
        {
            ref readonly var zone = ref _zones[i];
            var most = (long)_left * _limits.Most(i);
            var least = Math.Max(0, _limits.Least(i) - zone.Taken);
            var canPay = zone.Room - ((long)_left * _limits.Least(i));
            if (canPay < 0)
                return false;
            var possible = Math.Min(
                _limits.Most(i) - zone.Taken, zone.Ample + Math.Min(zone.Scarce, canPay));
            if (possible < least)
                return false;
            // Room beyond the zone's limit is of no use later.
            var freely = Math.Min(possible, zone.Ample + Math.Max(0, zone.Room - most));
            spare += Math.Min(zone.Room, most);
            missing -= least;
            cost += Math.Max(0, least - freely);
            free += Math.Max(0, freely - least);
            paid += possible - Math.Max(freely, least);
        }

        var more = Math.Max(0, missing - free);
        return missing >= 0 && more <= paid && cost + more <= spare;
    }

    // A zone's nodes as the partition at hand sees them.
    private struct ZoneRoom
    {
        /// <summary>Room for the partitions after this one.</summary>
        public long Room;

        /// <summary>Nodes that are not taken and have room for this partition and all after it.</summary>
        public int Ample;

        /// <summary>Nodes that are not taken and have less room than that, but some.</summary>
        public int Scarce;

        /// <summary>Nodes that are taken.</summary>
        public int Taken;
    }
}
