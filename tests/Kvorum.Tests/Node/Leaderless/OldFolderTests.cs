using System.Text;
using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Leaderless;

/// <summary>
/// A node that comes with an old copy of its data folder: where R is one its own replica would answer reads
/// alone, before a peer has refused it.
/// </summary>
public class OldFolderTests
{
    private const string Cache = QuorumSteps.Cache;
    private const string Says = "too few of the other members have accepted its log";

    [Fact]
    public void It_answers_no_read_and_takes_no_write_before_others_have_accepted_its_log()
    {
        using var cluster = WithCache();
        var old = cluster.DiskOf(2).Copy();
        Assert.Equal(ReplyStatus.Ok, cluster.PutQuorum(0, "k", "new").Status);
        cluster.Run(2000);
        cluster.Crash(2);
        cluster.UseDisk(2, old);
        // It hears of the refusal later.
        cluster.Network.Passes = (_, to, kind, _) =>
            kind != PeerFrameKind.AdmissionAnswer || to != cluster.IdOf(2);
        cluster.Start(2);

        var read = cluster.Ask(2, Read(ReadConsistency.Linearizable), timeoutMs: 2000);
        Assert.Equal(ReplyStatus.Unavailable, read.Status);
        Assert.Contains(Says, read.Message, StringComparison.Ordinal);
        var scan = cluster.Ask(2, new ScanRequest { Keyspace = Cache, Key = default }, timeoutMs: 2000);
        Assert.Equal(ReplyStatus.DeadlineExceeded, scan.Status);
        Assert.Contains(Says, scan.Message, StringComparison.Ordinal);
        var repeat = cluster.Ask(
            2, new PutRequest
            {
                Keyspace = Cache,
                Key = TestCluster.Bytes("k"),
                Value = TestCluster.Bytes("again"),
                ClientId = "client",
                RequestId = 1,
            },
            timeoutMs: 2000);
        Assert.Equal(ReplyStatus.Unavailable, repeat.Status);
        Assert.Contains(Says, repeat.Message, StringComparison.Ordinal);
        // That promises nothing.
        var stale = cluster.Ask(2, Read(ReadConsistency.Stale));
        Assert.Equal("old", Encoding.UTF8.GetString(stale.Value.Span));
        Assert.Equal("new", cluster.GetQuorum(0, "k"));
    }

    /// <summary>Its own folder is the newest, and nobody has said so yet.</summary>
    [Fact]
    public void A_node_that_starts_alone_answers_once_another_is_there()
    {
        using var cluster = WithCache();
        cluster.Crash(0);
        cluster.Crash(1);
        cluster.Crash(2);
        cluster.Start(2);
        cluster.Run(1000);
        var call = cluster.Submit(2, Read(ReadConsistency.Linearizable));
        cluster.Run(1000);
        Assert.Null(call.Reply);
        cluster.Start(0);
        cluster.RunUntil(() => call.Reply is not null, 1000, "the read");
        Assert.Equal("old", Encoding.UTF8.GetString(call.Reply!.Value.Span));
    }

    // What the metadata group knows is in a checkpoint: a node knows it at its start.
    private static TestCluster WithCache()
    {
        var cluster = new TestCluster(3, static options => options with { CheckpointLogBytes = 1 });
        cluster.RunUntilReady();
        cluster.Demand(0, new CreateKeyspace(Cache)
        {
            Mode = "quorum",
            Partitions = 1,
            Replicas = 3,
            WriteQuorum = 3,
            ReadQuorum = 1,
        });
        cluster.RunUntil(
            () => Enumerable.Range(0, 3).All(node => cluster.Quorums(node).Length == 1),
            what: "the replicas");
        Assert.Equal(ReplyStatus.Ok, cluster.PutQuorum(0, "k", "old").Status);
        cluster.Run(2000);
        return cluster;
    }

    private static GetRequest Read(ReadConsistency consistency) => new()
    {
        Keyspace = Cache,
        Key = TestCluster.Bytes("k"),
        Consistency = consistency,
    };
}
