using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

public class StrongKeyspaceTests
{
    [Fact]
    public void A_single_node_serves()
    {
        using var cluster = new TestCluster(1);
        cluster.RunUntilReady();
        var put = cluster.Put(0, "hello", "world");
        Assert.Equal(ReplyStatus.Ok, put.Status);
        Assert.True(put.Version > 0);
        Assert.Equal("world", cluster.Get(0, "hello"));
        Assert.Null(cluster.Get(0, "absent"));
        Assert.Equal(ReplyStatus.Ok, cluster.Ask(0, new DeleteRequest { Key = TestCluster.Bytes("hello") }).Status);
        Assert.Null(cluster.Get(0, "hello"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Every_node_takes_every_request(int loops)
    {
        using var cluster = new TestCluster(3, options => options with { Loops = loops });
        cluster.RunUntilReady();
        for (var i = 0; i < 30; i++)
            Assert.Equal(ReplyStatus.Ok, cluster.Put(i % 3, $"user:{i}", $"value {i}").Status);
        for (var i = 0; i < 30; i++)
        {
            for (var node = 0; node < 3; node++)
                Assert.Equal($"value {i}", cluster.Get(node, $"user:{i}"));
        }
    }

    [Fact]
    public void Leaders_are_spread_over_the_nodes()
    {
        using var cluster = new TestCluster(3, options => options with { PartitionCount = 12 });
        cluster.RunUntilReady();
        cluster.Run(5000);
        for (var node = 0; node < 3; node++)
            Assert.Equal(4, cluster.Status(node).Partitions.Count(p => p is { Keyspace: KeyspaceName.Default, Role: "leader" }));
    }

    [Fact]
    public void The_same_request_has_one_effect()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        var first = cluster.Put(0, "k", "value1", "my_client", 999);
        cluster.Put(1, "k", "other", "other_client", 1);
        for (var node = 0; node < 3; node++)
        {
            var again = cluster.Put(node, "k", "value1", "my_client", 999);
            Assert.Equal((ReplyStatus.Ok, first.Version, true), (again.Status, again.Version, again.Replayed));
        }

        Assert.Equal("other", cluster.Get(2, "k"));
        Assert.False(cluster.Put(2, "k", "value2", "my_client", 1000).Replayed);
        Assert.Equal("value2", cluster.Get(0, "k"));
    }

    [Fact]
    public void Concurrent_twins_get_the_same_answer()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        var calls = Enumerable.Range(0, 6).Select(i => cluster.Submit(i % 3, new PutRequest
        {
            Key = TestCluster.Bytes("twin"),
            Value = TestCluster.Bytes("v"),
            ClientId = "c",
            RequestId = 7,
            ReturnPrevious = true,
        })).ToArray();
        cluster.RunUntil(() => calls.All(call => call.Reply is not null));
        Assert.All(calls, call => Assert.Equal((ReplyStatus.Ok, calls[0].Reply!.Version, false), (call.Reply!.Status, call.Reply.Version, call.Reply.Found)));
        Assert.Equal(1, calls.Count(call => !call.Reply!.Replayed));
    }

    [Fact]
    public void Conditions_compare_versions()
    {
        using var cluster = new TestCluster(1);
        cluster.RunUntilReady();
        PutRequest Put(string value, ulong? ifVersion) => new()
        {
            Key = TestCluster.Bytes("k"),
            Value = TestCluster.Bytes(value),
            IfVersion = ifVersion,
            ReturnPrevious = true,
        };
        var created = cluster.Ask(0, Put("1", 0));
        Assert.Equal((ReplyStatus.Ok, false), (created.Status, created.Found));
        var refused = cluster.Ask(0, Put("2", 0));
        Assert.Equal((ReplyStatus.ConditionFailed, created.Version), (refused.Status, refused.Version));
        var changed = cluster.Ask(0, Put("2", created.Version));
        Assert.Equal((ReplyStatus.Ok, true, "1"), (changed.Status, changed.Found, System.Text.Encoding.UTF8.GetString(changed.Value.Span)));
        Assert.Equal(ReplyStatus.ConditionFailed, cluster.Ask(0, new DeleteRequest { Key = TestCluster.Bytes("k"), IfVersion = created.Version }).Status);
        Assert.Equal("2", cluster.Get(0, "k"));
    }

    [Fact]
    public void A_key_with_a_life_span_ends_on_all_replicas_and_stays_ended()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Ask(0, new PutRequest { Key = TestCluster.Bytes("brief"), Value = TestCluster.Bytes("v"), TtlMs = 1000 });
        Assert.Equal("v", cluster.Get(1, "brief"));
        cluster.Run(900);
        Assert.Equal("v", cluster.Get(1, "brief"));
        cluster.Run(400);
        Assert.Null(cluster.Get(1, "brief"));
        cluster.Run(200);
        for (var node = 0; node < 3; node++)
            Assert.Equal(0, cluster.Status(node).Partitions.Where(p => p.Keyspace == KeyspaceName.Default).Sum(p => p.Keys));
    }

    [Fact]
    public void What_is_wrong_with_a_request_is_said()
    {
        using var cluster = new TestCluster(1, options => options with { KeyBytesMax = 10, ValueBytesMax = 20 });
        cluster.RunUntilReady();
        Assert.Equal("key cannot be empty", cluster.Put(0, "", "v").Message);
        Assert.Equal(ReplyStatus.Ok, cluster.Put(0, new string('k', 10), new string('v', 20)).Status);
        Assert.Equal("key length 11 exceeds maximum of 10 bytes", cluster.Put(0, new string('k', 11), "v").Message);
        Assert.Equal("value length 21 exceeds maximum of 20 bytes", cluster.Put(0, "k", new string('v', 21)).Message);
        var unknown = cluster.Ask(0, new GetRequest { Key = TestCluster.Bytes("k"), Keyspace = "nope" });
        Assert.Equal((ReplyStatus.UnknownKeyspace, "no keyspace 'nope': there is 'default'"), (unknown.Status, unknown.Message));
    }

    /// <summary>
    /// The bound is the node's setting, not the keyspace's for ever: what is stored stays readable.
    /// </summary>
    [Fact]
    public void A_value_beyond_a_new_bound_stays_readable()
    {
        var bound = 20;
        using var cluster = new TestCluster(1, options => options with { ValueBytesMax = bound });
        cluster.RunUntilReady();
        var large = new string('v', 20);
        Assert.Equal(ReplyStatus.Ok, cluster.Put(0, "k", large).Status);
        cluster.Crash(0);
        bound = 10;
        cluster.Start(0);
        cluster.RunUntilReady();
        Assert.Equal(large, cluster.Get(0, "k"));
        var over = cluster.Put(0, "k", new string('v', 11));
        Assert.Equal("value length 11 exceeds maximum of 10 bytes", over.Message);
        Assert.Equal(10, cluster[0].Map.Keyspaces[0].ValueBytesMax);
        cluster.Crash(0);
        bound = 30;
        cluster.Start(0);
        cluster.RunUntilReady();
        Assert.Equal(ReplyStatus.Ok, cluster.Put(0, "k", new string('v', 30)).Status);
    }

    [Theory]
    [InlineData("user/1-a_b.c", true)]
    [InlineData("ключ", true)]
    [InlineData("user:1", false)]
    [InlineData("with space", false)]
    public void The_strict_key_policy_allows_letters_digits_and_four_signs(string key, bool allowed)
    {
        using var cluster = new TestCluster(1, options => options with { KeyPolicy = "strict" });
        cluster.RunUntilReady();
        Assert.Equal(allowed ? ReplyStatus.Ok : ReplyStatus.InvalidArgument, cluster.Put(0, key, "v").Status);
    }

    [Fact]
    public void A_node_that_does_not_lead_names_the_leader_when_asked_not_to_forward()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        var leader = cluster.LeaderOf("k");
        var reply = cluster.Ask((leader + 1) % 3, new PutRequest { Key = TestCluster.Bytes("k"), Value = default, NoRedirect = true });
        Assert.Equal((ReplyStatus.NotLeader, $"127.0.0.1:{50051 + leader}"), (reply.Status, reply.Leader));
    }

    [Fact]
    public void Stale_reads_are_served_by_the_node_asked_and_labelled()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Put(0, "k", "v");
        cluster.Run(500);
        for (var node = 0; node < 3; node++)
        {
            var reply = cluster.Ask(node, new GetRequest { Key = TestCluster.Bytes("k"), Consistency = ReadConsistency.Stale });
            Assert.Equal((true, true), (reply.Stale, reply.Found));
        }
    }

    [Fact]
    public void Lease_reads_are_answered()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Put(0, "k", "v");
        var reply = cluster.Ask(0, new GetRequest { Key = TestCluster.Bytes("k"), Consistency = ReadConsistency.Lease });
        Assert.Equal((ReplyStatus.Ok, true, false), (reply.Status, reply.Found, reply.Stale));
    }

    [Fact]
    public void Without_a_majority_the_caller_is_told_why()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Crash(1);
        cluster.Crash(2);
        cluster.Run(4000);
        var reply = cluster.Ask(0, new PutRequest { Key = TestCluster.Bytes("k"), Value = default }, 500);
        Assert.Equal(ReplyStatus.DeadlineExceeded, reply.Status);
        Assert.Contains("1 of 3 nodes up, need 2", reply.Message, StringComparison.Ordinal);
        Assert.Contains("1 of 3 nodes up, need 2", cluster.Status(0).NotReadyReason, StringComparison.Ordinal);
    }
}
