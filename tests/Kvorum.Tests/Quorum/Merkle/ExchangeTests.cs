using Kvorum.Quorum;
using Kvorum.Quorum.Merkle;

namespace Kvorum.Tests.Quorum.Merkle;

/// <summary>Whole exchanges between two replicas in memory, with all bytes counted.</summary>
public class ExchangeTests
{
    private static RecordVersion At(long ms) => new(HybridTimestamp.At(ms), new WriterId(7));

    [Fact]
    public void Equal_replicas_of_a_million_keys_compare_roots_only()
    {
        const int Keys = 1_000_000;
        var left = new MerkleTree(MerkleTree.DepthFor(Keys));
        var right = new MerkleTree(MerkleTree.DepthFor(Keys));
        for (var key = 0; key < Keys; key++)
        {
            left.Replace(Replica.HashOf(key), RecordVersion.None, At(key + 1));
            right.Replace(Replica.HashOf(Keys - 1 - key), RecordVersion.None, At(Keys - key));
        }

        Assert.True(new MerkleComparison(left, right.Root).IsDone);
        Assert.True(2 * MerkleRoot.Size < 1024);
    }

    /// <summary>
    /// With a quarter of a million keys a leaf has as many as with a million (15). Whichever side lacks them:
    /// no batch is sent twice.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void One_in_a_hundred_is_missing(bool asks)
    {
        const int Keys = 250_000;
        const int ValueBytes = 256;
        var random = new Random(5);
        var full = new Replica(Keys);
        var lacking = new Replica(Keys);
        var missing = 0;
        for (var key = 0; key < Keys; key++)
        {
            full.Put(key, At(key + 1));
            if (random.Next(100) > 0) lacking.Put(key, At(key + 1));
            else missing++;
        }

        var bytes = asks ? Exchange.Run(lacking, full) : Exchange.Run(full, lacking);
        Assert.True(full.Tree.Root.IsSameAs(lacking.Tree.Root));
        Assert.InRange(bytes.Values, missing, missing * 1.1);
        Assert.True(
            bytes.Hashes <= 0.02 * Keys * ValueBytes,
            $"{bytes.Hashes} bytes of hashes and keys, {bytes.Messages} messages");
    }

    /// <summary>Replicas with any differences are equal afterwards: each has the newest of both.</summary>
    [Fact]
    public void Replicas_converge()
    {
        for (var seed = 0; seed < 100; seed++)
        {
            var random = new Random(seed);
            var keys = random.Next(1, 4000);
            var left = new Replica(random.Next(2) == 0 ? 10 : 200_000);
            var right = new Replica(random.Next(2) == 0 ? 10 : 20_000);
            var newest = new Dictionary<int, RecordVersion>();
            var odds = random.Next(1, 100);
            for (var key = 0; key < keys; key++)
            {
                var both = At(random.Next(1, 1000));
                left.Put(key, both);
                right.Put(key, both);
                if (random.Next(odds) == 0) left.Put(key, At(random.Next(1, 2000)));
                if (random.Next(odds) == 0) right.Put(key, At(random.Next(1, 2000)));
                if (random.Next(odds * 2) == 0) left.Remove(key);
                if (random.Next(odds * 2) == 0) right.Remove(key);
                var of = left.At(key) > right.At(key) ? left.At(key) : right.At(key);
                if (!of.IsNone) newest[key] = of;
            }

            Exchange.Run(left, right);
            Assert.True(left.Tree.Root.IsSameAs(right.Tree.Root), $"seed {seed}");
            Assert.Equal(newest.OrderBy(pair => pair.Key), left.Records);
            Assert.Equal(newest.OrderBy(pair => pair.Key), right.Records);
        }
    }

    [Fact]
    public void A_blank_replica_gets_everything_in_bounded_messages()
    {
        var full = new Replica(20_000);
        for (var key = 0; key < 20_000; key++) full.Put(key, At(key + 1));
        var blank = new Replica(0);
        Assert.Equal(20_000, Exchange.Run(blank, full).Values);
        Assert.Equal(20_000, Exchange.Run(full, new Replica(0)).Values);
        Assert.Equal(full.Records, blank.Records);
    }

    [Fact]
    public void Collected_tombstones_do_not_travel()
    {
        List<VersionedKey> send = [];
        List<ulong> wanted = [];
        var old = new VersionedKey(1, At(5), true);
        var young = new VersionedKey(2, At(6), true);
        var live = new VersionedKey(3, At(1), false);
        PairComparison.Compare([], [old, young, live], HybridTimestamp.At(6), send, wanted);
        Assert.Equal([young, live], send);
        PairComparison.Compare([old, young, live], [], HybridTimestamp.At(6), send, wanted);
        Assert.Equal([2UL, 3UL], wanted);
        // A tombstone that both have in different versions is compared as ever.
        send.Clear();
        PairComparison.Compare(
            [new VersionedKey(1, At(4), false)], [old], HybridTimestamp.At(9), send, wanted);
        Assert.Equal([old], send);
    }

    [Fact]
    public void Keys_with_the_same_hash_all_travel_unless_all_are_the_same()
    {
        List<VersionedKey> send = [];
        List<ulong> wanted = [];
        VersionedKey[] twins = [new(1, At(5), false), new(1, At(4), false)];
        PairComparison.Compare([.. twins], [twins[1], twins[0]], default, send, wanted);
        Assert.Empty(send);
        PairComparison.Compare([twins[0]], [.. twins], default, send, wanted);
        Assert.Equal(2, send.Count);
        Assert.Equal([1UL], wanted);
    }

    [Fact]
    public void Questions_from_elsewhere_are_checked()
    {
        var good = new MerkleQuestion(4, 8, [3], new ulong[16]);
        Assert.True(good.IsValid);
        Assert.Single(new MerkleQuestion(0, 4, [0], new ulong[16]).Answer(new MerkleTree(6)));
        Assert.False((good with { Level = -1 }).IsValid);
        Assert.False((good with { ChildLevel = 4 }).IsValid);
        Assert.False((good with { ChildLevel = 9 }).IsValid);
        Assert.False((good with { ChildLevel = 21, Level = 18 }).IsValid);
        Assert.False((good with { Prefixes = [16] }).IsValid);
        Assert.False((good with { Prefixes = [] }).IsValid);
        Assert.False((good with { Sums = new ulong[15] }).IsValid);
        // A tree that is not as deep: all differ.
        Assert.Equal([0xFFFF], new MerkleQuestion(4, 8, [3], new ulong[16]).Answer(new MerkleTree(6)));

        var comparison = new MerkleComparison(new MerkleTree(6), new MerkleRoot(1, 1, 6));
        Assert.False(comparison.Answered([0]));
        Assert.NotNull(comparison.Next());
        Assert.Null(comparison.Next());
        Assert.False(comparison.Answered([0, 0]));
        Assert.True(comparison.Answered([0]));
        Assert.True(comparison.IsDone);
    }

    [Fact]
    public void A_set_of_leaves_is_read_as_it_was_written()
    {
        var random = new Random(1);
        foreach (var depth in new[] { 6, 10, 16 })
            foreach (var count in new[] { 0, 1, 40, 5000 })
            {
                var set = new LeafSet(depth);
                for (var i = 0; i < count; i++) set.Add((uint)random.Next(1 << depth));
                var bytes = set.Encode();
                Assert.True(bytes.Length <= 2 + ((1 << depth) / 8));
                var read = Assert.IsType<LeafSet>(LeafSet.DecodeOrNull(bytes));
                Assert.Equal(set.Count, read.Count);
                for (var leaf = 0u; leaf < 1 << depth; leaf++) Assert.Equal(set.Has(leaf), read.Has(leaf));
                Assert.Null(LeafSet.DecodeOrNull(bytes.AsSpan(1)));
            }

        var small = new LeafSet(6);
        small.Add(3);
        Assert.Equal("060003000000", Convert.ToHexString(small.Encode()));
        Assert.Null(LeafSet.DecodeOrNull([6, 0, 64, 0, 0, 0]));
        Assert.Null(LeafSet.DecodeOrNull([6, 1, 0]));
        Assert.Null(LeafSet.DecodeOrNull([6, 2]));
        Assert.Null(LeafSet.DecodeOrNull([21, 0]));
    }
}
