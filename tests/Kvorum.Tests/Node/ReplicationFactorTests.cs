using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>Keyspaces get more replicas, or fewer, or end, while their keys are used.</summary>
public class ReplicationFactorTests
{
    private const string Orders = "orders";

    [Fact]
    public void The_replication_factor_goes_up_and_down_and_up_again()
    {
        using var cluster = new TestCluster(5);
        cluster.RunUntilReady();
        cluster.PutAll(0, "first");
        Become(cluster, 5, voters: 5, learners: 0);
        cluster.PutAll(1, "second");
        // Of an even number one learns.
        Become(cluster, 4, voters: 3, learners: 1);
        Become(cluster, 1, voters: 1, learners: 0);
        cluster.CheckAll(2, "second");
        cluster.RunUntil(
            () => Enumerable.Range(0, 5).Sum(node => cluster.Folders(node).Length) == 4, 60_000,
            "the end of the others");
        cluster.PutAll(3, "third");
        Become(cluster, 3, voters: 3, learners: 0);
        cluster.RunUntilReady();
        cluster.Crash(0);
        cluster.RunUntilReady();
        cluster.CheckAll(4, "third");
    }

    [Fact]
    public void A_dropped_keyspace_leaves_no_data_and_its_numbers_are_not_used_again()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Demand(0, new CreateKeyspace(Orders) { Partitions = 2 });
        cluster.RunUntil(() => Enumerable.Range(0, 3).All(node => cluster.Folders(node).Length == 6));
        cluster.RunUntilReady();
        cluster.PutAll(0, "old", Orders);
        // It hears of the end when it is back.
        cluster.Crash(2);
        cluster.Demand(0, new DropKeyspace(Orders));
        var gone = new GetRequest { Keyspace = Orders, Key = TestCluster.Bytes("key-1") };
        cluster.RunUntil(() => cluster.Ask(1, gone).Status == ReplyStatus.UnknownKeyspace);
        cluster.RunUntil(
            () => cluster.Folders(0).Length + cluster.Folders(1).Length == 8, 30_000, "deleted data");
        cluster.Start(2);
        cluster.RunUntil(() => cluster.Folders(2).Length == 4, 30_000, "the same where a node was away");
        cluster.Demand(1, new CreateKeyspace(Orders) { Partitions = 2 });
        cluster.RunUntil(() => Enumerable.Range(0, 3).All(node => cluster.Folders(node).Length == 6));
        Assert.All(Enumerable.Range(0, 3), node => Assert.Equal(
            [1u, 2, 3, 4, 7, 8], cluster.Folders(node).Select(static group => group.Value)));
        cluster.RunUntilReady();
        Assert.False(cluster.Ask(2, gone).Found);
        // Starts know it as well.
        for (var node = 0; node < 3; node++)
            cluster.Crash(node);
        for (var node = 0; node < 3; node++)
            cluster.Start(node);
        cluster.RunUntilReady();
        cluster.PutAll(0, "new", Orders);
    }

    private static void Become(TestCluster cluster, int replicas, int voters, int learners)
    {
        cluster.Demand(0, new AlterKeyspace(KeyspaceName.Default, replicas));
        cluster.RunUntil(
            () => cluster.HasReplicas(voters, learners), 120_000, $"{voters} voters and {learners} learners");
    }
}
