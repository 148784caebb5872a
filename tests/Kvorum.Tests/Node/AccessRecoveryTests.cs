using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>Orders of <c>kvorum user recover</c>, as nodes tell the leader of them.</summary>
public class AccessRecoveryTests
{
    [Fact]
    public void An_order_is_done_when_a_majority_has_it_and_by_nobody_twice()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.RunUntil(() => cluster.Status(0).FormatVersion > 1, 20_000, "the format is raised");
        var order = new ConfirmAccess(Guid.NewGuid(), cluster[0].ClusterId)
        {
            User = "ann",
            KeyId = "0123456789abcdef",
            KeyHash = new byte[32],
            ExpiresMs = ulong.MaxValue,
        };
        for (var times = 0; times < 3; times++)
        {
            var reply = Ask(cluster, 2, order);
            Assert.Equal(ReplyStatus.ConditionFailed, reply.Status);
            Assert.Contains("1 of the 3 nodes", reply.Message, StringComparison.Ordinal);
        }

        Assert.Equal(
            ReplyStatus.InvalidArgument,
            Ask(cluster, 1, order with { ClusterId = Guid.NewGuid() }).Status);
        Assert.Equal(ReplyStatus.Ok, Ask(cluster, 0, order).Status);
        cluster.RunUntil(
            () => cluster[1].Access?.Users.ContainsKey("ann") == true, 5000, "all nodes hear of the user");
        // Who comes late hears that it is done.
        Assert.Equal(ReplyStatus.Ok, Ask(cluster, 2, order).Status);
    }

    private static AdminReply Ask(TestCluster cluster, int node, ConfirmAccess order)
    {
        AdminReply? reply = null;
        cluster[node].Administer(order, TimeSpan.FromSeconds(5), found => reply = found);
        cluster.RunUntil(() => reply is not null, 10_000, "an answer");
        return reply!;
    }
}
