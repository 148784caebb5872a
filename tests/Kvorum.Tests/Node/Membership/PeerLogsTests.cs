using System.Text;
using Kvorum.Node;
using Kvorum.Node.Inspection;
using Kvorum.Protocol;
using Kvorum.Storage.Inspection;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Membership;

/// <summary>Logs that lack what they had: peers remember how far each other's was.</summary>
public class PeerLogsTests
{
    private const string Says = "the log that it comes with does not have that";

    [Fact]
    public void An_old_folder_is_refused_and_the_others_serve_on()
    {
        using var cluster = Filled();
        var old = cluster.DiskOf(2).Copy();
        Fill(cluster, "later");
        cluster.Crash(2);
        var newest = cluster.DiskOf(2);
        cluster.UseDisk(2, old);
        cluster.Start(2);
        cluster.Run(3000);

        AssertHasNoPart(cluster, 2);
        AssertSays(
            "node-1 knows that the log of node-3 was durable up to frame ", cluster.Status(2).HealthIssues);
        AssertSays("start it with its newest data folder", cluster.Status(2).HealthIssues);
        AssertSays("node-1 node-3 is refused: ", cluster.Notes);
        AssertSays("node-3 this node takes no part any more: ", cluster.Notes);
        Assert.Equal(ReplyStatus.Unavailable, cluster.Put(2, "k", "x").Status);
        Assert.Contains(Says, cluster.Put(2, "k", "x").Message, StringComparison.Ordinal);
        foreach (var node in new[] { 0, 1 })
        {
            Assert.True(cluster.Status(node).IsReady);
            Assert.Contains(Says, Assert.Single(cluster.Status(node).HealthIssues), StringComparison.Ordinal);
            Assert.Equal("later", cluster.Get(node, "key-3"));
        }

        // With its newest folder it is welcome.
        cluster.Crash(2);
        cluster.UseDisk(2, newest);
        cluster.Start(2);
        cluster.RunUntilReady();
        Assert.Equal("later", cluster.Get(2, "key-3"));
        Assert.All(Enumerable.Range(0, 3), node => Assert.Empty(cluster.Status(node).HealthIssues));
    }

    /// <summary>
    /// Those who know are away: it begins without asking, takes part, and stops when they are back. It does
    /// not begin again, whoever is there.
    /// </summary>
    [Fact]
    public void An_old_folder_that_takes_part_already_stops_in_the_middle_and_for_good()
    {
        using var cluster = Filled();
        cluster.Crash(2);
        var old = cluster.DiskOf(0).Copy();
        Fill(cluster, "first");
        cluster.Run(1000);
        cluster.Crash(0);
        cluster.Crash(1);
        cluster.UseDisk(0, old);
        cluster.Start(0);
        cluster.Start(2);
        cluster.RunUntil(() => cluster.Status(0).IsReady && cluster.Status(2).IsReady);
        Fill(cluster, "other");

        cluster.Start(1);
        cluster.RunUntil(() => !cluster.Status(0).IsReady && cluster[0].IsRefused);
        AssertSays("node-1 this node takes no part any more: ", cluster.Notes);
        Assert.Equal(ReplyStatus.Unavailable, cluster.Put(0, "k", "x").Status);
        AssertSays("node-2 knows that the log of node-1", cluster.Status(1).HealthIssues);
        cluster.Run(100);

        cluster.Crash(1);
        cluster.Crash(0);
        Assert.Contains(FolderInspector.Inspect(cluster.DiskOf(0)).Findings, static finding =>
            finding.Kind == FindingKind.Damage && finding.Text.Contains(Says, StringComparison.Ordinal));
        cluster.Start(0);
        cluster.Run(5000);
        // The one that is there knows nothing against it.
        Assert.True(cluster[0].IsRefused);
        Assert.DoesNotContain(cluster.Status(2).Partitions, static partition => partition.Role == "leader");
    }

    /// <summary>There is no newer folder: what is missing is given up, once, and by no older copy.</summary>
    [Fact]
    public void An_operator_may_accept_what_is_lost()
    {
        using var cluster = Filled();
        var old = cluster.DiskOf(2).Copy();
        Fill(cluster, "later");
        cluster.Crash(2);
        cluster.UseDisk(2, old);
        Assert.Throws<NodeStartException>(() => LossAcceptance.Run(cluster.DiskOf(2), "node-3", 7));
        cluster.Start(2);
        cluster.Run(3000);
        AssertHasNoPart(cluster, 2);
        cluster.Crash(2);
        Assert.Throws<NodeStartException>(() => LossAcceptance.Run(cluster.DiskOf(2), "node-2", 7));
        Assert.Contains(Says, LossAcceptance.Run(cluster.DiskOf(2), "node-3", 7), StringComparison.Ordinal);
        var accepted = cluster.DiskOf(2).Copy();
        cluster.Start(2);
        cluster.RunUntilReady();
        cluster.Run(3000);
        // Some leader still counts on what its replica here has no more: that is decided replica by replica.
        var lacking = cluster.Status(2).HealthIssues;
        Assert.All(lacking, issue => Assert.Contains("quarantined", issue, StringComparison.Ordinal));
        cluster.Crash(2);
        ReplicaDiscard.Run(cluster.DiskOf(2), ReplicaChoice.All, null);
        cluster.Start(2);
        cluster.RunUntilReady();
        cluster.RunUntil(
            () => Enumerable.Range(0, 3).All(node => cluster.Status(node).HealthIssues.Count == 0), 20_000,
            "replicas that are filled again");
        Assert.Equal("later", cluster.Get(2, "key-3"));

        Fill(cluster, "last");
        cluster.Crash(2);
        cluster.UseDisk(2, accepted);
        cluster.Start(2);
        cluster.Run(3000);
        AssertHasNoPart(cluster, 2);
    }

    /// <summary>The mark in the log is older than what was zeroed: only the peers know.</summary>
    [Fact]
    public void A_log_whose_newest_frames_are_zeros_is_refused()
    {
        using var cluster = Filled();
        cluster.Run(2000);
        cluster.Put(0, "key-1", "newest");
        cluster.Run(20);
        cluster.Crash(1);
        var disk = cluster.DiskOf(1);
        var log = disk.Files().Last(file => file.Path.EndsWith(".log", StringComparison.Ordinal)
            && disk.ReadAll(file.Path).AsSpan(32).ContainsAnyExcept((byte)0)).Path;
        var bytes = disk.ReadAll(log);
        bytes.AsSpan(bytes.AsSpan().LastIndexOfAnyExcept((byte)0) - 60).Clear();
        disk.WriteAll(log, bytes);
        Assert.True(FolderInspector.Inspect(disk).IsSound);
        cluster.Start(1);
        cluster.Run(3000);
        // The leader of the key's partition has heard of the newest frame, and the third node perhaps.
        Assert.True(cluster[1].IsRefused);
        AssertSays(Says, cluster.Status(1).HealthIssues);
    }

    /// <summary>What peers remember is durable within about a second.</summary>
    [Fact]
    public void Peers_remember_after_a_power_cut_of_all()
    {
        using var cluster = Filled();
        var old = cluster.DiskOf(0).Copy();
        Fill(cluster, "later");
        cluster.Run(2000);
        for (var node = 0; node < 3; node++)
            cluster.Crash(node, seed: 0);
        cluster.UseDisk(0, old);
        for (var node = 0; node < 3; node++)
            cluster.Start(node);
        cluster.Run(5000);
        AssertHasNoPart(cluster, 0);
        Assert.Equal("later", cluster.Get(1, "key-3"));
    }

    [Fact]
    public void Restarts_and_power_cuts_alone_refuse_nobody()
    {
        using var cluster = Filled();
        for (var round = 0; round < 12; round++)
        {
            Fill(cluster, $"round-{round}");
            for (var node = 0; node < 3; node++)
            {
                if ((round + node) % 3 != 0)
                    cluster.Crash(node, round);
            }

            for (var node = 0; node < 3; node++)
            {
                if (!cluster.IsRunning(node))
                    cluster.Start(node);
            }

            cluster.RunUntilReady();
            Assert.All(Enumerable.Range(0, 3), node => Assert.Empty(cluster.Status(node).HealthIssues));
        }
    }

    [Theory]
    [InlineData("gone", "the file is lost or was changed")]
    [InlineData("flipped", "its checksum is wrong")]
    [InlineData("other", "the file is lost or was changed")]
    public void A_members_file_that_is_lost_or_changed_is_told_here_and_by_doctor(string how, string what)
    {
        using var cluster = Filled();
        cluster.Run(2000);
        cluster.Crash(0);
        var disk = cluster.DiskOf(0);
        var text = Encoding.UTF8.GetString(disk.ReadAll("members.json"));
        if (how == "gone")
        {
            disk.Lose("members.json");
        }
        else if (how == "flipped")
        {
            var at = text.IndexOf("\"incarnation\": \"", StringComparison.Ordinal) + 20;
            var bytes = Encoding.UTF8.GetBytes(text);
            bytes[at] = bytes[at] == (byte)'0' ? (byte)'1' : (byte)'0';
            disk.WriteAll("members.json", bytes);
        }
        else
        {
            // That of another node, which is whole in itself.
            disk.WriteAll("members.json", cluster.DiskOf(1).ReadAll("members.json"));
        }

        var found = FolderInspector.Inspect(disk).Findings
            .Where(static finding => finding.Kind == FindingKind.Damage);
        Assert.Contains(found, finding => finding.File == "members.json"
            && finding.Text.Contains(what, StringComparison.Ordinal));
        var refused = Assert.Throws<NodeStartException>(() => cluster.Start(0)).Message;
        Assert.Contains(what, refused, StringComparison.Ordinal);
        Assert.Contains("copy of this folder", refused, StringComparison.Ordinal);
    }

    private static TestCluster Filled()
    {
        var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        Fill(cluster, "first of all");
        return cluster;
    }

    private static void Fill(TestCluster cluster, string value)
    {
        var node = Enumerable.Range(0, 3).First(cluster.IsRunning);
        for (var n = 0; n < 10; n++)
            Assert.Equal(ReplyStatus.Ok, cluster.Put(node, $"key-{n}", value).Status);
    }

    private static void AssertHasNoPart(TestCluster cluster, int node)
    {
        Assert.True(cluster[node].IsRefused);
        Assert.False(cluster.Status(node).IsReady);
        for (var other = 0; other < cluster.Count; other++)
        {
            if (other != node && cluster.IsRunning(other))
                Assert.DoesNotContain($"node-{node + 1}", cluster.Status(other).MembersUp);
        }
    }

    private static void AssertSays(string what, IEnumerable<string> said) =>
        Assert.Contains(said, line => line.Contains(what, StringComparison.Ordinal));
}
