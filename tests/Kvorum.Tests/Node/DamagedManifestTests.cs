using Kvorum.Node;
using Kvorum.Node.Replicas;
using Kvorum.Protocol;
using Kvorum.Storage.Log;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>
/// A manifest whose last record is damaged looks like one that a crash cut short. The log, which gives up
/// only what a whole manifest says is in tables, tells which it is.
/// </summary>
public class DamagedManifestTests
{
    private const int Keys = 40;

    [Fact]
    public void A_flipped_bit_in_the_last_record_never_loses_anything_silently()
    {
        using var cluster = Filled();
        const int node = 1;
        cluster.Crash(node);
        var disk = cluster.DiskOf(node);
        cluster.UseDisk(node, disk.Copy());
        cluster.Start(node);
        var had = LastOf(cluster, node);
        var (whole, rebuilt, refused) = (0, 0, 0);
        foreach (var path in Manifests(disk))
        {
            var last = (int)disk.LastWriteOffset(path);
            var length = disk.ReadAll(path).Length;
            for (var at = last; at < length; at += Math.Max(1, (length - last) / 7))
            {
                cluster.Crash(node);
                var damaged = disk.Copy();
                Flip(damaged, path, at);
                cluster.UseDisk(node, damaged);
                try
                {
                    cluster.Start(node);
                }
                catch (Exception e) when (e is LogDamagedException or NodeStartException)
                {
                    refused++;
                    continue;
                }

                // Whatever it had acknowledged, it has: in its log, or it is fenced until it has.
                Assert.Equal(had, LastOf(cluster, node));
                if (Replicas(cluster, node).Any(replica => replica.IsFenced))
                    rebuilt++;
                else
                    whole++;
            }
        }

        Assert.True(whole + rebuilt + refused > 20, $"{whole} whole, {rebuilt} rebuilt, {refused} refused");
        Assert.True(rebuilt > 0, $"{whole} whole, {rebuilt} rebuilt, {refused} refused");
    }

    [Fact]
    public void A_replica_whose_last_record_is_damaged_is_rebuilt_where_the_log_has_moved_on()
    {
        using var cluster = Filled();
        const int node = 1;
        cluster.Crash(node);
        var disk = cluster.DiskOf(node);
        Assert.Contains(Manifests(disk), path => StartsWithout(cluster, node, disk, path));
        cluster.RunUntilReady();
        cluster.RunUntil(() => cluster.Status(node).HealthIssues.Count == 0, 15_000, "a rebuild");
        for (var n = 0; n < Keys; n++)
            Assert.Equal(ValueOf(n), cluster.Get(node, $"key-{n}"));
        Assert.Null(cluster.FatalOf(node));
    }

    // False if the log tells of no index that could stand for the lost one: then the node does not start.
    private static bool StartsWithout(TestCluster cluster, int node, CrashFileSystem disk, string path)
    {
        var damaged = disk.Copy();
        Flip(damaged, path, (int)disk.LastWriteOffset(path) + 20);
        cluster.UseDisk(node, damaged);
        try
        {
            cluster.Start(node);
        }
        catch (Exception e) when (e is LogDamagedException or NodeStartException)
        {
            return false;
        }

        if (cluster.Status(node).HealthIssues.Any(
            issue => issue.Contains("its last record is damaged", StringComparison.Ordinal)))
            return true;
        cluster.Crash(node);
        return false;
    }

    // Many checkpoints, and a log that has let go of most of what is in them.
    private static TestCluster Filled()
    {
        var cluster = new TestCluster(3, options => options with
        {
            CheckpointLogBytes = 20_000,
            TrailingLogBytes = 0,
            SegmentBytes = 8 << 10,
        });
        cluster.RunUntilReady();
        for (var round = 0; round < 6; round++)
        {
            for (var n = 0; n < Keys; n++)
                Assert.Equal(ReplyStatus.Ok, cluster.Put(n % 3, $"key-{n}", ValueOf(n)).Status);
        }

        cluster.Run(3000);
        return cluster;
    }

    private static string[] Manifests(CrashFileSystem disk) =>
    [
        .. disk.Files().Select(file => file.Path)
            .Where(path => path.EndsWith("/manifest", StringComparison.Ordinal))
            // With one record only, it is known for damaged by itself.
            .Where(path => disk.LastWriteOffset(path) > 16),
    ];

    private static void Flip(CrashFileSystem disk, string path, int at)
    {
        var bytes = disk.ReadAll(path);
        bytes[at] ^= 4;
        disk.WriteAll(path, bytes);
    }

    private static IEnumerable<RaftReplica> Replicas(TestCluster cluster, int node) =>
        cluster[node].Loops.SelectMany(loop => loop.RaftReplicas).OrderBy(replica => replica.Group);

    private static string LastOf(TestCluster cluster, int node) => string.Join(
        ' ', Replicas(cluster, node).Select(replica => $"{replica.Group}:{replica.Raft.LastIndex}"));

    private static string ValueOf(int n) => $"{n}:{new string((char)('a' + (n % 26)), 900)}";
}
