using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Leaderless;

/// <summary>Tables of quorum keyspaces that rot on the disk.</summary>
public class QuorumDamageTests
{
    private const string Cache = "cache";
    private const int Requests = 60;

    /// <summary>
    /// The whole node gave up, with all its other partitions: <c>./sim --seed 961002129 --quorums</c>.
    /// </summary>
    [Fact]
    public void A_replica_that_cannot_read_what_it_remembers_of_a_request_says_so_and_is_filled_anew()
    {
        using var cluster = new TestCluster(3, static options => options with
        {
            CheckpointLogBytes = 1000,
            TrailingLogBytes = 0,
            BlockCacheBytes = 0,
            // Requests are to find it, not the scrubber.
            ScrubBytesPerSecond = 0,
        });
        cluster.RunUntilReady();
        cluster.Demand(
            0, new CreateKeyspace(Cache) { Mode = "quorum", Partitions = 1, Replicas = 3 });
        cluster.RunUntil(
            () => Enumerable.Range(0, 3).All(node => cluster.Quorums(node).Length == 1),
            what: "the replicas");
        var versions = Enumerable.Range(0, Requests).Select(n => cluster.Ask(1, Put(n)).Version).ToArray();
        cluster.Run(3000);
        var group = cluster.Quorums(0)[0].Identity.Group;
        var disk = cluster.DiskOf(0);
        var tables = disk.Files().Where(file => TableFiles.IsTableOf(group, file.Path)).ToArray();
        Assert.NotEmpty(tables);
        // Blocks of keys and values come first; the rest is in memory.
        foreach (var (path, length) in tables)
        {
            for (var at = 20; at < length / 2; at += 50)
                Assert.True(disk.Flip(path, at, 0));
        }

        for (var n = 0; n < Requests; n++)
        {
            var again = cluster.Ask(1, Put(n));
            Assert.Equal((ReplyStatus.Ok, versions[n]), (again.Status, again.Version));
        }

        Assert.Null(cluster.FatalOf(0));
        Assert.Contains(cluster.Notes, static note => note.Contains("damaged", StringComparison.Ordinal));
        cluster.RunUntil(
            () => cluster.Quorums(0) is [{ IsFilled: true, IsDamaged: false }], 60_000, "a whole replica");
    }

    private static PutRequest Put(int n) => new()
    {
        Keyspace = Cache,
        Key = TestCluster.Bytes($"key-{n}"),
        Value = TestCluster.Bytes($"value-{n}"),
        ClientId = $"client-{n % 7}",
        RequestId = (ulong)(n + 1),
    };
}
