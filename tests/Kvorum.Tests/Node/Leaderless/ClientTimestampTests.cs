using Kvorum.Node.Administration;
using Kvorum.Node.Leaderless;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Leaderless;

/// <summary>Versions that clients give: times of their own, and those that were tried.</summary>
public class ClientTimestampTests
{
    private const string Cache = QuorumSteps.Cache;

    private static readonly PutRequest Put = new()
    {
        Keyspace = Cache,
        Key = TestCluster.Bytes("k"),
        Value = TestCluster.Bytes("v"),
    };

    [Fact]
    public void The_later_time_wins_whichever_write_comes_last()
    {
        using var cluster = WithCache(allows: true);
        var now = NowOf(cluster);
        var late = cluster.Ask(0, Put with { Value = TestCluster.Bytes("late"), Timestamp = now + 5 });
        Assert.Equal((ReplyStatus.Ok, now + 5), (late.Status, late.Version));
        var early = cluster.Ask(1, Put with { Value = TestCluster.Bytes("early"), Timestamp = now });
        Assert.Equal((ReplyStatus.Ok, now), (early.Status, early.Version));
        Assert.Equal("late", cluster.GetQuorum(2, "k"));
        var gone = new DeleteRequest { Keyspace = Cache, Key = Put.Key, Timestamp = now + 6 };
        Assert.Equal(now + 6, cluster.Ask(2, gone).Version);
        Assert.Null(cluster.GetQuorum(0, "k"));
        // The nodes' own clocks follow.
        Assert.True(cluster.Ask(1, Put).Version > now + 6);
    }

    /// <summary>Through another node, and again: it is the same write, and changes nothing.</summary>
    [Fact]
    public void The_same_write_has_the_same_version_through_any_node()
    {
        using var cluster = WithCache(allows: true);
        var mine = Put with { Timestamp = NowOf(cluster), ClientId = "me", RequestId = 1 };
        var first = cluster.Ask(0, mine);
        var again = cluster.Ask(1, mine);
        Assert.Equal((first.Version, first.Writer, true), (again.Version, again.Writer, again.Replayed));
        var other = cluster.Ask(2, mine with { ClientId = "" });
        Assert.Equal((first.Version, first.Writer), (other.Version, other.Writer));
        var lives = cluster.Ask(2, mine with { ClientId = "", TtlMs = 5000 });
        Assert.Equal(first.Version, lives.Version);
        Assert.NotEqual(first.Writer, lives.Writer);
        // Ids that are used again for something else make another write of it.
        var misused = cluster.Ask(1, mine with { Value = TestCluster.Bytes("else") });
        Assert.Equal(first.Version, misused.Version);
        Assert.NotEqual(first.Writer, misused.Writer);
        Assert.False(misused.Replayed);
    }

    [Fact]
    public void Of_two_values_of_one_time_the_same_wins_on_all_replicas()
    {
        using var cluster = WithCache(allows: true);
        var time = NowOf(cluster);
        string[] values = ["a", "b", "c"];
        foreach (var (node, value) in values.Index())
            cluster.Ask(node, Put with { Value = TestCluster.Bytes(value), Timestamp = time });
        foreach (var (node, value) in values.Reverse().Index())
        {
            var put = Put with { Key = TestCluster.Bytes("k2"), Value = TestCluster.Bytes(value) };
            cluster.Ask(node, put with { Timestamp = time });
        }

        cluster.Run(500);
        Assert.Equal(cluster.GetQuorum(0, "k"), cluster.GetQuorum(1, "k2"));
        Assert.Equal(cluster.Content(0), cluster.Content(1));
        Assert.Equal(cluster.Content(0), cluster.Content(2));
    }

    [Fact]
    public void A_time_that_cannot_be_is_refused_with_words_and_sets_no_clock()
    {
        using var cluster = WithCache(allows: true);
        var now = NowOf(cluster);
        Refused(Put with { Timestamp = now + (6000ul << 16) }, "may not be so far ahead");
        Refused(Put with { Timestamp = ulong.MaxValue }, "may not be so far ahead");
        // Behind --tombstone-min, which is five seconds here.
        Refused(Put with { Timestamp = now - (20_000ul << 16) }, "may be forgotten by now");
        Refused(Put with { Timestamp = 1 }, "may be forgotten by now");
        Refused(
            Put with { Timestamp = now, ClientId = "me", RequestId = 1, Tried = new(now, 1) },
            "give a timestamp, or the version that was tried");
        Refused(Put with { Keyspace = KeyspaceName.Default, Timestamp = now }, "is of mode strong");
        Assert.Null(cluster.GetQuorum(0, "k"));
        Assert.True(cluster.Ask(0, Put).Version < now + (5000ul << 16));

        void Refused(PutRequest put, string why) => IsRefused(cluster, put, why);
    }

    [Fact]
    public void Only_where_the_keyspace_allows_it_which_can_be_changed()
    {
        using var cluster = WithCache(allows: false);
        var timed = Put with { Timestamp = NowOf(cluster) };
        IsRefused(cluster, timed, "keyspace 'cache' takes no timestamps of clients");
        cluster.Demand(1, new AlterKeyspace(Cache) { ClientTimestamps = true });
        cluster.RunUntil(() => Enumerable.Range(0, 3).All(Knows), what: "the change");
        timed = Put with { Timestamp = NowOf(cluster) };
        Assert.Equal(timed.Timestamp, cluster.Ask(2, timed).Version);
        Assert.True(cluster.Administer(2, new ExplainKeyspace(Cache)).Promise!.ClientTimestamps);
        var report = cluster.Administer(0, new ShowCluster()).Cluster!.Keyspaces;
        Assert.Equal([null, true], report.Select(static one => one.ClientTimestamps));
        var same = cluster.Administer(0, new AlterKeyspace(Cache) { ClientTimestamps = true });
        Assert.Contains("that was so before", same.Message, StringComparison.Ordinal);
        cluster.Demand(0, new AlterKeyspace(Cache) { ClientTimestamps = false });
        cluster.RunUntil(() => !Enumerable.Range(0, 3).Any(Knows), what: "the change back");
        IsRefused(cluster, timed, "takes no timestamps of clients");

        bool Knows(int node) =>
            cluster.Administer(node, new ExplainKeyspace(Cache)).Promise!.ClientTimestamps;
    }

    [Fact]
    public void What_cannot_be_altered_says_why()
    {
        using var cluster = WithCache(allows: false);
        (AdminChange, string)[] wrong =
        [
            (new AlterKeyspace(Cache), "nothing is to change"),
            (new AlterKeyspace(Cache, 2) { ClientTimestamps = true }, "one change at a time"),
            (new AlterKeyspace(KeyspaceName.Default) { ClientTimestamps = true }, "is of mode strong"),
            (new CreateKeyspace("strong") { ClientTimestamps = true }, "are for keyspaces of mode quorum"),
        ];
        foreach (var (change, why) in wrong)
        {
            var reply = cluster.Administer(0, change);
            Assert.Equal(ReplyStatus.InvalidArgument, reply.Status);
            Assert.Contains(why, reply.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_version_that_no_member_gave_is_not_taken_as_tried()
    {
        using var cluster = WithCache(allows: false);
        var known = cluster.Ask(1, Put);
        var mine = Put with { ClientId = "me", RequestId = 1 };
        var made = mine with { Tried = new(known.Version + 1, known.Writer + 1) };
        var reply = cluster.Ask(0, made);
        Assert.Equal((ReplyStatus.OutcomeUnknown, 0ul), (reply.Status, reply.Version));
        Assert.Contains("no member that this node knows gave", reply.Message, StringComparison.Ordinal);
        var tooFar = cluster.Ask(
            0, mine with { Tried = new(NowOf(cluster) + (6000ul << 16), known.Writer) });
        Assert.Equal(ReplyStatus.Unavailable, tooFar.Status);
        // Each member's are taken by each other one.
        for (var node = 0; node < 3; node++)
        {
            var tried = new WriteVersion(known.Version + 1, cluster.Ask(node, Put).Writer);
            for (var through = 0; through < 3; through++)
            {
                var again = cluster.Ask(
                    through, mine with { Tried = tried, RequestId = (ulong)(10 + (node * 3) + through) });
                Assert.Equal(
                    (ReplyStatus.Ok, tried), (again.Status, new WriteVersion(again.Version, again.Writer)));
            }
        }
    }

    /// <summary>
    /// Should a client make two writes of one version, replicas that have seen both have the same all the
    /// same, in whichever order they came, and however often.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Different_records_of_one_version_end_alike_on_all_replicas(int seed)
    {
        using var cluster = WithCache(allows: false);
        var random = new Random(seed);
        var version = new RecordVersion(new(NowOf(cluster)), new(7));
        StoredRecord[] records =
        [
            new(version, IsDeleted: false, 0, TestCluster.Bytes("a")),
            new(version, IsDeleted: false, 0, TestCluster.Bytes("b")),
            new(version, IsDeleted: false, (ulong)version.Time.UnixMs + 60_000, TestCluster.Bytes("a")),
            .. seed == 3 ? [new(version, IsDeleted: true, 0, default)] : Array.Empty<StoredRecord>(),
        ];
        for (var node = 0; node < 3; node++)
        {
            var twice = records.Concat(records).ToArray();
            random.Shuffle(twice);
            foreach (var record in twice)
            {
                cluster.Quorums(node)[0].Take(
                    default, StoreCommand.Encode("", 0, Put.Key.Span, record), RecordSource.Repair);
            }
        }

        cluster.Run(100);
        Assert.Single(cluster.Content(0), static line => line.StartsWith("k=", StringComparison.Ordinal));
        Assert.Equal(cluster.Content(0), cluster.Content(1));
        Assert.Equal(cluster.Content(0), cluster.Content(2));
        Assert.Equal(seed == 3 ? null : "a", cluster.GetQuorum(seed % 3, "k"));
    }

    /// <summary>The merge of two records: the order in which they come does not matter.</summary>
    [Fact]
    public void The_merge_of_records_is_commutative_associative_and_idempotent()
    {
        var random = new Random(7);
        for (var n = 0; n < 20_000; n++)
        {
            var (a, b, c) = (Draw(), Draw(), Draw());
            Assert.Equal(Text(Merge(a, b)), Text(Merge(b, a)));
            Assert.Equal(Text(Merge(Merge(a, b), c)), Text(Merge(a, Merge(b, c))));
            Assert.Equal(Text(a), Text(Merge(a, a)));
            Assert.Equal(Text(Merge(a, b)), Text(Merge(Merge(a, b), b)));
        }

        StoredRecord Draw()
        {
            var value = new byte[random.Next(3)];
            random.NextBytes(value);
            return new(
                new(new((ulong)random.Next(1, 3)), new((ulong)random.Next(1, 3))), random.Next(3) == 0,
                (ulong)random.Next(3), value);
        }
    }

    private static StoredRecord Merge(in StoredRecord here, in StoredRecord comes) =>
        StoredRecord.Wins(comes, here) ? comes : here;

    private static string Text(in StoredRecord record) =>
        $"{record.Version} {record.IsDeleted} {record.ExpiresMs} {Convert.ToHexString(record.Value.Span)}";

    private static void IsRefused(TestCluster cluster, PutRequest put, string why)
    {
        var reply = cluster.Ask(0, put);
        Assert.True(reply.Status == ReplyStatus.InvalidArgument, $"{reply.Status}: {reply.Message}");
        Assert.Contains(why, reply.Message, StringComparison.Ordinal);
    }

    // What a node would give now.
    private static ulong NowOf(TestCluster cluster) =>
        cluster.Ask(0, Put with { Key = TestCluster.Bytes("clock") }).Version;

    private static TestCluster WithCache(bool allows)
    {
        var cluster = QuorumSteps.WithCache(
            new(Cache) { Partitions = 1, Replicas = 3, ClientTimestamps = allows });
        cluster.RunUntil(
            () => Enumerable.Range(0, 3).All(node => cluster[node].Map.Keyspaces.Count == 2),
            what: "the keyspace");
        cluster.Run(10_000);
        return cluster;
    }
}
