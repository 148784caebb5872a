using System.Text;
using Kvorum.Quorum;
using Kvorum.Quorum.Merkle;

namespace Kvorum.Tests.Quorum.Merkle;

/// <summary>Trees that are kept up with writes, against trees built anew.</summary>
public class MerkleTreeTests
{
    private static RecordVersion At(long ms) => new(HybridTimestamp.At(ms), new WriterId(7));

    [Theory]
    [InlineData("", "f4d0303e5a8c60a6")]
    [InlineData("a", "916b6702a728957c")]
    [InlineData("user:1000", "0016648e46d3bbb9")]
    [InlineData("sixteen bytes ok", "ddd33d9609fc6f19")]
    [InlineData("a key that is longer than thirty-two bytes", "d5501fd65c4a800e")]
    public void Golden_hashes(string key, string hash) =>
        Assert.Equal(hash, KeyHash.Of(Encoding.ASCII.GetBytes(key)).ToString("x16"));

    [Fact]
    public void Golden_sum()
    {
        var tree = new MerkleTree(6);
        tree.Replace(KeyHash.Of("user:1000"u8), RecordVersion.None, At(5));
        tree.Replace(KeyHash.Of("user:1001"u8), RecordVersion.None, At(6));
        Assert.Equal("7fb88880ddafaca193ac11772a404b6c", tree.Root.Sum.ToString("x32"));
    }

    [Fact]
    public void Hashes_spread_evenly_over_the_leaves()
    {
        var counts = new int[64];
        var key = new byte[8];
        for (var i = 0; i < 64_000; i++)
        {
            BitConverter.TryWriteBytes(key, (long)i);
            counts[KeyHash.Of(key) >> 58]++;
        }

        Assert.All(counts, count => Assert.InRange(count, 850, 1150));
    }

    [Fact]
    public void Each_byte_of_a_key_and_its_length_count()
    {
        for (var length = 1; length < 70; length++)
        {
            var key = new byte[length];
            var hashes = new HashSet<ulong> { KeyHash.Of(key), KeyHash.Of(key.AsSpan(1)) };
            for (var i = 0; i < length; i++)
            {
                key[i] = 1;
                hashes.Add(KeyHash.Of(key));
                key[i] = 0;
            }

            Assert.Equal(length + 2, hashes.Count);
        }
    }

    /// <summary>
    /// Writes in any order, at any depth, told to a tree that is being built: the same sums.
    /// </summary>
    [Fact]
    public void A_tree_kept_up_is_the_tree_built_anew()
    {
        var random = new Random(3);
        var records = new Dictionary<ulong, RecordVersion>();
        var tree = new MerkleTree(7);
        MerkleTree? deeper = null;
        KeyValuePair<ulong, RecordVersion>[] view = [];
        for (var step = 0; step < 20_000; step++)
        {
            if (step == 10_000)
            {
                deeper = new MerkleTree(9);
                view = [.. records];
            }

            var hash = (ulong)random.Next(3000) * 0x9E3779B97F4A7C15;
            var old = records.GetValueOrDefault(hash);
            var now = random.Next(4) == 0 ? RecordVersion.None : At(step + 1);
            tree.Replace(hash, old, now);
            deeper?.Replace(hash, old, now);
            if (now.IsNone) records.Remove(hash);
            else records[hash] = now;
        }

        foreach (var (hash, version) in view) deeper!.Replace(hash, RecordVersion.None, version);
        var anew = new MerkleTree(12);
        foreach (var (hash, version) in records) anew.Replace(hash, RecordVersion.None, version);
        Assert.Equal(records.Count, tree.Count);
        foreach (var other in new[] { deeper!, anew })
        {
            Assert.True(tree.Root.IsSameAs(other.Root));
            for (var level = 0; level <= 7; level++)
                for (var prefix = 0u; prefix < 1 << level; prefix++)
                    Assert.Equal(tree.Sum(level, prefix), other.Sum(level, prefix));
        }

        foreach (var (hash, version) in records) anew.Replace(hash, version, RecordVersion.None);
        Assert.Equal(default, anew.Root.Sum);
    }

    [Fact]
    public void Time_and_writer_of_a_version_count()
    {
        var roots = new HashSet<UInt128>();
        foreach (var version in new[]
        {
            At(1), At(2), new RecordVersion(HybridTimestamp.At(1, 1), new WriterId(7)),
            new RecordVersion(HybridTimestamp.At(1), new WriterId(8)),
        })
        {
            var tree = new MerkleTree(6);
            tree.Replace(5, RecordVersion.None, version);
            roots.Add(tree.Root.Sum);
        }

        Assert.Equal(4, roots.Count);
    }

    [Theory]
    [InlineData(0, 6)]
    [InlineData(1024, 6)]
    [InlineData(1025, 7)]
    [InlineData(1_000_000, 16)]
    [InlineData(1_000_000_000, 20)]
    public void Depth_follows_the_number_of_keys(long keys, int depth) =>
        Assert.Equal(depth, MerkleTree.DepthFor(keys));

    [Fact]
    public void A_tree_says_when_it_has_become_too_shallow()
    {
        var tree = new MerkleTree(6);
        for (var i = 0UL; i < 64 * 24; i++) tree.Replace(i << 50, RecordVersion.None, At(1));
        Assert.False(tree.IsTooShallow);
        tree.Replace(1, RecordVersion.None, At(1));
        Assert.True(tree.IsTooShallow);
        Assert.Equal(7, MerkleTree.DepthFor(tree.Count));
    }
}
