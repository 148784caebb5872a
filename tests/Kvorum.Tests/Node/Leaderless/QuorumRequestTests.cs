using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Leaderless;

/// <summary>What a request of a quorum keyspace may say: a quorum, versions seen, a receipt.</summary>
public class QuorumRequestTests
{
    private const string Cache = "cache";

    private static readonly PutRequest Put = new()
    {
        Keyspace = Cache,
        Key = TestCluster.Bytes("k"),
        Value = TestCluster.Bytes("v"),
        WantsReceipt = true,
    };

    private static readonly GetRequest Get = new()
    {
        Keyspace = Cache,
        Key = TestCluster.Bytes("k"),
        WantsReceipt = true,
    };

    [Fact]
    public void A_quorum_of_its_own_decides_and_the_receipt_tells_its_promise()
    {
        using var cluster = WithCache();
        var all = cluster.Ask(0, Put with { Quorum = QuorumLevel.All }).Receipt!;
        Assert.Equal((3, 3, true), (all.Needed, all.Replicas, all.IsDurable));
        Assert.Equal(["node-1", "node-2", "node-3"], all.Nodes.Order());
        Assert.Equal(0ul, all.StalenessMs);
        Assert.Equal(
            [
                "Acknowledged writes survive the loss of 2 disks at once.",
                "Each later read sees it, or a newer one, if it asks 1 node or more of the 3 replicas.",
            ],
            all.Promise);
        cluster.Crash(2);
        cluster.Run(500);
        Assert.Equal(ReplyStatus.Unavailable, cluster.Ask(0, Put with { Quorum = QuorumLevel.All }).Status);
        Assert.Equal(ReplyStatus.Unavailable, cluster.Ask(0, Get with { Quorum = QuorumLevel.All }).Status);
        var scan = new ScanRequest { Keyspace = Cache, Key = default, Quorum = QuorumLevel.All };
        Assert.Equal(ReplyStatus.Unavailable, cluster.Ask(0, scan).Status);
        Assert.Equal(2, cluster.Ask(0, Put).Receipt!.Needed);
        cluster.Crash(1);
        cluster.Run(500);
        Assert.Equal(ReplyStatus.Unavailable, cluster.Ask(0, Put).Status);
        var one = cluster.Ask(0, Put with { Quorum = QuorumLevel.One }).Receipt!;
        Assert.Equal(["node-1"], one.Nodes);
        Assert.Equal(1, one.Needed);
        Assert.Null(one.StalenessMs);
        Assert.Contains("survive the loss of no disk", one.Promise[0], StringComparison.Ordinal);
        var read = cluster.Ask(0, Get with { Quorum = QuorumLevel.One });
        Assert.True(read.Found);
        Assert.Equal(["node-1"], read.Receipt!.Nodes);
        Assert.Null(read.Receipt.StalenessMs);
        Assert.Equal(
            ["It saw every write that 3 nodes or more of the 3 replicas had acknowledged before it began."],
            read.Receipt.Promise);
        var page = cluster.Ask(0, scan with { Quorum = QuorumLevel.One, WantsReceipt = true });
        Assert.Equal(["node-1"], page.Receipt!.Nodes);
        Assert.Equal((1, 3), (page.Receipt.Needed, page.Receipt.Replicas));
    }

    [Fact]
    public void A_quorum_that_cannot_be_is_refused_with_words()
    {
        using var cluster = WithCache();
        Refused(Put with { Quorum = QuorumLevel.Count(4) },
            "The write quorum is 4, and there are 3 replicas: use 1 to 3.");
        Refused(Get with { Quorum = QuorumLevel.Count(0) },
            "The read quorum is 0, and there are 3 replicas: use 1 to 3.");
        Refused(Get with { Quorum = QuorumLevel.One, Consistency = ReadConsistency.Stale },
            "a stale read asks one replica");
        Refused(Put with { Keyspace = KeyspaceName.Default, Quorum = QuorumLevel.One },
            "keyspace 'default' is of mode strong");
        Refused(Put with { Tried = new(1, 1) }, "a write with a client id");

        void Refused(Request request, string why)
        {
            var reply = cluster.Ask(0, request);
            Assert.Equal(ReplyStatus.InvalidArgument, reply.Status);
            Assert.Contains(why, reply.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Receipts_of_a_quorum_keyspace_name_who_has_what()
    {
        using var cluster = WithCache();
        var put = cluster.Ask(0, Put);
        var receipt = put.Receipt!;
        Assert.Equal((ReplicationMode.Quorum, 2, 3), (receipt.Mode, receipt.Needed, receipt.Replicas));
        Assert.InRange(receipt.Nodes.Count, 2, 3);
        Assert.Equal(new WriteVersion(put.Version, put.Writer), receipt.Version);
        var get = cluster.Ask(1, Get);
        Assert.Equal(receipt.Version, get.Receipt!.Version);
        Assert.Equal(put.Writer, get.Writer);
        Assert.Equal(2, get.Receipt.Nodes.Count);
        Assert.Equal(0ul, get.Receipt.StalenessMs);
        Assert.Null(cluster.Ask(1, Get with { WantsReceipt = false }).Receipt);
        Assert.Null(cluster.Ask(0, Put with { WantsReceipt = false }).Receipt);
    }

    [Fact]
    public void Receipts_of_a_strong_keyspace_name_who_has_what()
    {
        using var cluster = WithCache();
        var put = cluster.Ask(0, Put with { Keyspace = KeyspaceName.Default });
        var receipt = put.Receipt!;
        Assert.Equal((ReplicationMode.Strong, 2, 3), (receipt.Mode, receipt.Needed, receipt.Replicas));
        Assert.InRange(receipt.Nodes.Count, 2, 3);
        Assert.Equal((put.Version, null), (receipt.Index, receipt.Version));
        foreach (var node in (int[])[0, 1, 2])
        {
            var get = cluster.Ask(node, Get with { Keyspace = KeyspaceName.Default }).Receipt!;
            Assert.InRange(get.Nodes.Count, 2, 3);
            Assert.True(get.Index >= receipt.Index);
            Assert.Equal(0ul, get.StalenessMs);
        }

        var stale = cluster.Ask(
            1, Get with { Keyspace = KeyspaceName.Default, Consistency = ReadConsistency.Stale })
            .Receipt!;
        Assert.Equal(["node-2"], stale.Nodes);
        Assert.Null(stale.StalenessMs);
        var page = cluster.Ask(1, new ScanRequest { Key = default, WantsReceipt = true }).Receipt!;
        Assert.Equal(ReplicationMode.Strong, page.Mode);
        Assert.NotEmpty(page.Nodes);
    }

    [Fact]
    public void A_write_gets_a_version_above_what_its_client_has_seen()
    {
        using var cluster = WithCache();
        cluster.SetClock(1, TimeSpan.FromSeconds(3));
        var ahead = cluster.Ask(1, Put with { Value = TestCluster.Bytes("ahead") });
        // Without it, a node whose clock shows less may give less.
        var after = cluster.Ask(2, Put with { Value = TestCluster.Bytes("after"), After = ahead.Version });
        Assert.True(after.Version > ahead.Version);
        Assert.Equal("after", Text(cluster.Ask(0, Get)));
        var tooFar = cluster.Ask(0, Put with { After = (1_700_000_000_000ul + 3_600_000) << 16 });
        Assert.Equal(ReplyStatus.Unavailable, tooFar.Status);
        Assert.Contains("check the clocks", tooFar.Message, StringComparison.Ordinal);
        // No clock was set by it.
        Assert.True(cluster.Ask(0, Put).Version < (1_700_000_000_000ul + 3_000_000) << 16);
    }

    [Fact]
    public void An_indeterminate_write_tells_its_version_and_its_repetition_has_the_same()
    {
        using var cluster = WithCache();
        var mine = Put with { Value = TestCluster.Bytes("mine"), ClientId = "me", RequestId = 1 };
        // What the others are asked to store does not come through.
        cluster.Network.Passes = (_, _, kind, _) => kind != PeerFrameKind.QuorumRequest;
        var first = cluster.Ask(0, mine with { ClientId = "", RequestId = 0 }, timeoutMs: 300);
        Assert.Equal(ReplyStatus.DeadlineExceeded, first.Status);
        Assert.NotEqual(0ul, first.Writer);
        Assert.Equal(["node-1"], first.Receipt!.Nodes);
        Assert.False(first.Receipt.IsDurable);
        cluster.Network.Passes = (_, _, _, _) => true;
        var tried = new WriteVersion(first.Version, first.Writer);
        var between = cluster.Ask(
            1, Put with { Value = TestCluster.Bytes("between"), After = first.Version });
        // Through another node, and after a newer write: it changes nothing that is newer.
        var again = cluster.Ask(2, mine with { Tried = tried });
        Assert.Equal(ReplyStatus.Ok, again.Status);
        Assert.Equal(tried, new WriteVersion(again.Version, again.Writer));
        Assert.True(between.Version > again.Version);
        Assert.Equal("between", Text(cluster.Ask(0, Get)));
        // Two of the three learnt it after the newer one.
        var lost = Enumerable.Range(0, 3).SelectMany(node => cluster.Status(node).Partitions)
            .Where(static one => one.Superseded > 0).ToArray();
        Assert.InRange(lost.Length, 2, 3);
        Assert.All(lost, one => Assert.Equal(
            ($"{tried}", $"{new WriteVersion(between.Version, between.Writer)}", "k"),
            (one.SupersededNewest[0].Lost, one.SupersededNewest[0].Won, KeyOf(one.SupersededNewest[0]))));
        var thrice = cluster.Ask(0, mine);
        Assert.True(thrice.Replayed);
        Assert.Equal(tried, new WriteVersion(thrice.Version, thrice.Writer));
    }

    private static string KeyOf(SupersededWrite write) =>
        System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(write.KeyBase64));

    private static string Text(Reply reply) => System.Text.Encoding.UTF8.GetString(reply.Value.Span);

    private static TestCluster WithCache()
    {
        var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Demand(0, new CreateKeyspace(Cache) { Mode = "quorum", Partitions = 2, Replicas = 3 });
        cluster.RunUntil(
            () => Enumerable.Range(0, 3).All(node =>
                cluster.Status(node).Partitions.Count(static one => one.Keyspace == Cache) == 2),
            what: "the replicas");
        return cluster;
    }
}
