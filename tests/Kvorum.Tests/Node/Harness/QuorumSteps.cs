using System.Text;
using Kvorum.Node.Administration;
using Kvorum.Node.Leaderless;
using Kvorum.Protocol;
using Kvorum.Quorum;

namespace Kvorum.Tests.Node.Harness;

/// <summary>What tests do with a quorum keyspace, and ask of its replicas.</summary>
internal static class QuorumSteps
{
    public const string Cache = "cache";

    /// <summary>A cluster with a quorum keyspace, whose replicas are all there.</summary>
    public static TestCluster WithCache(
        CreateKeyspace keyspace, int nodes = 3, int others = 0, int loops = 1)
    {
        var cluster = new TestCluster(
            nodes, options => options with { SyncIntervalMs = 2000, TombstoneMinMs = 5000, Loops = loops },
            others: others);
        cluster.RunUntilReady();
        cluster.Demand(0, keyspace with { Mode = "quorum" });
        cluster.RunUntil(
            () => Enumerable.Range(0, nodes).Sum(node => cluster.Quorums(node).Length)
                == keyspace.Partitions * keyspace.Replicas,
            what: "the replicas");
        return cluster;
    }

    /// <summary>The replicas of quorum keyspaces on one node, by group.</summary>
    public static QuorumReplica[] Quorums(this TestCluster cluster, int node) =>
    [
        .. cluster[node].Loops.SelectMany(static loop => loop.QuorumReplicas)
            .OrderBy(static replica => replica.Identity.Group),
    ];

    public static Reply PutQuorum(
        this TestCluster cluster, int node, string key, string value, long ttlMs = 0) =>
        cluster.Ask(node, new PutRequest
        {
            Keyspace = Cache,
            Key = TestCluster.Bytes(key),
            Value = TestCluster.Bytes(value),
            TtlMs = (ulong)ttlMs,
        });

    public static Reply DeleteQuorum(this TestCluster cluster, int node, string key) =>
        cluster.Ask(node, new DeleteRequest { Keyspace = Cache, Key = TestCluster.Bytes(key) });

    /// <summary>The value of a key; null if it is not there.</summary>
    public static string? GetQuorum(this TestCluster cluster, int node, string key)
    {
        var reply = cluster.Ask(node, new GetRequest { Keyspace = Cache, Key = TestCluster.Bytes(key) });
        Assert.True(reply.Status == ReplyStatus.Ok, reply.Message);
        return reply.Found ? Encoding.UTF8.GetString(reply.Value.Span) : null;
    }

    /// <summary>What the replicas of a node have, a line for each record.</summary>
    public static string[] Content(this TestCluster cluster, int node) =>
        [.. cluster.Quorums(node).SelectMany(Lines)];

    private static IEnumerable<string> Lines(QuorumReplica replica)
    {
        using var view = replica.Tree.OpenView();
        foreach (var (key, record) in StoredMachine.Records(view, default, default))
        {
            var found = StoredRecord.Read(record);
            yield return $"{Encoding.UTF8.GetString(key.Span)}={(found.IsDeleted ? "deleted"
                : Encoding.UTF8.GetString(found.Value.Span))} {RecordVersion.Read(record.Span)}";
        }
    }
}
