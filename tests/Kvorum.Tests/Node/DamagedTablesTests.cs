using System.Text;
using Kvorum.Node;
using Kvorum.Node.Groups;
using Kvorum.Protocol;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>
/// Damage in a replica's tables is never served: the replica is fenced, its group goes on, and it is rebuilt
/// from its leader.
/// </summary>
public partial class DamagedTablesTests
{
    private const int Keys = 120;

    /// <summary>What may become of a table.</summary>
    public enum Harm
    {
        /// <summary>A bit flips.</summary>
        Flip,

        /// <summary>A sector cannot be read.</summary>
        Unreadable,

        /// <summary>The file is cut short.</summary>
        Cut,
    }

    [Theory]
    [InlineData(true, Harm.Flip)]
    [InlineData(false, Harm.Flip)]
    [InlineData(true, Harm.Unreadable)]
    [InlineData(false, Harm.Unreadable)]
    public void Damage_found_in_a_read_is_not_served_and_the_replica_is_rebuilt(bool isLeader, Harm harm)
    {
        using var cluster = Filled(3);
        var leader = cluster.LeaderOf("key-7");
        var node = isLeader ? leader : (leader + 1) % 3;
        Damage(cluster, node, GroupOf(cluster, "key-7"), harm);
        Restart(cluster, node);
        // Stale reads are served by the replica itself, any other by the leader.
        for (var n = 0; n < Keys; n++)
        {
            var read = new GetRequest { Key = Key(n), Consistency = ReadConsistency.Stale };
            var reply = cluster.Ask(node, read);
            Assert.Equal(ReplyStatus.Ok, reply.Status);
            Assert.Equal(ValueOf(n), Encoding.UTF8.GetString(reply.Value.Span));
            Assert.Equal(ValueOf(n), cluster.Get(n % 3, $"key-{n}"));
        }

        AssertRebuilt(cluster, node);
    }

    [Theory]
    [InlineData(true, Harm.Flip)]
    [InlineData(false, Harm.Flip)]
    [InlineData(true, Harm.Unreadable)]
    [InlineData(false, Harm.Unreadable)]
    public void Damage_found_at_the_start_does_not_keep_the_node_from_starting(bool inManifest, Harm harm)
    {
        using var cluster = Filled(3);
        var group = GroupOf(cluster, "key-7");
        var node = cluster.LeaderOf("key-7");
        var disk = cluster.DiskOf(node);
        var path = inManifest
            ? $"{GroupFolder.Of(group)}/manifest"
            : disk.Files().First(file => TableFiles.IsTableOf(group, file.Path)).Path;
        cluster.Crash(node);
        disk = cluster.DiskOf(node);
        var bytes = disk.ReadAll(path);
        if (harm == Harm.Unreadable)
            Assert.True(disk.Spoil(path, inManifest ? 0 : bytes.Length - 9, inManifest ? 1 : bytes.Length));
        else
            bytes[inManifest ? 9 : ^9] ^= 4;
        if (harm == Harm.Flip)
            disk.WriteAll(path, bytes);
        cluster.Start(node);
        Assert.Contains(
            cluster.Status(node).HealthIssues,
            issue => issue.Contains("is damaged", StringComparison.Ordinal));
        for (var n = 0; n < Keys; n++)
            Assert.Equal(ValueOf(n), cluster.Get(node, $"key-{n}"));
        AssertRebuilt(cluster, node);
    }

    [Theory]
    [InlineData("01")] // cut short
    [InlineData("0000000000000000FF00000000000000")] // more than there are
    public void Records_that_make_no_sense_do_not_keep_the_node_from_starting(string range)
    {
        using var cluster = Filled(3);
        var node = cluster.LeaderOf("key-7");
        cluster.Crash(node);
        using (var share = new TreeShare(cluster.DiskOf(node), 1 << 20))
        using (var tree = Tree.Open(share, GroupFolder.Of(GroupOf(cluster, "key-7")), new()))
        {
            var batch = new WriteBatch();
            batch.Put("o"u8, Convert.FromHexString(range));
            tree.Write(batch, tree.AppliedIndex + 1);
            var job = tree.BeginCheckpoint(tree.Checkpoint!.Tag.Span);
            job.Write();
            job.Complete();
        }

        cluster.Start(node);
        Assert.Contains(
            cluster.Status(node).HealthIssues,
            issue => issue.Contains("exactly-once records make no sense", StringComparison.Ordinal));
        for (var n = 0; n < Keys; n++)
            Assert.Equal(ValueOf(n), cluster.Get(node, $"key-{n}"));
        AssertRebuilt(cluster, node);
    }

    [Theory]
    [InlineData(Harm.Flip)]
    [InlineData(Harm.Unreadable)]
    public void A_node_alone_refuses_what_is_damaged_and_serves_the_rest(Harm harm)
    {
        using var cluster = Filled(1);
        var group = GroupOf(cluster, "key-7");
        Damage(cluster, 0, group, harm);
        // What is found at the start keeps the partition from having a leader.
        cluster.Start(0);
        cluster.Run(6000);
        var refused = 0;
        for (var n = 0; n < Keys; n++)
        {
            var reply = cluster.Ask(0, new GetRequest { Key = Key(n) });
            if (GroupOf(cluster, $"key-{n}") != group || reply.Status == ReplyStatus.Ok)
            {
                Assert.Equal(ValueOf(n), Encoding.UTF8.GetString(reply.Value.Span));
                continue;
            }

            refused++;
            Assert.Equal(ReplyStatus.Unavailable, reply.Status);
            Assert.Contains("damaged", reply.Message, StringComparison.Ordinal);
        }

        Assert.True(refused > 0);
        Assert.Null(cluster.FatalOf(0));
    }

    [Fact]
    public void A_damaged_replica_votes_and_acknowledges_but_does_not_lead()
    {
        using var cluster = Filled(3);
        var group = GroupOf(cluster, "key-7");
        var leader = cluster.LeaderOf("key-7");
        Damage(cluster, leader, group);
        Restart(cluster, leader);
        // Its chunks never arrive: it stays damaged.
        cluster.Network.Held = Kvorum.Node.PeerFrameKind.SnapshotChunk;
        cluster.Ask(leader, new GetRequest { Key = Key(7), Consistency = ReadConsistency.Stale });
        for (var n = 0; n < Keys; n++)
            cluster.Ask(leader, new GetRequest { Key = Key(n), Consistency = ReadConsistency.Stale });
        cluster.RunUntil(() => cluster.LeaderOf("key-7") != leader, 10_000, "another leader");

        // One of the others is gone: the majority needs the damaged one.
        var gone = Enumerable.Range(0, 3).First(node => node != leader && node != cluster.LeaderOf("key-7"));
        cluster.Crash(gone);
        Assert.Equal(ReplyStatus.Ok, cluster.Put(leader, "key-7", "new").Status);
        cluster.Run(5000);
        Assert.Equal("follower", Partition(cluster, leader, group).Role);
        Assert.Equal("new", cluster.Get(leader, "key-7"));
        cluster.Network.Held = null;
        cluster.Start(gone);
        cluster.RunUntilReady();
        AssertRebuilt(cluster, leader);
        Assert.Equal("new", cluster.Get(leader, "key-7"));
    }

    // The leader serves from its cache what is damaged on its disk; only who gets its checkpoint can see it
    // (swarm seed 912).
    [Fact]
    public void Damage_found_by_the_receiver_of_a_snapshot_is_mended_at_its_sender()
    {
        using var cluster = Filled(3, cacheBytes: 8 << 20);
        var leader = cluster.LeaderOf("key-7");
        var group = GroupOf(cluster, "key-7");
        var behind = (leader + 1) % 3;
        cluster.Crash(behind);
        for (var n = 0; n < 4 * Keys; n++)
            Assert.Equal(ReplyStatus.Ok, cluster.Put(leader, $"key-{n % Keys}", ValueOf(n % Keys)).Status);
        cluster.Run(3000);
        leader = cluster.LeaderOf("key-7");
        for (var n = 0; n < Keys; n++)
            Assert.Equal(ValueOf(n), cluster.Get(leader, $"key-{n}"));
        DamageTables(cluster.DiskOf(leader), group);
        cluster.Start(behind);
        cluster.RunUntil(
            () => cluster.Notes.Any(IsRebuilt)
                && Enumerable.Range(0, 3).All(node => IsCaughtUp(cluster, node)),
            60_000, "a rebuild at the sender, and a receiver that has caught up");
        Assert.Contains(
            cluster.Notes, note => note.Contains("is damaged and was refused", StringComparison.Ordinal));
        AssertRebuilt(cluster, leader);
    }

    [Theory]
    [InlineData(Harm.Flip)]
    [InlineData(Harm.Unreadable)]
    [InlineData(Harm.Cut)]
    [InlineData(null)]
    public void Damage_that_nobody_reads_is_found_and_mended(Harm? harm)
    {
        using var cluster = Filled(3, cacheBytes: 8 << 20, scrubRate: 100_000);
        var node = (cluster.LeaderOf("key-7") + 1) % 3;
        var group = GroupOf(cluster, "key-7");
        for (var n = 0; n < Keys; n++)
            Assert.Equal(ValueOf(n), cluster.Get(n % 3, $"key-{n}"));
        cluster.Run(20_000);
        Assert.DoesNotContain(cluster.Notes, note => note.Contains("damaged", StringComparison.Ordinal));
        var disk = cluster.DiskOf(node);
        if (harm is { } some)
            DamageTables(disk, group, some);
        else
            disk.Delete(disk.Files().First(file => TableFiles.IsTableOf(group, file.Path)).Path);
        AssertRebuilt(cluster, node);
    }

    // The check is slow, a compaction quick: what is found in a table that is no part of the tree any more is
    // no reason to rebuild it.
    [Fact]
    public void Damage_in_a_table_that_was_replaced_meanwhile_is_nothing()
    {
        using var cluster = Filled(1, cacheBytes: 8 << 20);
        var replica = cluster[0].Loops.SelectMany(loop => loop.RaftReplicas)
            .First(one => one.Group == GroupOf(cluster, "key-7"));
        using var scrub = replica.Store.OpenScrub(0)!;
        for (var n = 0; n < 10 * Keys && replica.Tree.Has(scrub.Table); n++)
        {
            Assert.Equal(ReplyStatus.Ok, cluster.Put(0, $"key-{n % Keys}", ValueOf(n % Keys)).Status);
            cluster.Run(10);
        }

        Assert.False(replica.Tree.Has(scrub.Table));
        DamageTables(cluster.DiskOf(0), replica.Group);
        var damage = Assert.Throws<TreeDamagedException>(() => { while (scrub.Run() > 0) { } });
        replica.Store.Found(scrub.Table, damage);
        Assert.False(replica.IsFenced);
        using var present = replica.Store.OpenScrub(scrub.Table)!;
        replica.Store.Found(present.Table, damage);
        Assert.True(replica.IsFenced);
    }

    [Fact]
    public void Tables_are_checked_at_the_rate_that_was_given()
    {
        const long rate = 20_000;
        using var cluster = Filled(1, scrubRate: rate);
        cluster.Run(30_000);
        var disk = cluster.DiskOf(0);
        var table = disk.Files().First(file => file.Path.EndsWith(".table", StringComparison.Ordinal));
        var opened = 0;
        disk.Fault = (operation, path) =>
        {
            opened += operation == "read" && path == table.Path ? 1 : 0;
            return null;
        };
        cluster.Run(200_000);
        var all = disk.Files().Where(file => file.Path.EndsWith(".table", StringComparison.Ordinal))
            .Sum(file => file.Length);
        // Each round reads each block once; the pause is a second.
        var rounds = 200.0 / (1 + (all / (double)rate));
        var blocks = (table.Length / 4096) + 8;
        Assert.InRange(opened, rounds / 2, (rounds + 2) * blocks);
    }

    private static bool IsCaughtUp(TestCluster cluster, int node) =>
        cluster.Status(node).Partitions.All(partition => partition.FollowerLag.Values.All(lag => lag == 0));

    private static TestCluster Filled(int nodes, long cacheBytes = 0, long scrubRate = 0)
    {
        var cluster = new TestCluster(
            nodes,
            options => options with
            {
                CheckpointLogBytes = 8_000,
                TrailingLogBytes = 0,
                BlockCacheBytes = cacheBytes,
                ScrubBytesPerSecond = scrubRate,
                ScrubPauseMs = 1000,
            });
        cluster.RunUntilReady();
        for (var n = 0; n < Keys; n++)
            Assert.Equal(ReplyStatus.Ok, cluster.Put(n % nodes, $"key-{n}", ValueOf(n)).Status);
        cluster.Run(3000);
        return cluster;
    }

    // A byte in the middle of each table of the group: of a block of keys and values.
    private static void Damage(TestCluster cluster, int node, GroupId group, Harm harm = Harm.Flip)
    {
        cluster.Crash(node);
        DamageTables(cluster.DiskOf(node), group, harm);
    }

    private static void DamageTables(CrashFileSystem disk, GroupId group, Harm harm = Harm.Flip)
    {
        var tables = disk.Files().Where(file => TableFiles.IsTableOf(group, file.Path)).ToArray();
        Assert.NotEmpty(tables);
        foreach (var (path, _) in tables)
        {
            if (harm == Harm.Cut)
                Cut(disk, path);
            else
                Assert.True(harm == Harm.Flip ? disk.Flip(path, 100, 0) : disk.Spoil(path, 100, 101));
        }
    }

    private static void Cut(CrashFileSystem disk, string path)
    {
        using var file = disk.Open(path, forWriting: true);
        file.SetLength(200);
        file.Sync();
    }

    private static void Restart(TestCluster cluster, int node)
    {
        cluster.Start(node);
        cluster.RunUntilReady();
    }

    // Equal to the others, whole on disk, and no word of it any more.
    private static void AssertRebuilt(TestCluster cluster, int node)
    {
        cluster.RunUntil(
            () => cluster.Status(node).HealthIssues.Count == 0 && cluster.Notes.Any(IsRebuilt),
            15_000,
            "a rebuild");
        cluster.Run(3000);
        var contents = Enumerable.Range(0, cluster.Count).Select(one => ContentOf(cluster, one)).ToArray();
        Assert.All(contents, content => Assert.Equal(contents[0], content));
        Assert.All(Enumerable.Range(0, cluster.Count), one => Assert.Null(cluster.FatalOf(one)));
        cluster.Crash(node);
        Restart(cluster, node);
        cluster.Run(3000);
        Assert.Equal(contents[0], ContentOf(cluster, node));
        Assert.Empty(cluster.Status(node).HealthIssues);
    }

    private static bool IsRebuilt(string note) =>
        note.Contains("rebuilt from another replica to", StringComparison.Ordinal);

    private static string ContentOf(TestCluster cluster, int node)
    {
        var content = new StringBuilder();
        var replicas = cluster[node].Loops.SelectMany(loop => loop.RaftReplicas).OrderBy(one => one.Group);
        foreach (var replica in replicas)
        {
            using var view = replica.Tree.OpenView();
            foreach (var (key, value) in view.Scan(default, default))
            {
                content.Append(replica.Group.Value)
                    .Append(Convert.ToHexString(key.Span))
                    .Append(Convert.ToHexString(value.Span));
            }
        }

        return content.ToString();
    }

    private static PartitionStatus Partition(TestCluster cluster, int node, GroupId group) =>
        cluster.Status(node).Partitions.Single(partition => partition.Group == group);

    private static GroupId GroupOf(TestCluster cluster, string key) => new(1 + KeySlot.PartitionOf(
        KeySlot.Of(TestCluster.Bytes(key).Span), cluster[0].Map.Keyspaces[0].Partitions.Count));

    private static ReadOnlyMemory<byte> Key(int n) => TestCluster.Bytes($"key-{n}");

    private static string ValueOf(int n) => $"{n}:{new string((char)('a' + (n % 26)), 900)}";
}
