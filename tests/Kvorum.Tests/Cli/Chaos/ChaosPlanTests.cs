using Kvorum.Cli.Chaos;

namespace Kvorum.Tests.Cli.Chaos;

/// <summary>
/// Which faults come: by the seed alone, and never more at once than the others can do without.
/// </summary>
public class ChaosPlanTests
{
    private static readonly FaultKind[] All = Enum.GetValues<FaultKind>();

    [Fact]
    public void The_same_seed_gives_the_same_plan()
    {
        Assert.Equal(Told(7), Told(7));
        Assert.NotEqual(Told(7), Told(8));

        static string Told(int seed) => string.Join('\n', Episodes(seed, 5, All, 50)
            .SelectMany(static one => one.Faults)
            .Select(fault => $"{fault.Kind} {string.Join(',', fault.Nodes)} {fault.Start} {fault.Length} "
                + $"{fault.What} {fault.Mode} {fault.Resets}"));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(9)]
    public void Faults_at_once_leave_a_majority_and_end_in_time(int nodes)
    {
        var episodes = Enumerable.Range(0, 40).SelectMany(seed => Episodes(seed, nodes, All, 60)).ToArray();
        Assert.Contains(episodes, static one => one.Overlaps);
        foreach (var (episode, faults) in episodes.Select(static one => (one, one.Faults)))
        {
            Assert.All(faults, static fault => Assert.InRange(fault.Length.TotalMilliseconds, 100, 4000));
            Assert.All(faults, static fault => Assert.InRange(
                fault.End.TotalMilliseconds, 0, ChaosPlan.EpisodeMaxMs));
            Assert.InRange(episode.Calm.TotalMilliseconds, 400, 1600);
            if (!episode.Overlaps)
                continue;
            Assert.Equal(2, faults.Count);
            Assert.True(faults[1].Start < faults[0].End);
            var missed = faults.SelectMany(static fault => fault.Nodes).Distinct().Count();
            Assert.InRange(missed, 1, (nodes - 1) / 2);
            // Who mends a way mends no other's.
            Assert.Empty(faults[0].Ways.Intersect(faults[1].Ways));
        }
    }

    [Fact]
    public void A_process_that_is_killed_is_not_paused_too()
    {
        foreach (var episode in Enumerable.Range(0, 60).SelectMany(seed => Episodes(seed, 5, All, 100)))
        {
            var hits = episode.Faults.Where(static fault => fault.Kind != FaultKind.Split)
                .SelectMany(static fault => fault.Nodes).ToArray();
            Assert.Equal(hits.Length, hits.Distinct().Count());
        }
    }

    [Fact]
    public void Two_of_five_are_missed_at_once_in_all_ways()
    {
        var pairs = Enumerable.Range(0, 60).SelectMany(seed => Episodes(seed, 5, All, 100))
            .Where(static one => one.Overlaps).Select(static one => (one.Faults[0].Kind, one.Faults[1].Kind))
            .ToHashSet();
        Assert.Equal(All.Length * All.Length, pairs.Count);
    }

    [Fact]
    public void Every_kind_comes_as_often_as_the_others_first_and_all_nodes_are_hit_at_times()
    {
        var faults = Episodes(3, 3, All, 0, 90).Select(static one => Assert.Single(one.Faults)).ToArray();
        Assert.All(All, kind => Assert.Equal(30, faults.Count(fault => fault.Kind == kind)));
        Assert.All(All, kind => Assert.Contains(
            faults, fault => fault.Kind == kind && fault.Nodes.Count == 3));
    }

    [Theory]
    [InlineData("kill")]
    [InlineData("pause")]
    [InlineData("split")]
    public void One_kind_alone_comes_alone_where_only_one_node_may_be_missed(string name)
    {
        var kind = Enum.Parse<FaultKind>(name, ignoreCase: true);
        Assert.All(Episodes(1, 3, [kind], 100), one => Assert.Equal(kind, Assert.Single(one.Faults).Kind));
    }

    private static Episode[] Episodes(int seed, int nodes, FaultKind[] kinds, int overlap, int count = 30)
    {
        var plan = new ChaosPlan(seed, nodes, kinds, overlap);
        return [.. Enumerable.Range(0, count).Select(_ => plan.Next())];
    }
}
