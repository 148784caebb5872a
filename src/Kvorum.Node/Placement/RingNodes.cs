using Kvorum.Raft;

namespace Kvorum.Node.Placement;

/// <summary>The members of a ring in the order of their ids, with the shares that are due to them.</summary>
internal sealed class RingNodes
{
    private readonly int[] _weights;
    private readonly bool _isEven;

    /// <summary>Checks the members and computes their shares.</summary>
    /// <exception cref="ArgumentException">No members, a member twice, or a number out of bounds.</exception>
    public RingNodes(IReadOnlyList<RingMember> members, int replicationFactor)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(members.Count, 1, nameof(members));
        ArgumentOutOfRangeException.ThrowIfLessThan(replicationFactor, 1);
        RingMember[] sorted = [.. members.OrderBy(static member => member.Id)];
        Check(sorted);
        Ids = [.. sorted.Select(static member => member.Id)];
        _weights = [.. sorted.Select(static member => member.Weight)];
        _isEven = _weights.All(weight => weight == _weights[0]);
        string[] zones =
            [.. sorted.Select(static member => member.Zone).Distinct().Order(StringComparer.Ordinal)];
        ZoneOf = [.. sorted.Select(member => Array.BinarySearch(zones, member.Zone, StringComparer.Ordinal))];
        Replicas = Math.Min(replicationFactor, sorted.Length);
        var sizes = new int[zones.Length];
        foreach (var zone in ZoneOf)
            sizes[zone]++;
        Limits = new ZoneLimits(sizes, Replicas);
        Shares = FairShares.Of(_weights, ZoneOf, Limits, Replicas);
    }

    /// <summary>Number of nodes.</summary>
    public int Count => Ids.Length;

    /// <summary>The ids, in order.</summary>
    public NodeId[] Ids { get; }

    /// <summary>The number of each node's zone.</summary>
    public int[] ZoneOf { get; }

    /// <summary>How the replicas of a partition are spread over the zones.</summary>
    public ZoneLimits Limits { get; }

    /// <summary>The part of all partitions that each node should hold.</summary>
    public Share[] Shares { get; }

    /// <summary>Replicas of a partition.</summary>
    public int Replicas { get; }

    /// <summary>Positions of a node on the ring.</summary>
    public long TokensOf(int node, int virtualNodes)
    {
        const int Half = RingMember.Ordinary / 2;
        return _isEven
            ? virtualNodes
            : Math.Max(1, (((long)virtualNodes * _weights[node]) + Half) / RingMember.Ordinary);
    }

    /// <summary>The partitions that each node leads if all lead by their weight, rounded up.</summary>
    public int[] EvenLeaders(int partitions)
    {
        var whole = _weights.Sum(static weight => (long)weight);
        return [.. _weights.Select(weight => (int)Ring.DivideUp((long)partitions * weight, whole))];
    }

    /// <summary>The bound on preferred leaders by node, see <see cref="PreferredLeaders"/>.</summary>
    public int[] LeadersMax(int partitions) =>
        [.. EvenLeaders(partitions).Zip(Shares, (even, share) =>
            Math.Max(even, (int)Ring.DivideUp(share.BoundOf(partitions), Replicas)))];

    /// <summary>Values by node, in the order of the members.</summary>
    public IReadOnlyList<int> InOrderOf(IReadOnlyList<RingMember> members, int[] values) =>
        [.. members.Select(member => values[Array.BinarySearch(Ids, member.Id)])];

    private static void Check(RingMember[] members)
    {
        for (var i = 0; i < members.Length; i++)
        {
            if (i > 0 && members[i].Id == members[i - 1].Id)
            {
                throw new ArgumentException(
                    $"node {members[i].Id} is in the member list twice", nameof(members));
            }

            if (members[i].Weight is < 1 or > RingMember.WeightMax)
            {
                throw new ArgumentException(
                    $"weight {members[i].Weight} of node {members[i].Id} is not within 1 and "
                    + $"{RingMember.WeightMax}",
                    nameof(members));
            }
        }
    }
}
