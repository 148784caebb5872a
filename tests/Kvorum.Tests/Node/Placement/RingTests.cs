using Kvorum.Node;
using Kvorum.Node.Placement;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Placement;

/// <summary>The promises of <see cref="Ring"/>, for clusters of 1 to 1000 nodes.</summary>
public class RingTests
{
    private static readonly int[] Sizes =
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 25, 40, 64, 65, 100, 193, 400, 1000];

    private static NodeId[] Nodes(int count, int cluster = 0) =>
        [.. Enumerable.Range(0, count).Select(i => ClusterIdentity.NodeFromName($"c{cluster}-node-{i}"))];

    private static Dictionary<NodeId, int> Count(IEnumerable<NodeId> nodes) =>
        nodes.GroupBy(node => node).ToDictionary(group => group.Key, group => group.Count());

    /// <summary>
    /// Replicas of partitions that are on a node in <paramref name="after"/> and were not before.
    /// </summary>
    private static int Moved(
        IReadOnlyList<IReadOnlyList<NodeId>> before, IReadOnlyList<IReadOnlyList<NodeId>> after) =>
        before.Zip(after).Sum(pair => pair.Second.Except(pair.First).Count());

    [Fact]
    public void Each_partition_has_distinct_nodes_and_no_node_more_than_the_bound()
    {
        foreach (var size in Sizes)
        {
            foreach (var (partitions, replicas) in new[] { (64, 3), (64, 5), (1, 3), (7, 1), (256, 3) })
            {
                var lists = Ring.Place(Nodes(size), partitions, replicas, virtualNodes: 64);

                Assert.Equal(partitions, lists.Count);
                Assert.All(lists, list => Assert.Equal(Math.Min(replicas, size), list.Distinct().Count()));
                Assert.All(lists, list => Assert.Equal(list.Count, list.Distinct().Count()));
                var load = Count(lists.SelectMany(list => list));
                Assert.True(load.Values.Max() <= Ring.ReplicasMax(size, partitions, replicas));
                var leaders = Count(lists.Select(list => list[0]));
                Assert.True(leaders.Values.Max() <= Ring.LeadersMax(size, partitions, replicas));
            }
        }
    }

    [Fact]
    public void The_bounds_are_a_quarter_above_the_even_share()
    {
        Assert.Equal(64, Ring.ReplicasMax(memberCount: 3, partitionCount: 64, replicationFactor: 3));
        Assert.Equal(22, Ring.LeadersMax(3, 64, 3));
        Assert.Equal(48, Ring.ReplicasMax(5, 64, 3)); // even share: 38.4
        Assert.Equal(16, Ring.LeadersMax(5, 64, 3)); // even share: 12.8
        Assert.Equal(1, Ring.ReplicasMax(1000, 64, 3));
        Assert.Equal(64, Ring.ReplicasMax(1, 64, 3));
    }

    [Theory]
    [InlineData(3, 22)]
    [InlineData(5, 13)]
    [InlineData(7, 10)]
    public void Leaders_of_small_clusters_are_spread_as_evenly_as_can_be(int size, int most)
    {
        for (var cluster = 0; cluster < 50; cluster++)
        {
            var lists = Ring.Place(Nodes(size, cluster), 64, 3, 64);
            Assert.Equal(most, Count(lists.Select(list => list[0])).Values.Max());
        }
    }

    [Fact]
    public void Order_of_the_members_does_not_matter()
    {
        var random = new Random(7);
        foreach (var size in Sizes.Where(size => size <= 200))
        {
            var nodes = Nodes(size);
            var expected = Ring.Place(nodes, 64, 3, 16);
            for (var round = 0; round < 3; round++)
            {
                random.Shuffle(nodes);
                Assert.Equal(expected, Ring.Place(nodes, 64, 3, 16));
            }
        }
    }

    [Theory]
    [InlineData(3, 1.02)]
    [InlineData(5, 1.02)]
    [InlineData(10, 1.05)]
    [InlineData(20, 1.1)]
    [InlineData(100, 1.6)]
    public void A_join_or_leave_moves_little_more_than_the_nodes_share(int size, double factor)
    {
        // Summed over clusters, since single ones vary. The rest above 1.0 is what goes on from full nodes to
        // others.
        var (joined, left, share) = (0, 0, 0);
        for (var cluster = 0; cluster < 20; cluster++)
        {
            var nodes = Nodes(size + 1, cluster);
            var whole = Ring.Place(nodes, 256, 3, 64);
            foreach (var node in new[] { nodes[0], nodes[size / 2], nodes[size] })
            {
                var less = Ring.Place([.. nodes.Where(other => other != node)], 256, 3, 64);
                joined += Moved(less, whole);
                left += Moved(whole, less);
                share += whole.Count(list => list.Contains(node));
            }
        }

        Assert.InRange(joined, share, factor * share);
        Assert.InRange(left, share, factor * share);
    }

    [Fact]
    public void Fewer_members_than_replicas_hold_everything()
    {
        var nodes = Nodes(2);
        Assert.All(Ring.Place(nodes, 64, 3, 64), list => Assert.Equal(nodes.Order(), list.Order()));
    }

    [Fact]
    public void Positions_never_change()
    {
        // Golden values: with other ones, nodes of two versions would look for the same data in different
        // places.
        Assert.Equal("44e5b98100c67fb0", Token.Of(new NodeId(1), 0).ToString());
        Assert.Equal("0ad534b9efc31cbc", Token.Of(new NodeId((UInt128)1 << 64), 63).ToString());
        Assert.Equal("e4d971771b652c20", Token.OfPartition(0).ToString());
        Assert.Equal("54fca8ef6dd94cf6", Token.OfPartition(63).ToString());
        NodeId[] nodes = [new(1), new(2), new(3), new(4), new(5)];
        // Checked against a twin written in another language; 6 and 7 gave their leader to spread the
        // leaders.
        var lists = Ring.Place(nodes, 8, 3, 64);
        var drawn = string.Join(' ', lists.Select(list => string.Concat(list)));
        Assert.Equal("341 512 243 315 435 214 435 523", drawn);
    }

    [Fact]
    public void Node_ids_that_share_half_of_their_bits_have_different_positions()
    {
        var tokens = new HashSet<Token>();
        for (UInt128 low = 0; low < 30; low++)
        {
            for (UInt128 high = 0; high < 30; high++)
            {
                for (var node = 0; node < 16; node++)
                    Assert.True(tokens.Add(Token.Of(new NodeId((high << 64) | low), node)));
            }
        }
    }

    [Fact]
    public void Tokens_are_ordered_by_position()
    {
        Assert.True(new Token(1) < new Token(2) && new Token(2) > new Token(1));
        Assert.True(new Token(1) <= new Token(1) && new Token(1) >= new Token(1));
        Assert.False(new Token(ulong.MaxValue) < new Token(0));
    }

    private static void Refused(string name, NodeId[] members, int partitions, int replicas, int virtualNodes) =>
        Assert.Throws<ArgumentOutOfRangeException>(
            name, () => Ring.Place(members, partitions, replicas, virtualNodes));

    [Fact]
    public void Wrong_arguments_are_named()
    {
        NodeId[] members = [new(7), new(8), new(7)];
        var twice = Assert.Throws<ArgumentException>(() => Ring.Place(members, 64, 3, 64));
        Assert.Contains("node 7 is in the member list twice", twice.Message, StringComparison.Ordinal);
        Refused("members", [], 64, 3, 64);
        Refused("partitionCount", [new(1)], 0, 3, 64);
        Refused("replicationFactor", [new(1)], 64, 0, 64);
        Refused("virtualNodes", [new(1)], 64, 3, 0);
    }
}
