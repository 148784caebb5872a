using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;
using Kvorum.Tests.Protocol;

namespace Kvorum.Tests.Node;

/// <summary>Every kind of request on its whole way: by the leader, by another node, at a full disk.</summary>
public class EveryRequestTests
{
    [Fact]
    public void Every_node_serves_every_kind()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        for (var node = 0; node < 3; node++)
        {
            foreach (var request in EveryRequest.About("k"))
            {
                cluster.Put(node, "k", "before");
                var before = cluster.Status(node);
                var reply = cluster.Ask(node, request);
                Assert.Equal((request.Kind, ReplyStatus.Ok, ""), (request.Kind, reply.Status, reply.Message));
                var after = cluster.Status(node);
                Assert.Equal(
                    (request.Kind, request.IsWrite ? 0L : 1, request.IsWrite ? 1L : 0),
                    (request.Kind, after.Reads - before.Reads, after.Writes - before.Writes));
                Assert.Null(cluster.FatalOf(node));
            }
        }
    }

    [Fact]
    public void Every_field_of_every_kind_is_looked_at()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        foreach (var request in EveryRequest.Full)
        {
            var unknown = cluster.Ask(0, request);
            Assert.Equal((request.Kind, ReplyStatus.UnknownKeyspace), (request.Kind, unknown.Status));
            var reply = cluster.Ask(0, request with { Keyspace = KeyspaceName.Default });
            Assert.NotEqual(ReplyStatus.Internal, reply.Status);
            Assert.Null(cluster.FatalOf(0));
        }
    }

    [Fact]
    public void A_key_that_breaks_the_rules_is_refused_in_every_kind()
    {
        using var cluster = new TestCluster(1);
        cluster.RunUntilReady();
        // A bound of a range may be one byte longer than a key.
        foreach (var request in EveryRequest.About(new string('k', Limits.KeyBytesMax + 2)))
        {
            Assert.Equal(
                (request.Kind, ReplyStatus.InvalidArgument), (request.Kind, cluster.Ask(0, request).Status));
        }
    }

    [Fact]
    public void A_read_that_ran_out_of_time_does_not_speak_of_writes()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        var leader = cluster.LeaderOf("k");
        for (var other = 0; other < 3; other++)
        {
            if (other != leader)
                cluster.Crash(other);
        }

        foreach (var request in EveryRequest.About("k"))
        {
            var reply = cluster.Ask(leader, request, 500);
            Assert.Equal((request.Kind, ReplyStatus.DeadlineExceeded), (request.Kind, reply.Status));
            Assert.True(request.IsWrite || !reply.Message.Contains("write", StringComparison.Ordinal),
                reply.Message);
        }
    }
}
