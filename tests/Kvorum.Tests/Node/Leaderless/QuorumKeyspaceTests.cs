using System.Text;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Leaderless;

/// <summary>A quorum keyspace on a cluster of simulated nodes.</summary>
public class QuorumKeyspaceTests
{
    private const string Cache = "cache";

    [Fact]
    public void Any_node_writes_and_reads_and_the_last_write_wins()
    {
        using var cluster = WithCache(3);
        for (var n = 0; n < 30; n++)
            Assert.Equal(ReplyStatus.Ok, Put(cluster, n % 3, $"key-{n % 10}", $"value-{n}").Status);
        for (var n = 20; n < 30; n++)
        {
            for (var node = 0; node < 3; node++)
                Assert.Equal($"value-{n}", Get(cluster, node, $"key-{n % 10}"));
        }

        Assert.Equal(ReplyStatus.Ok, Delete(cluster, 1, "key-3").Status);
        Assert.Null(Get(cluster, 2, "key-3"));
        Assert.Null(Get(cluster, 0, "never"));
    }

    [Fact]
    public void Versions_grow_and_are_told()
    {
        using var cluster = WithCache(3);
        var first = Put(cluster, 0, "k", "1");
        var second = Put(cluster, 1, "k", "2");
        Assert.True(second.Version > first.Version);
        Assert.Equal(second.Version, cluster.Ask(2, Read("k")).Version);
    }

    [Fact]
    public void With_one_node_away_writes_and_reads_go_on_and_it_is_repaired_by_reads()
    {
        using var cluster = WithCache(3);
        Put(cluster, 0, "k", "old");
        cluster.Crash(2);
        Assert.Equal(ReplyStatus.Ok, Put(cluster, 0, "k", "new").Status);
        Assert.Equal("new", Get(cluster, 1, "k"));
        cluster.Start(2);
        cluster.RunUntilReady();
        Assert.Equal("new", Get(cluster, 2, "k"));
        cluster.Run(2000);
        var stale = cluster.Ask(2, Read("k") with { Consistency = ReadConsistency.Stale });
        Assert.True(stale.Stale);
        Assert.Equal("new", Encoding.UTF8.GetString(stale.Value.Span));
    }

    [Fact]
    public void With_two_of_three_away_nothing_is_acknowledged_and_nothing_is_said_to_be_there()
    {
        using var cluster = WithCache(3);
        Put(cluster, 0, "k", "old");
        cluster.Crash(1);
        cluster.Crash(2);
        cluster.Run(3000);
        var put = Put(cluster, 0, "k", "new");
        Assert.Equal(ReplyStatus.Unavailable, put.Status);
        Assert.Contains("2 of 3 replicas must have the write", put.Message, StringComparison.Ordinal);
        Assert.Contains("Nothing was written", put.Message, StringComparison.Ordinal);
        var get = cluster.Ask(0, Read("k"));
        Assert.Equal(ReplyStatus.Unavailable, get.Status);
        Assert.Contains("2 of 3 replicas must answer", get.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_acknowledged_outlives_a_power_cut_of_all()
    {
        using var cluster = WithCache(3);
        for (var n = 0; n < 50; n++)
            Put(cluster, n % 3, $"key-{n}", $"value-{n}");
        var newest = Put(cluster, 0, "last", "1").Version;
        for (var node = 0; node < 3; node++)
            cluster.Crash(node, seed: 7 + node);
        for (var node = 0; node < 3; node++)
            cluster.Start(node);
        cluster.RunUntilReady();
        for (var n = 0; n < 50; n++)
            Assert.Equal($"value-{n}", Get(cluster, (n + 1) % 3, $"key-{n}"));
        Assert.True(Put(cluster, 1, "last", "2").Version > newest);
    }

    [Fact]
    public void A_repeated_request_changes_nothing_through_whatever_node()
    {
        using var cluster = WithCache(3);
        var put = new PutRequest
        {
            Keyspace = Cache,
            Key = TestCluster.Bytes("k"),
            Value = TestCluster.Bytes("mine"),
            ClientId = "client",
            RequestId = 7,
        };
        var first = cluster.Ask(0, put);
        Assert.False(first.Replayed);
        Put(cluster, 1, "k", "theirs");
        var again = cluster.Ask(2, put);
        Assert.Equal(ReplyStatus.Ok, again.Status);
        Assert.True(again.Replayed);
        Assert.Equal(first.Version, again.Version);
        Assert.Equal("theirs", Get(cluster, 0, "k"));
    }

    [Fact]
    public void The_previous_value_is_told_where_it_is_wanted()
    {
        using var cluster = WithCache(3);
        var put = new PutRequest
        {
            Keyspace = Cache,
            Key = TestCluster.Bytes("k"),
            Value = TestCluster.Bytes("1"),
            ReturnPrevious = true,
        };
        Assert.False(cluster.Ask(0, put).Found);
        var second = cluster.Ask(1, put with { Value = TestCluster.Bytes("2") });
        Assert.True(second.Found);
        Assert.Equal("1", Encoding.UTF8.GetString(second.Value.Span));
    }

    [Fact]
    public void A_key_ends_with_its_time_to_live()
    {
        using var cluster = WithCache(3);
        var put = new PutRequest
        {
            Keyspace = Cache,
            Key = TestCluster.Bytes("k"),
            Value = TestCluster.Bytes("v"),
            TtlMs = 2000,
        };
        cluster.Ask(0, put);
        Assert.Equal("v", Get(cluster, 1, "k"));
        cluster.Run(5000);
        Assert.Null(Get(cluster, 2, "k"));
    }

    [Fact]
    public void A_condition_is_refused_with_words()
    {
        using var cluster = WithCache(3);
        var put = new PutRequest
        {
            Keyspace = Cache,
            Key = TestCluster.Bytes("k"),
            Value = TestCluster.Bytes("v"),
            IfVersion = 0,
        };
        var refused = cluster.Ask(0, put);
        Assert.Equal(ReplyStatus.InvalidArgument, refused.Status);
        Assert.Contains("Use a keyspace of mode strong", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_dropped_keyspace_goes_from_the_disks()
    {
        using var cluster = WithCache(3);
        Put(cluster, 0, "k", "v");
        cluster.Demand(0, new DropKeyspace(Cache));
        cluster.RunUntil(
            () => Enumerable.Range(0, 3).All(node =>
                cluster.Status(node).Partitions.All(static one => one.Keyspace != Cache)),
            60_000, "no replica of it");
    }

    private static TestCluster WithCache(int nodes)
    {
        var cluster = new TestCluster(nodes);
        cluster.RunUntilReady();
        cluster.Demand(0, new CreateKeyspace(Cache) { Mode = "quorum", Partitions = 4, Replicas = 3 });
        cluster.RunUntil(
            () => Enumerable.Range(0, nodes).All(node =>
                cluster.Status(node).Partitions.Count(static one => one.Keyspace == Cache) == 4),
            what: "the replicas");
        return cluster;
    }

    private static GetRequest Read(string key) =>
        new() { Keyspace = Cache, Key = TestCluster.Bytes(key) };

    private static Reply Put(TestCluster cluster, int node, string key, string value) =>
        cluster.Ask(node, new PutRequest
        {
            Keyspace = Cache,
            Key = TestCluster.Bytes(key),
            Value = TestCluster.Bytes(value),
        });

    private static Reply Delete(TestCluster cluster, int node, string key) =>
        cluster.Ask(node, new DeleteRequest { Keyspace = Cache, Key = TestCluster.Bytes(key) });

    private static string? Get(TestCluster cluster, int node, string key)
    {
        var reply = cluster.Ask(node, Read(key));
        Assert.Equal(ReplyStatus.Ok, reply.Status);
        return reply.Found ? Encoding.UTF8.GetString(reply.Value.Span) : null;
    }
}
