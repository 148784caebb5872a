using Kvorum.Node.Access;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>How old may be what a node knows of the metadata group: rights are believed by it.</summary>
public sealed class MetadataSilenceTests : IDisposable
{
    private readonly TestCluster _cluster = new(3);

    public MetadataSilenceTests() => _cluster.RunUntilReady();

    public void Dispose() => _cluster.Dispose();

    [Fact]
    public void A_node_that_hears_the_leader_is_up_to_date()
    {
        _cluster.Run(1000);
        for (var node = 0; node < 3; node++)
            Assert.InRange(_cluster[node].MetadataSilenceMs, 0, 2000);
        _cluster.Run(150_000);
        for (var node = 0; node < 3; node++)
            Assert.InRange(_cluster[node].MetadataSilenceMs, 0, 61_000);
    }

    [Fact]
    public void A_node_that_is_cut_off_counts_the_time()
    {
        _cluster.Run(1000);
        CutOff(2);
        _cluster.Run(8000);
        Assert.InRange(_cluster[2].MetadataSilenceMs, 8000, 10_000);
        _cluster.Run(120_000);
        Assert.InRange(_cluster[2].MetadataSilenceMs, 128_000, 130_000);
        Assert.InRange(_cluster[0].MetadataSilenceMs, 0, 61_000);
    }

    /// <summary>
    /// It cannot know for how long it was away: what it has on its disk may be of any age, and each start
    /// would make it new again.
    /// </summary>
    [Fact]
    public void A_node_that_has_not_heard_the_leader_since_its_start_knows_nothing_of_the_age()
    {
        CutOff(2);
        _cluster.Crash(2);
        _cluster.Start(2);
        _cluster.Run(100);
        Assert.Equal(long.MaxValue, _cluster[2].MetadataSilenceMs);
        _cluster.Network.Heal();
        _cluster.RunUntil(() => _cluster[2].MetadataSilenceMs < 500, what: "the leader is heard");
    }

    /// <summary>
    /// That it hears the leader says nothing: the revocation may be on its way still. So the first user finds
    /// it as old as its last question, and it asks at once.
    /// </summary>
    [Fact]
    public void When_it_hears_of_the_first_user_its_age_is_proved_already()
    {
        _cluster.Run(30_000);
        var follower = Enumerable.Range(0, 3).First(node => !Leads(node));
        Assert.InRange(_cluster[follower].MetadataSilenceMs, 25_000, 31_000);
        var made = _cluster.Administer(follower, new CreateUser("ann", [AccessTable.AdminRole]));
        Assert.Equal(ReplyStatus.Ok, made.Status);
        _cluster.RunUntil(() => _cluster[follower].MetadataSilenceMs < 300, 500, "its age is proved");
    }

    /// <summary>
    /// Where rights rest on it, only what is applied counts, and only a leader that a majority hears.
    /// </summary>
    [Fact]
    public void Where_there_are_users_a_leader_alone_knows_nothing_new()
    {
        var leader = Enumerable.Range(0, 3).First(Leads);
        var made = _cluster.Administer(leader, new CreateUser("ann", [AccessTable.AdminRole]));
        Assert.Equal(ReplyStatus.Ok, made.Status);
        _cluster.RunUntil(
            () => Enumerable.Range(0, 3).All(node => _cluster[node].Access is { Users.IsEmpty: false }),
            what: "all know ann");
        _cluster.Run(1000);
        for (var node = 0; node < 3; node++)
            Assert.InRange(_cluster[node].MetadataSilenceMs, 0, 500);
        CutOff(leader);
        _cluster.Run(700);
        Assert.InRange(_cluster[leader].MetadataSilenceMs, 600, 1000);
        _cluster.Network.Heal();
        _cluster.RunUntil(
            () => _cluster[leader].MetadataSilenceMs < 300, what: "it is told what came meanwhile");
    }

    private bool Leads(int node) => _cluster[node].Loops.SelectMany(static loop => loop.RaftReplicas)
        .Any(static replica => replica.Group.IsMetadata && replica.IsLeader);

    private void CutOff(int node)
    {
        foreach (var other in Enumerable.Range(0, 3).Where(one => one != node))
        {
            _cluster.Network.Cut(_cluster.IdOf(node), _cluster.IdOf(other));
            _cluster.Network.Cut(_cluster.IdOf(other), _cluster.IdOf(node));
        }
    }
}
