using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Membership;

/// <summary>
/// A node that falls silent without a word, with default settings: 500 ms make a suspect, election timeouts
/// are 1 s at least.
/// </summary>
public class SilentPeerTests
{
    private const string Key = "k";

    [Fact]
    public void Groups_of_a_silent_leader_are_led_elsewhere_before_an_election_timeout_has_passed()
    {
        using var cluster = Ready(out var silent);
        var other = (silent + 1) % 3;
        Silence(cluster, silent);
        var cutMs = cluster.Clock.Ms;
        Assert.Equal(ReplyStatus.Ok, cluster.Put(other, Key, "v", "client", 1).Status);
        Assert.InRange(cluster.Clock.Ms - cutMs, 400, 900);
        cluster.RunUntil(() => LeadsNothing(cluster, silent, other), 1000, "new leaders");
        Assert.InRange(cluster.Clock.Ms - cutMs, 400, 999);
    }

    [Fact]
    public void A_suspect_shows_in_the_status_until_it_is_heard_again()
    {
        using var cluster = Ready(out var silent);
        var other = (silent + 1) % 3;
        Silence(cluster, silent);
        cluster.Run(700);
        var away = Assert.Single(cluster.Status(other).MembersAway);
        Assert.Equal((Name(silent), "suspect"), (away.Name, away.State));
        Assert.InRange(away.ForMs, 150, 320);
        Assert.Equal(2, cluster.Status(silent).MembersAway.Count);
        Assert.Equal(2, cluster.Status(other).MembersUp.Count);
        Assert.Equal(0, cluster.Status(other).FailuresToleratedNow);
        cluster.Network.Heal();
        cluster.Run(200);
        Assert.Empty(cluster.Status(other).MembersAway);
        Assert.True(IsNoted(cluster, $"{Name(silent)} is suspected"));
        Assert.True(IsNoted(cluster, $"{Name(silent)} is heard again"));
    }

    [Fact]
    public void With_lease_reads_a_suspect_keeps_its_groups_until_the_election_timeout()
    {
        using var cluster = Ready(out var silent, lease: true);
        var other = (silent + 1) % 3;
        var terms = Terms(cluster, other);
        Silence(cluster, silent);
        cluster.Run(900);
        Assert.Equal("suspect", Assert.Single(cluster.Status(other).MembersAway).State);
        Assert.Equal(terms, Terms(cluster, other));
        cluster.RunUntil(() => LeadsNothing(cluster, silent, other), 4000, "new leaders");
    }

    [Fact]
    public void A_leader_that_one_node_alone_suspects_goes_on_leading()
    {
        using var cluster = Ready(out var leader);
        var (deaf, other) = ((leader + 1) % 3, (leader + 2) % 3);
        var before = (Led(cluster, other), Terms(cluster, other));
        cluster.Network.Cut(cluster.IdOf(leader), cluster.IdOf(deaf));
        cluster.Run(3000);
        Assert.Equal("suspect", Assert.Single(cluster.Status(deaf).MembersAway).State);
        Assert.Empty(cluster.Status(other).MembersAway);
        var after = (Led(cluster, other), Terms(cluster, other));
        Assert.Equal(before.Item1[LedBy(before.Item1, leader)], after.Item1[LedBy(before.Item1, leader)]);
        Assert.Equal(before.Item2[LedBy(before.Item1, leader)], after.Item2[LedBy(before.Item1, leader)]);
        Assert.Equal(ReplyStatus.Ok, cluster.Put(other, Key, "v").Status);
    }

    [Fact]
    public void A_node_that_was_paused_itself_suspects_no_peer()
    {
        using var cluster = Ready(out _);
        cluster.Run(450);
        cluster.Clock.Ms += 20_000;
        cluster.Run(3000);
        Assert.False(IsNoted(cluster, "is suspected"));
    }

    [Fact]
    public void A_forwarded_write_that_may_be_repeated_does_not_wait_for_the_silent_leader()
    {
        using var cluster = Ready(out var silent);
        var other = (silent + 1) % 3;
        Silence(cluster, silent);
        var once = cluster.Submit(other, Put("client"), timeoutMs: 3000);
        var plain = cluster.Submit(other, Put(""), timeoutMs: 3000);
        cluster.RunUntil(() => once.Reply is not null, 900, "the answer of the next leader");
        Assert.Equal(ReplyStatus.Ok, once.Reply!.Status);
        Assert.Null(plain.Reply);
        cluster.RunUntil(() => plain.Reply is not null, 3000, "the end of the other write");
        Assert.Equal(ReplyStatus.DeadlineExceeded, plain.Reply!.Status);
    }

    private static bool LeadsNothing(TestCluster cluster, int node, int asked) =>
        !Led(cluster, asked).Contains(Name(node));

    private static bool IsNoted(TestCluster cluster, string text) =>
        cluster.Notes.Any(note => note.Contains(text, StringComparison.Ordinal));

    private static PutRequest Put(string client) => new()
    {
        Key = TestCluster.Bytes(Key),
        Value = TestCluster.Bytes("v"),
        ClientId = client,
        RequestId = client.Length > 0 ? 1UL : 0,
    };

    // The node that leads the key's partition.
    private static TestCluster Ready(out int leader, bool lease = false)
    {
        var cluster = new TestCluster(3, options => options with { LeaseReads = lease });
        cluster.RunUntilReady();
        cluster.Run(5000);
        cluster.Put(0, Key, "first");
        leader = cluster.LeaderOf(Key);
        return cluster;
    }

    private static void Silence(TestCluster cluster, int node)
    {
        for (var other = 0; other < cluster.Count; other++)
        {
            cluster.Network.Cut(cluster.IdOf(node), cluster.IdOf(other));
            cluster.Network.Cut(cluster.IdOf(other), cluster.IdOf(node));
        }
    }

    private static string[] Led(TestCluster cluster, int asked) =>
        [.. cluster.Status(asked).Partitions.Select(static partition => partition.Leader)];

    private static ulong[] Terms(TestCluster cluster, int asked) =>
        [.. cluster.Status(asked).Partitions.Select(static partition => partition.Term)];

    private static int LedBy(string[] leaders, int node) => Array.IndexOf(leaders, Name(node));

    private static string Name(int node) => $"node-{node + 1}";
}
