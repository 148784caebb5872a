using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Scans;

/// <summary>
/// Scans of whole clusters against a sorted dictionary: random puts, deletes and ends of life, then scans
/// with random bounds, directions and page sizes, each page asked of any node.
/// </summary>
public class ScanModelTests
{
    private string _keyspace = KeyspaceName.Default;

    [Theory]
    [InlineData(1, 1, 1, 4, KeyspaceName.Default)]
    [InlineData(2, 3, 1, 7, KeyspaceName.Default)]
    [InlineData(3, 3, 2, 8, KeyspaceName.Default)]
    [InlineData(4, 5, 3, 8, KeyspaceName.Default)]
    [InlineData(5, 3, 2, 5, "cache")]
    [InlineData(6, 5, 3, 8, "cache")]
    public void Scans_equal_a_sorted_dictionary(
        int seed, int nodes, int loops, int partitions, string keyspace)
    {
        _keyspace = keyspace;
        var random = new Random(seed);
        using var cluster = new TestCluster(
            nodes, options => options with { Loops = loops, PartitionCount = partitions });
        cluster.RunUntilReady();
        if (keyspace == "cache")
        {
            var replicas = Math.Min(nodes, 3);
            cluster.Demand(0, new CreateKeyspace(keyspace)
            {
                Mode = "quorum",
                Partitions = partitions,
                Replicas = replicas,
            });
            cluster.RunUntil(
                () => replicas * partitions == Enumerable.Range(0, nodes).Sum(node =>
                    cluster.Status(node).Partitions.Count(one => one.Keyspace == keyspace)),
                what: "the replicas");
        }

        var model = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (var round = 0; round < 4; round++)
        {
            for (var n = 0; n < 60; n++)
                Change(cluster, model, random);
            // What lives for a millisecond is gone when log time has moved on.
            cluster.Run(500);
            for (var n = 0; n < 12; n++)
                Compare(cluster, model, random);
        }
    }

    [Fact]
    public void A_page_ends_at_its_bounds_and_names_the_rest()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        for (var i = 0; i < 10; i++)
            cluster.Put(0, $"k{i}", new string('v', 100));
        var limited = Page(cluster, 0, new() { Key = default, Limit = 10 });
        Assert.Equal(10, limited.Entries.Count);
        Assert.True(limited.Token.IsEmpty); // Ten are all there are, and it looked.
        Assert.False(Page(cluster, 0, new() { Key = default, Limit = 9 }).Token.IsEmpty);

        const uint two = 2 * (ScanPageCodec.EntryOverhead + 2 + 100);
        Assert.Equal(2, Page(cluster, 1, new() { Key = default, PageBytes = two }).Entries.Count);
        Assert.Single(Page(cluster, 1, new() { Key = default, PageBytes = two - 1 }).Entries);
        Assert.Single(Page(cluster, 1, new() { Key = default, PageBytes = 1 }).Entries);
    }

    [Fact]
    public void A_stale_scan_is_answered_from_what_the_node_holds()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        for (var i = 0; i < 20; i++)
            cluster.Put(0, $"k{i:00}", "v");
        cluster.Run(500);
        cluster.Crash(1);
        cluster.Crash(2);
        var scan = new ScanRequest { Key = default, Consistency = ReadConsistency.Stale };
        var reply = cluster.Ask(0, scan);
        Assert.True(reply.Stale);
        Assert.Equal(20, ScanPageCodec.Decode(reply.Value).Entries.Count);
        var strong = cluster.Ask(0, scan with { Consistency = ReadConsistency.Linearizable }, 500);
        Assert.Equal(ReplyStatus.DeadlineExceeded, strong.Status);
        Assert.Contains("partition", strong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ended_keys_cost_their_part_of_the_work_and_the_scan_goes_on_behind_them()
    {
        using var cluster = new TestCluster(1, options => options with { PartitionCount = 1 });
        cluster.RunUntilReady();
        // More than one share looks at, ended by the log time of the last put and mostly not removed yet.
        const int ended = Kvorum.Node.Limits.ScannedRecordsMax + 5000;
        for (var i = 0; i < ended; i++)
        {
            cluster.Submit(0,
                new PutRequest { Key = TestCluster.Bytes($"a{i:000000}"), Value = default, TtlMs = 1000 });
            if (i % 10_000 == 0)
                cluster.Run(20);
        }

        cluster.Run(20);
        cluster.Clock.Ms += 2000;
        var last = cluster.Submit(0, new PutRequest { Key = TestCluster.Bytes("b"), Value = default });
        cluster.RunUntil(() => last.Reply is not null);
        var scan = new ScanRequest { Key = default };
        var page = Page(cluster, 0, scan);
        Assert.Empty(page.Entries);
        Assert.False(page.Token.IsEmpty);
        var next = Page(cluster, 0, scan with { Token = page.Token });
        Assert.Equal("b", Assert.Single(next.Entries).Key.Text());
    }

    [Fact]
    public void What_makes_no_sense_is_refused()
    {
        using var cluster = new TestCluster(1, options => options with { KeyBytesMax = 10 });
        cluster.RunUntilReady();
        Assert.Equal(ReplyStatus.UnknownKeyspace,
            cluster.Ask(0, new ScanRequest { Key = default, Keyspace = "x" }).Status);
        Refused(new() { Key = TestCluster.Bytes("b"), End = TestCluster.Bytes("a") }, "reversed");
        Refused(new() { Key = new byte[12] }, "range bound length 12 exceeds maximum of 11 bytes");
        Refused(new() { Key = default, End = new byte[12] }, "range bound length 12");
        Refused(new() { Key = default, PageBytes = Limits.ScanPageBytesMax + 1 },
            "page size 1048577 exceeds maximum");
        Refused(new() { Key = default, Token = new byte[3] }, "damaged");
        Refused(new() { Key = default, Token = new byte[21] }, "token length 21 exceeds maximum of 20 bytes");
        var token = ScanToken.Make(new() { Key = TestCluster.Bytes("a") }, "b"u8);
        Refused(new() { Key = default, Token = token }, "another scan");

        Accepted(new() { Key = new byte[11], Token = default });
        Accepted(new() { Key = default, PageBytes = Limits.ScanPageBytesMax });
        Accepted(new() { Key = TestCluster.Bytes("a"), End = TestCluster.Bytes("a") });
        Accepted(new() { Key = TestCluster.Bytes("a"), Token = token });

        void Refused(ScanRequest scan, string why)
        {
            var reply = cluster.Ask(0, scan);
            Assert.Equal(ReplyStatus.InvalidArgument, reply.Status);
            Assert.Contains(why, reply.Message, StringComparison.Ordinal);
        }

        void Accepted(ScanRequest scan) => Assert.Equal(ReplyStatus.Ok, cluster.Ask(0, scan).Status);
    }

    [Fact]
    public void More_scans_than_are_put_together_at_once_wait_their_turn()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Put(0, "a", "b");
        var calls = Enumerable.Range(0, Kvorum.Node.Limits.ScanPagesPerLoop
            + Kvorum.Node.Limits.ScanPagesWaiting + 5)
            .Select(_ => cluster.Submit(0, new ScanRequest { Key = default })).ToArray();
        cluster.RunUntil(() => calls.All(call => call.Reply is not null));
        Assert.Equal(5, calls.Count(call => call.Reply!.Status == ReplyStatus.Overloaded));
        Assert.All(
            calls.Where(call => call.Reply!.Status != ReplyStatus.Overloaded),
            call => Assert.Single(ScanPageCodec.Decode(call.Reply!.Value).Entries));
    }

    private static ScanPage Page(TestCluster cluster, int node, ScanRequest scan)
    {
        var reply = cluster.Ask(node, scan);
        Assert.Equal(ReplyStatus.Ok, reply.Status);
        return ScanPageCodec.Decode(reply.Value);
    }

    private void Change(TestCluster cluster, SortedDictionary<string, string> model, Random random)
    {
        var (node, key) = (random.Next(cluster.Count), RandomKey(random));
        if (key.Length == 0)
            return;
        var value = new string((char)random.Next('a', 'z'), random.Next(200));
        Request request = random.Next(4) switch
        {
            0 => new DeleteRequest { Key = TestCluster.Bytes(key) },
            1 => new PutRequest { Key = TestCluster.Bytes(key), Value = TestCluster.Bytes(value), TtlMs = 1 },
            2 => new PutRequest
            {
                Key = TestCluster.Bytes(key),
                Value = TestCluster.Bytes(value),
                TtlMs = 3_600_000
            },
            _ => new PutRequest { Key = TestCluster.Bytes(key), Value = TestCluster.Bytes(value) },
        };
        Assert.Equal(ReplyStatus.Ok, cluster.Ask(node, request with { Keyspace = _keyspace }).Status);
        if (request is PutRequest { TtlMs: not 1 })
            model[key] = value;
        else
            model.Remove(key);
    }

    private void Compare(TestCluster cluster, SortedDictionary<string, string> model, Random random)
    {
        var (from, end) = (RandomKey(random), random.Next(2) == 0 ? "" : RandomKey(random));
        if (end.Length > 0 && string.CompareOrdinal(from, end) > 0)
            (from, end) = (end, from);
        var scan = new ScanRequest
        {
            Keyspace = _keyspace,
            Key = TestCluster.Bytes(from),
            End = TestCluster.Bytes(end),
            Reverse = random.Next(2) == 0,
            KeysOnly = random.Next(3) == 0,
            Limit = (uint)(random.Next(2) == 0 ? 0 : random.Next(1, 20)),
            PageBytes = (uint)(random.Next(3) == 0 ? 0 : random.Next(1, 2000)),
        };
        var expected = model.Where(pair => string.CompareOrdinal(pair.Key, from) >= 0
            && (end.Length == 0 || string.CompareOrdinal(pair.Key, end) < 0))
            .Select(pair => (pair.Key, scan.KeysOnly ? "" : pair.Value));
        Assert.Equal(scan.Reverse ? expected.Reverse() : expected, All(cluster, scan, random));
    }

    private static List<(string Key, string Value)> All(TestCluster cluster, ScanRequest scan, Random random)
    {
        var all = new List<(string Key, string Value)>();
        while (true)
        {
            var page = Page(cluster, random.Next(cluster.Count), scan);
            Assert.True(scan.Limit == 0 || page.Entries.Count <= scan.Limit);
            Assert.True(page.Entries.Count <= 1 || scan.PageBytes == 0
                || page.Entries.Sum(Size) <= scan.PageBytes);
            all.AddRange(page.Entries.Select(entry => (entry.Key.Text(), entry.Value.Text())));
            if (page.Token.IsEmpty)
                return all;
            scan = scan with { Token = page.Token };
        }
    }

    private static int Size(ScanEntry entry) =>
        ScanPageCodec.EntryOverhead + entry.Key.Length + entry.Value.Length;

    // Few letters and many lengths: keys are prefixes of others.
    private static string RandomKey(Random random) =>
        new(random.GetItems("\0ab\u007f".AsSpan(), random.Next(6)));
}
