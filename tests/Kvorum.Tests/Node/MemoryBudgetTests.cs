using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>What is not yet in tables stays within the budget, whatever is written.</summary>
public class MemoryBudgetTests
{
    [Fact]
    public void Memtables_of_all_partitions_stay_within_the_budget()
    {
        const long budget = 4 << 20;
        using var cluster = new TestCluster(
            3,
            options => options with
            {
                MemTableBytes = budget,
                CheckpointLogBytes = 1L << 30,
                SegmentBytes = 64 << 20,
            });
        cluster.RunUntilReady();
        var value = new string('v', 20_000);
        List<string> acked = [];
        long most = 0;
        for (var n = 0; n < 600; n++)
        {
            if (cluster.Put(n % 3, $"k{n}", value).Status == ReplyStatus.Ok)
                acked.Add($"k{n}");
            cluster.Run(10);
            most = Math.Max(most, Enumerable.Range(0, 3).Max(node => MemTables(cluster, node)));
        }

        Assert.True(acked.Count > 500, $"{acked.Count} were taken");
        Assert.InRange(most, budget / 2, 2 * budget);
        Assert.All(acked, key => Assert.Equal(value, cluster.Get(1, key)));
    }

    [Fact]
    public void Values_are_refused_while_nothing_can_be_flushed()
    {
        using var cluster = new TestCluster(1, options => options with { MemTableBytes = 1 << 20 });
        cluster.RunUntilReady();
        cluster.DiskOf(0).Fault = (what, path) =>
            what == "create" && path.EndsWith(".table", StringComparison.Ordinal)
                ? new Kvorum.Storage.Files.DiskFullException($"{path}: no room")
                : null;
        var value = new string('v', 20_000);
        var statuses = Enumerable.Range(0, 200).Select(n => Put(cluster, n, value)).ToArray();
        Assert.Contains(ReplyStatus.Overloaded, statuses);
        Assert.Null(cluster.FatalOf(0));
        Assert.True(MemTables(cluster, 0) < 3 << 20);

        cluster.DiskOf(0).Fault = null;
        cluster.Run(6000);
        Assert.Equal(ReplyStatus.Ok, Put(cluster, 1000, value));
        for (var n = 0; n < statuses.Length; n++)
            Assert.Equal(statuses[n] == ReplyStatus.Ok ? value : null, cluster.Get(0, $"k{n}"));
    }

    private static ReplyStatus Put(TestCluster cluster, int n, string value)
    {
        var reply = cluster.Put(0, $"k{n}", value);
        cluster.Run(10);
        return reply.Status;
    }

    private static long MemTables(TestCluster cluster, int node) =>
        cluster[node].Loops.SelectMany(loop => loop.RaftReplicas).Sum(replica => replica.Tree.MemTableBytes);
}
