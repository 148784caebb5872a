using System.Globalization;
using System.Security.Cryptography;
using Kvorum.Simulator;
using Kvorum.Simulator.Commands;
using Kvorum.Simulator.Groups;
using Kvorum.Simulator.World;

namespace Kvorum.Tests.Simulator.Groups;

/// <summary>Runs of one group under faults, by seed. A failure names the line that replays it.</summary>
public class GroupSimulationTests
{
    private static readonly GroupChoice Choice = new();

    [Fact]
    public void One_group_keeps_all_promises_and_everything_happens()
    {
        var runs = Enumerable.Range(1, 40).Select(seed => Keeps((ulong)seed)).ToArray();
        Assert.All(GroupOptions.Claimed, kind => Assert.Contains(runs, run => run.Faults[kind] > 0));
        // A run in which nothing happens proves nothing.
        Assert.InRange(runs.Average(run => run.Answered), 200, double.MaxValue);
        Assert.InRange(runs.Average(run => run.Faults[FaultKind.MembershipChange]), 3, double.MaxValue);
        Assert.InRange(runs.Average(run => run.Faults[FaultKind.LeadershipTransfer]), 3, double.MaxValue);
        Assert.InRange(runs.Average(run => run.Faults[FaultKind.SnapshotInstalled]), 1, double.MaxValue);
    }

    [Fact]
    public void Fresh_seeds_keep_all_promises()
    {
        for (var number = 1; number <= 10; number++)
        {
            var seed = (ulong)RandomNumberGenerator.GetInt32(int.MaxValue);
            TestContext.Current.SendDiagnosticMessage($"fresh seed {number}: {Choice.Replay(seed)}");
            Keeps(seed);
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_trace_in_any_order_and_whatever_is_shown()
    {
        ulong[] seeds = [11, 12, 13, 14];
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        var forward = seeds.Select(seed => Keeps(seed).TraceHash).ToArray();
        var backward = seeds.Reverse()
            .Select(seed => Choice.Run(seed, Verbosity.Everything, output).TraceHash).Reverse().ToArray();
        Assert.Equal(forward, backward);
        Assert.Equal(seeds.Length, forward.Distinct().Count());
        Assert.Contains("AppendEntries", output.ToString(), StringComparison.Ordinal);
    }

    private static SimulationResult Keeps(ulong seed)
    {
        var result = Choice.Run(seed);
        Assert.True(result.Failure is null, $"{result.Failure}\nreplay: {Choice.Replay(seed)}");
        return result;
    }
}
