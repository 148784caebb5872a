using System.Globalization;
using Kvorum.Node;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Trials;

// Theorem (ADR 36). With default settings, when a node falls silent without a word, every group that it led
// has another leader within 1 s in 95 of 100 cases, and within 1.5 s in all, also the groups at rest.

/// <summary>Times from a node's silence to the last of its groups' new leaders; one cluster each.</summary>
/// <param name="Ms">The times, shortest first.</param>
/// <param name="Groups">How many groups the silent nodes led.</param>
internal sealed record Silences(IReadOnlyList<double> Ms, int Groups)
{
    /// <summary>Makes so many, in clusters of this seed and those after it.</summary>
    public static Silences Make(ulong seed, int count)
    {
        var groups = 0;
        var times = Enumerable.Range(0, count).Select(n => MakeOne(seed + (ulong)n, ref groups)).ToList();
        times.Sort();
        return new(times, groups);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Ms.Count} silences, {Groups} groups: median {Ms[Ms.Count / 2]:0} ms, longest {Ms[^1]:0} ms");

    private static double MakeOne(ulong seed, ref int groups)
    {
        var trial = new TrialCluster(seed, new() { Nodes = 3, Partitions = 12 });
        // Some groups are at rest by then, and leaders are where they belong.
        trial.Wait(trial.Random.Between(500_000, 8_000_000));
        var silent = trial.Random.Pick(trial.Cluster.Machines);
        GroupId[] led = [.. trial.Cluster.Directory.Groups.Where(
            group => trial.LeaderOf(group) is { } leader && leader.Machine == silent)];
        groups += led.Length;
        if (trial.Random.Chance(0.5))
            silent.LosePower(FaultKind.PowerLoss);
        else
            silent.Process!.PausedUntilUs = trial.World.NowUs + 60_000_000;
        return trial.Until(
            60_000_000, () => led.All(group => trial.LeaderOf(group, silent) is not null),
            "every group has another leader") / 1e3;
    }
}
