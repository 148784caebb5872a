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
            Assert.InRange(_cluster[node].MetadataSilenceMs, 0, 500);
    }

    [Fact]
    public void A_node_that_is_cut_off_counts_the_time()
    {
        CutOff(2);
        _cluster.Run(8000);
        Assert.InRange(_cluster[2].MetadataSilenceMs, 3000, 8000);
        Assert.InRange(_cluster[0].MetadataSilenceMs, 0, 500);
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

    private void CutOff(int node)
    {
        foreach (var other in Enumerable.Range(0, 3).Where(one => one != node))
        {
            _cluster.Network.Cut(_cluster.IdOf(node), _cluster.IdOf(other));
            _cluster.Network.Cut(_cluster.IdOf(other), _cluster.IdOf(node));
        }
    }
}
