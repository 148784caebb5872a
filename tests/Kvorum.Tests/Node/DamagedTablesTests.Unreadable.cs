using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Storage.Inspection;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>
/// What a disk cannot read: of a table it is damage, told with file, byte and cause; of the log and of the
/// small files the node refuses to start and says what is hurt.
/// </summary>
public partial class DamagedTablesTests
{
    [Fact]
    public void Status_names_file_byte_and_cause_and_the_file_is_gone_after_the_rebuild()
    {
        using var cluster = Filled(3);
        var node = (cluster.LeaderOf("key-7") + 1) % 3;
        var group = GroupOf(cluster, "key-7");
        Damage(cluster, node, group, Harm.Unreadable);
        var bad = cluster.DiskOf(node).Damaged();
        // Chunks wait, so that there is time to look.
        cluster.Network.Held = PeerFrameKind.SnapshotChunk;
        Restart(cluster, node);
        ReadStale(cluster, node);
        var issue = Assert.Single(cluster.Status(node).HealthIssues);
        Assert.Contains("it is rebuilt from another replica", issue, StringComparison.Ordinal);
        const string why = "is damaged at byte 100: it cannot be read: Input/output error (errno 5)";
        Assert.Contains(bad, path => issue.Contains($"{path} {why}", StringComparison.Ordinal));
        cluster.Network.Held = null;
        AssertRebuilt(cluster, node);
        Assert.Empty(cluster.DiskOf(node).Damaged());
    }

    // Found at the start, its tables are not even open.
    [Fact]
    public void Files_that_cannot_be_opened_at_a_start_are_gone_after_the_rebuild()
    {
        using var cluster = Filled(3);
        var node = (cluster.LeaderOf("key-7") + 1) % 3;
        var group = GroupOf(cluster, "key-7");
        cluster.Crash(node);
        var disk = cluster.DiskOf(node);
        var tables = disk.Files().Where(file => TableFiles.IsTableOf(group, file.Path)).ToArray();
        foreach (var (path, length) in tables)
            Assert.True(disk.Spoil(path, 0, length));
        cluster.Start(node);
        Assert.NotEmpty(cluster.Status(node).HealthIssues);
        cluster.RunUntilReady();
        cluster.RunUntil(() => disk.Damaged().Count == 0, 15_000, "the end of the damaged files");
        AssertRebuilt(cluster, node);
    }

    // A sector each, in different partitions or in the same: all that is whole somewhere is served.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Two_nodes_with_a_bad_sector_each_stop_nothing(bool inSamePartition)
    {
        using var cluster = Filled(3);
        var group = GroupOf(cluster, "key-7");
        var other = Enumerable.Range(0, Keys).Select(n => GroupOf(cluster, $"key-{n}"))
            .First(one => one != group);
        var leader = cluster.LeaderOf("key-7");
        var follower = (leader + 1) % 3;
        DamageTables(cluster.DiskOf(leader), group, Harm.Unreadable);
        DamageTables(cluster.DiskOf(follower), inSamePartition ? group : other, Harm.Unreadable);
        for (var round = 0; round < 2; round++)
        {
            for (var n = 0; n < Keys; n++)
                Assert.Equal(ValueOf(n), cluster.Get(n % 3, $"key-{n}"));
            ReadStale(cluster, leader);
            ReadStale(cluster, follower);
        }

        Assert.Equal(ReplyStatus.Ok, cluster.Put(leader, "key-7", ValueOf(7)).Status);
        AssertRebuilt(cluster, leader);
        AssertRebuilt(cluster, follower);
        Assert.Empty(cluster.DiskOf(leader).Damaged());
        Assert.Empty(cluster.DiskOf(follower).Damaged());
    }

    [Fact]
    public void A_checkpoint_that_cannot_be_read_while_it_is_sent_fences_its_sender_only()
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
        DamageTables(cluster.DiskOf(leader), group, Harm.Unreadable);
        cluster.Start(behind);
        cluster.RunUntil(
            () => cluster.Notes.Any(IsRebuilt)
                && Enumerable.Range(0, 3).All(node => IsCaughtUp(cluster, node)),
            60_000, "a rebuild at the sender, and a receiver that has caught up");
        Assert.DoesNotContain(cluster.Notes, note => note.Contains("was refused", StringComparison.Ordinal));
        AssertRebuilt(cluster, leader);
    }

    // Flushes look up which keys are new, and compactions read everything.
    [Fact]
    public void Background_work_that_cannot_read_a_table_fences_its_replica()
    {
        using var cluster = Filled(3);
        var node = (cluster.LeaderOf("key-7") + 1) % 3;
        DamageTables(cluster.DiskOf(node), GroupOf(cluster, "key-7"), Harm.Unreadable);
        for (var n = 0; n < 6 * Keys && !cluster.Notes.Any(IsRebuilt); n++)
        {
            var key = n % 2 == 0 ? $"key-{n % Keys}" : $"other-{n}";
            Assert.Equal(ReplyStatus.Ok, cluster.Put(node, key, ValueOf(n)).Status);
        }

        AssertRebuilt(cluster, node);
    }

    [Theory]
    [InlineData("identity.json")]
    [InlineData("members.json")]
    public void A_small_file_that_cannot_be_read_is_named(string file)
    {
        using var cluster = Filled(3);
        cluster.Crash(1);
        Assert.True(cluster.DiskOf(1).Spoil(file, 0, 1));
        var refused = Assert.Throws<NodeStartException>(() => cluster.Start(1)).Message;
        Assert.StartsWith($"{file} in the data folder cannot be read: ", refused, StringComparison.Ordinal);
        Assert.Contains("read at byte 0: Input/output error (errno 5)", refused, StringComparison.Ordinal);
        Assert.Contains("Bring it back from a copy", refused, StringComparison.Ordinal);
    }

    [Fact]
    public void A_log_that_cannot_be_read_tells_which_groups_are_hurt_and_doctor_agrees()
    {
        using var cluster = Filled(3);
        var group = GroupOf(cluster, "key-7");
        // The newest entries of one partition alone, behind all that is in its tables.
        for (var n = 0; n < 3; n++)
            Assert.Equal(ReplyStatus.Ok, cluster.Put(0, "key-7", $"new {n}").Status);
        cluster.Run(1000);
        cluster.Crash(1);
        var disk = cluster.DiskOf(1);
        var path = disk.Files().Last(file => file.Path.EndsWith(".log", StringComparison.Ordinal)
            && disk.ReadAll(file.Path).AsSpan(32).ContainsAnyExcept((byte)0)).Path;
        var at = disk.ReadAll(path).AsSpan().LastIndexOfAnyExcept((byte)0) / 4096 * 4096;
        Assert.True(disk.Spoil(path, at, at + 4096));
        var before = disk.Files();
        var refused = Assert.Throws<NodeStartException>(() => cluster.Start(1)).Message;
        const string why = "it cannot be read: Input/output error (errno 5).";
        Assert.Contains($"{path}: damaged at offset {at}: {why}", refused, StringComparison.Ordinal);
        Assert.Contains("replace it (kvorum node replace)", refused, StringComparison.Ordinal);
        Assert.Contains("this node may have lost entries: ", refused, StringComparison.Ordinal);
        Assert.Contains($"partition {group.Value - 1} (", refused, StringComparison.Ordinal);
        Assert.Equal(before, disk.Files());

        var report = Kvorum.Node.Inspection.FolderInspector.Inspect(disk).Findings;
        var losses = refused[refused.IndexOf("Of ", StringComparison.Ordinal)..];
        Assert.Contains(report, finding => finding.Kind == FindingKind.Note && finding.Text == losses);
        Assert.Contains(report, finding => finding.File == path && finding.Kind == FindingKind.Damage
            && finding.Text.Contains("bytes cannot be read: Input/output error", StringComparison.Ordinal));
    }

    private static void ReadStale(TestCluster cluster, int node)
    {
        for (var n = 0; n < Keys; n++)
            cluster.Ask(node, new GetRequest { Key = Key(n), Consistency = ReadConsistency.Stale });
    }
}
