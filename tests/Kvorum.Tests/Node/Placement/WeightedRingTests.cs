using FsCheck;
using FsCheck.Fluent;
using Kvorum.Node.Placement;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Placement;

/// <summary>The promises of <see cref="Ring"/> for nodes of different weights in zones.</summary>
public class WeightedRingTests
{
    private static readonly int[] Weights = [25, 50, 100, 100, 100, 200, 400];

    private static RingMember[] Members(Random random, int count, int zones) =>
        [.. Enumerable.Range(1, count).Select(i => new RingMember(
            new NodeId((UInt128)(ulong)random.NextInt64() << 32 | (uint)i),
            Weights[random.Next(Weights.Length)],
            $"zone-{random.Next(zones)}"))];

    /// <summary>FNV-1a over the ids of all lists.</summary>
    private static ulong Digest(IReadOnlyList<IReadOnlyList<NodeId>> lists) => lists.SelectMany(list => list)
        .Aggregate(0xcbf29ce484222325, (hash, node) => (hash ^ (ulong)node.Value) * 0x100000001b3);

    /// <summary>Pairs of replicas in one zone: least exactly when the zones are as even as can be.</summary>
    private static int Pairs(IEnumerable<string> zones) =>
        zones.GroupBy(zone => zone).Sum(group => group.Count() * (group.Count() - 1) / 2);

    private static int LeastPairs(RingMember[] members, int replicas)
    {
        var free = members.GroupBy(member => member.Zone).Select(group => group.Count()).ToArray();
        var taken = new int[free.Length];
        for (var i = 0; i < Math.Min(replicas, members.Length); i++)
        {
            var zone = Enumerable.Range(0, free.Length).Where(z => taken[z] < free[z]).MinBy(z => taken[z]);
            taken[zone]++;
        }

        return taken.Sum(count => count * (count - 1) / 2);
    }

    private static void Holds(RingMember[] members, int partitions, int factor)
    {
        var lists = Ring.Place(members, partitions, factor, virtualNodes: 32);
        var zoneOf = members.ToDictionary(member => member.Id, member => member.Zone);
        var pairs = LeastPairs(members, factor);
        Assert.Equal(partitions, lists.Count);
        foreach (var list in lists)
        {
            Assert.Equal(Math.Min(factor, members.Length), list.Distinct().Count());
            Assert.Equal(list.Count, list.Distinct().Count());
            Assert.Equal(pairs, Pairs(list.Select(node => zoneOf[node])));
        }

        var load = lists.SelectMany(list => list).CountBy(node => node).ToDictionary();
        var leaders = lists.CountBy(list => list[0]).ToDictionary();
        var replicasMax = Ring.ReplicasMax(members, partitions, factor);
        var leadersMax = Ring.LeadersMax(members, partitions, factor);
        for (var i = 0; i < members.Length; i++)
        {
            Assert.InRange(load.GetValueOrDefault(members[i].Id), 0, replicasMax[i]);
            Assert.InRange(leaders.GetValueOrDefault(members[i].Id), 0, leadersMax[i]);
        }
    }

    [Theory]
    [InlineData(1, 64, 3, 0x24900626c80fac65)]
    [InlineData(2, 64, 3, 0xfd248022390ec7a5)]
    [InlineData(3, 64, 3, 0x08d68088d68feb73)]
    [InlineData(4, 64, 3, 0x3c867c65c8f30693)]
    [InlineData(5, 64, 3, 0xd81c60c12e1e1498)]
    [InlineData(6, 64, 4, 0x37bd613484b6fec2)]
    [InlineData(7, 256, 5, 0x7005dc8d750ea40b)]
    [InlineData(10, 64, 3, 0xe2c8b8c6f1660f7d)]
    [InlineData(25, 256, 3, 0xd8c10b9489d6e150)]
    [InlineData(100, 1024, 3, 0x04ce09c23eb6b2b4)]
    [InlineData(400, 512, 5, 0xb41f7de424056c53)]
    [InlineData(1000, 2048, 3, 0xba4d923378a9d631)]
    public void Equal_weights_in_one_zone_are_placed_as_nodes_without_weights_always_were(
        int size, int partitions, int factor, ulong digest)
    {
        NodeId[] ids =
            [.. Enumerable.Range(1, size).Select(i => new NodeId((UInt128)i * 0x9e3779b97f4a7c15))];
        Assert.Equal(digest, Digest(Ring.Place(ids, partitions, factor, 64)));
        foreach (var weight in new[] { 1, 77, RingMember.Ordinary, RingMember.WeightMax })
        {
            RingMember[] members = [.. ids.Select(id => new RingMember(id, weight, $"zone of {weight}"))];
            Assert.Equal(digest, Digest(Ring.Place(members, partitions, factor, 64)));
            var most = Ring.ReplicasMax(size, partitions, factor);
            Assert.All(Ring.ReplicasMax(members, partitions, factor), bound => Assert.Equal(most, bound));
            var leaders = Ring.LeadersMax(size, partitions, factor);
            Assert.All(Ring.LeadersMax(members, partitions, factor), bound => Assert.Equal(leaders, bound));
        }
    }

    [Fact]
    public void Bounds_and_zones_hold_for_any_weights_and_zones()
    {
        var cases =
            from seed in Gen.Choose(0, int.MaxValue - 1)
            from size in Gen.Choose(1, 40)
            from zones in Gen.Choose(1, 8)
            from partitions in Gen.Choose(1, 200)
            from factor in Gen.Choose(1, 7)
            select (seed, size, zones, partitions, factor);
        Prop.ForAll(
            Arb.From(cases),
            c => Holds(Members(new Random(c.seed), c.size, c.zones), c.partitions, c.factor))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(300));
    }

    [Theory]
    [InlineData(100, 3, 4096, 3)]
    [InlineData(333, 5, 4096, 3)]
    [InlineData(1000, 1, 16384, 3)]
    [InlineData(1000, 3, 16384, 3)]
    [InlineData(1000, 40, 4096, 5)]
    public void Bounds_and_zones_hold_in_large_clusters(int size, int zones, int partitions, int factor) =>
        Holds(Members(new Random(size + zones), size, zones), partitions, factor);

    [Fact]
    public void A_zone_with_little_weight_still_has_a_replica_of_each_partition()
    {
        // By weight alone, node 3 would have 3 replicas of 64 partitions; and to skip it would put two
        // replicas of most partitions into one zone.
        RingMember[] members = [new(new(1), 1000, "a"), new(new(2), 1000, "b"), new(new(3), 10, "c")];
        Holds(members, 64, 3);
        Holds([.. members, new(new(4), 1000, "a"), new(new(5), 1000, "b")], 64, 3);
        Assert.Equal([64, 64, 64], Ring.ReplicasMax(members, 64, 3));
        Assert.Equal([32, 32, 22], Ring.LeadersMax(members, 64, 3));
    }

    [Fact]
    public void Replicas_and_leaders_go_by_weight()
    {
        RingMember[] members = [.. Enumerable.Range(1, 12).Select(
            i => new RingMember(new NodeId((UInt128)i * 0x9e3779b97f4a7c15), i <= 4 ? 200 : 100))];
        // Shares of 768 replicas: 16 parts of weight, so 96 and 48.
        Assert.Equal(
            Enumerable.Repeat(120, 4).Concat(Enumerable.Repeat(60, 8)), Ring.ReplicasMax(members, 256, 3));
        var lists = Ring.Place(members, 256, 3, 64);
        var load = lists.SelectMany(list => list).CountBy(node => node).ToDictionary();
        var leaders = lists.CountBy(list => list[0]).ToDictionary();
        for (var i = 0; i < members.Length; i++)
        {
            Assert.InRange(load[members[i].Id], i < 4 ? 72 : 30, i < 4 ? 120 : 60);
            Assert.InRange(leaders[members[i].Id], i < 4 ? 28 : 12, i < 4 ? 32 : 16);
        }
    }

    [Fact]
    public void Shares_add_up_and_are_in_proportion_within_the_limits()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var members = Members(random, random.Next(1, 60), random.Next(1, 9));
            var nodes = new RingNodes(members, random.Next(1, 7));
            var shares = nodes.Shares;
            Assert.Equal(nodes.Replicas, shares.Sum(share => share.Value), 1e-9);
            Assert.All(shares, share => Assert.InRange(share.Value, 1e-6, 1));
            foreach (var zone in nodes.ZoneOf.Index().GroupBy(node => node.Item, node => node.Index))
            {
                var sum = zone.Sum(node => shares[node].Value);
                Assert.InRange(
                    sum, nodes.Limits.Least(zone.Key) - 1e-9, nodes.Limits.Most(zone.Key) + 1e-9);
            }
        }

        // 3 replicas on weights 4, 1, 1, 1: the first node holds all, the others share the rest.
        int[] sizes = [4];
        var one = FairShares.Of([400, 100, 100, 100], [0, 0, 0, 0], new ZoneLimits(sizes, 3), 3);
        Assert.Equal([1, 2 / 3.0, 2 / 3.0, 2 / 3.0], one.Select(share => share.Value));
        // Zones of 2, 1 and 1 nodes: the zones have one replica each.
        var zoned = FairShares.Of([100, 300, 100, 100], [0, 0, 1, 2], new ZoneLimits([2, 1, 1], 3), 3);
        Assert.Equal([0.25, 0.75, 1, 1], zoned.Select(share => share.Value));
    }

    [Fact]
    public void Order_of_the_members_does_not_matter()
    {
        var random = new Random(5);
        for (var round = 0; round < 20; round++)
        {
            var members = Members(random, random.Next(3, 30), 4);
            var expected = Ring.Place(members, 64, 3, 16);
            random.Shuffle(members);
            Assert.Equal(expected, Ring.Place(members, 64, 3, 16));
        }
    }

    [Theory]
    [InlineData(10, 1, 1.2)]
    [InlineData(20, 5, 1.45)]
    [InlineData(100, 10, 2.0)]
    public void A_join_or_leave_moves_little_more_than_the_nodes_share(int size, int zones, double factor)
    {
        // Summed over clusters, since single ones vary; more moves where a zone's part changes.
        var (joined, left, share) = (0, 0, 0);
        for (var cluster = 0; cluster < 10; cluster++)
        {
            var random = new Random(cluster);
            var members = Members(random, size + 1, zones);
            var whole = Ring.Place(members, 256, 3, 64);
            foreach (var member in new[] { members[0], members[size / 2], members[size] })
            {
                var less = Ring.Place([.. members.Where(other => other != member)], 256, 3, 64);
                joined += less.Zip(whole).Sum(pair => pair.Second.Except(pair.First).Count());
                left += whole.Zip(less).Sum(pair => pair.Second.Except(pair.First).Count());
                share += whole.Count(list => list.Contains(member.Id));
            }
        }

        Assert.InRange(joined, share, factor * share);
        Assert.InRange(left, share, factor * share);
    }

    [Fact]
    public void Weights_out_of_bounds_are_named()
    {
        foreach (var weight in new[] { 0, -1, RingMember.WeightMax + 1 })
        {
            var refused = Assert.Throws<ArgumentException>(
                () => Ring.Place([new RingMember(new NodeId(7), weight)], 64, 3, 64));
            Assert.Contains($"weight {weight} of node 7", refused.Message, StringComparison.Ordinal);
        }
    }
}
