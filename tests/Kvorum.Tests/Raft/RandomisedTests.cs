using System.Diagnostics;
using Kvorum.Tests.Raft.Harness;

namespace Kvorum.Tests.Raft;

/// <summary>Groups among faults: the five safety properties after every step, progress after healing, and reads never stale.</summary>
public class RandomisedTests
{
    /// <summary>Set to a number to replay that seed alone; to a range such as <c>1000-2000</c> to search.</summary>
    private const string SeedVariable = "KVORUM_RAFT_SEED";

    [Fact]
    public void Safety_always_and_progress_after_healing()
    {
        var (first, last, bounded) = Seeds();
        var clock = Stopwatch.StartNew();
        ulong committed = 0;
        long reads = 0, runs = 0;
        for (var seed = first; seed <= last && (!bounded || clock.Elapsed < TimeSpan.FromSeconds(20)); seed++, runs++)
        {
            var simulation = Run(seed);
            committed += simulation.Committed;
            reads += simulation.ReadsServed;
        }
        // A simulation in which nothing happens proves nothing.
        Assert.True(committed > (ulong)runs * 20, $"{runs} runs committed only {committed} entries");
        Assert.True(reads > runs * 5, $"{runs} runs served only {reads} reads");
        TestContext.Current.SendDiagnosticMessage($"{runs} seeds, {committed} entries, {reads} reads");
    }

    private static Simulation Run(int seed)
    {
        var simulation = new Simulation(seed);
        try
        {
            simulation.RunFaults(3000);
            simulation.HealAndDemandProgress();
            return simulation;
        }
        catch (Exception problem)
        {
            throw new InvalidOperationException(
                $"seed {seed} (replay: {SeedVariable}={seed}): {problem.Message}\n{simulation.Describe()}", problem);
        }
    }

    private static (int First, int Last, bool Bounded) Seeds()
    {
        if (Environment.GetEnvironmentVariable(SeedVariable) is not { } text) return (1, 400, true);
        var parts = text.Split('-').Select(int.Parse).ToArray();
        return (parts[0], parts[^1], false);
    }
}
