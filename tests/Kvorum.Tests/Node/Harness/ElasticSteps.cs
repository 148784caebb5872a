using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Node.Groups;
using Kvorum.Node.Replicas;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Harness;

/// <summary>What tests do to clusters whose members change, and ask of them.</summary>
internal static class ElasticSteps
{
    private const int Keys = 20;

    public static void PutAll(
        this TestCluster cluster, int node, string value, string keyspace = KeyspaceName.Default)
    {
        for (var n = 0; n < Keys; n++)
        {
            var put = new PutRequest
            {
                Keyspace = keyspace,
                Key = TestCluster.Bytes($"key-{n}"),
                Value = TestCluster.Bytes($"{value}-{n}"),
            };
            Assert.Equal(ReplyStatus.Ok, cluster.Ask(node, put).Status);
        }
    }

    public static void CheckAll(this TestCluster cluster, int node, string value)
    {
        for (var n = 0; n < Keys; n++)
            Assert.Equal($"{value}-{n}", cluster.Get(node, $"key-{n}"));
    }

    /// <summary>An operator's request, through this node.</summary>
    public static AdminReply Administer(
        this TestCluster cluster, int node, AdminRequest request, int timeoutMs = 10_000)
    {
        AdminReply? reply = null;
        cluster[node].Administer(request, TimeSpan.FromMilliseconds(timeoutMs), found => reply = found);
        cluster.RunUntil(() => reply is not null, timeoutMs + 1000, $"an answer to {request}");
        return reply!;
    }

    /// <summary>The same, and it is done.</summary>
    public static void Demand(this TestCluster cluster, int node, AdminRequest request)
    {
        var reply = cluster.Administer(node, request);
        Assert.True(reply.Status == ReplyStatus.Ok, $"{request}: {reply.Status} {reply.Message}");
    }

    /// <summary>The replicas on one node.</summary>
    public static IEnumerable<RaftReplica> Replicas(this TestCluster cluster, int node) =>
        cluster[node].Loops.SelectMany(static loop => loop.RaftReplicas);

    /// <summary>The replicas that lead, on all nodes that run.</summary>
    public static RaftReplica[] Leaders(this TestCluster cluster) =>
    [
        .. Enumerable.Range(0, cluster.Count).Where(cluster.IsRunning)
            .SelectMany(node => cluster.Replicas(node)).Where(static replica => replica.IsLeader),
    ];

    /// <summary>
    /// True if all groups have a leader, and each says that just these nodes vote.
    /// </summary>
    public static bool HasVoters(this TestCluster cluster, int[] nodes, int groups = 5)
    {
        NodeId[] voters = [.. nodes.Select(cluster.IdOf).Order()];
        var leaders = cluster.Leaders();
        return leaders.Select(static replica => replica.Group).Distinct().Count() == groups
            && leaders.All(replica => !replica.Raft.Configuration.IsJoint
                && replica.Raft.Configuration.Voters.SequenceEqual(voters));
    }

    /// <summary>True if all groups of partitions have a leader, and so many voters and learners.</summary>
    public static bool HasReplicas(this TestCluster cluster, int voters, int learners = 0, int groups = 4)
    {
        var leaders = cluster.Leaders().Where(static replica => !replica.Group.IsMetadata).ToArray();
        return leaders.Select(static replica => replica.Group).Distinct().Count() == groups
            && leaders.All(replica => replica.Raft.Configuration is { IsJoint: false } now
                && (now.Voters.Count, now.Learners.Count) == (voters, learners));
    }

    /// <summary>The groups that have data on a node, the metadata group left out.</summary>
    public static GroupId[] Folders(this TestCluster cluster, int node) =>
        [.. GroupFolder.GroupsIn(cluster.DiskOf(node)).Where(static group => !group.IsMetadata)];

    /// <summary>The names of the members, as a node's map has them.</summary>
    public static string[] Names(this TestCluster cluster, int node) =>
        [.. cluster[node].Map.Members.Select(static member => member.Name).Order(StringComparer.Ordinal)];

    /// <summary>True if a node has said it.</summary>
    public static bool HasSaid(this TestCluster cluster, string name, string words) => cluster.Notes.Exists(
        note => note.Contains($" {name} ", StringComparison.Ordinal)
            && note.Contains(words, StringComparison.Ordinal));
}
