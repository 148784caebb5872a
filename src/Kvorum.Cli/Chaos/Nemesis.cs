using System.Diagnostics;
using System.Globalization;
using Kvorum.Cli.Demo;
using Kvorum.Cli.Network;

namespace Kvorum.Cli.Chaos;

/// <summary>Does the faults of a plan, episode by episode. One caller.</summary>
internal sealed class Nemesis(ChaosCluster cluster, ChaosOptions options, Action<string> tell)
{
    private readonly ChaosPlan _plan = new(options.Seed, options.Nodes, options.Kinds, options.Overlap);
    private readonly int[] _fired = new int[Enum.GetValues<FaultKind>().Length];

    /// <summary>Episodes in which faults lasted at the same time.</summary>
    public int Overlaps { get; private set; }

    /// <summary>How often a kind was done to the cluster with an effect.</summary>
    public int Fired(FaultKind kind) => Volatile.Read(ref _fired[(int)kind]);

    /// <summary>Faults until the time is over, and until each kind has come at least once.</summary>
    public async Task Run(TimeSpan duration, CancellationToken cancel)
    {
        var time = Stopwatch.StartNew();
        await Calm(TimeSpan.FromMilliseconds(500), cancel).ConfigureAwait(false);
        for (var done = 0; time.Elapsed < duration || done < options.Kinds.Count; done++)
        {
            var episode = _plan.Next();
            // Each is taken back by itself, whatever becomes of the others.
            await Task.WhenAll(episode.Faults.Select(fault => Do(fault, cancel))).ConfigureAwait(false);
            Overlaps += episode.Overlaps ? 1 : 0;
            await Calm(episode.Calm, cancel).ConfigureAwait(false);
        }
    }

    private async Task Do(PlannedFault fault, CancellationToken cancel)
    {
        await Task.Delay(fault.Start, cancel).ConfigureAwait(false);
        var hit = fault.Kind switch
        {
            FaultKind.Kill => await Kill(fault, cancel).ConfigureAwait(false),
            FaultKind.Pause => await Pause(fault, cancel).ConfigureAwait(false),
            _ => await Split(fault, cancel).ConfigureAwait(false),
        };
        if (hit)
            Interlocked.Increment(ref _fired[(int)fault.Kind]);
    }

    private async Task<bool> Kill(PlannedFault fault, CancellationToken cancel)
    {
        var victims = Victims(fault);
        tell($"kill -9 {Names(victims)}");
        await Task.WhenAll(victims.Select(server => server.Kill())).ConfigureAwait(false);
        await Calm(fault.Length, cancel).ConfigureAwait(false);
        foreach (var server in victims)
            server.Start();
        tell($"{Names(victims)} started again");
        return true;
    }

    private async Task<bool> Pause(PlannedFault fault, CancellationToken cancel)
    {
        var victims = Victims(fault);
        tell($"pause {Names(victims)} for {Seconds(fault.Length)} s");
        var hit = await ChaosCluster.Pause(victims, fault.Length).ConfigureAwait(false);
        cancel.ThrowIfCancellationRequested();
        tell($"{Names(victims)} go on");
        return hit;
    }

    private async Task<bool> Split(PlannedFault fault, CancellationToken cancel)
    {
        var hits = cluster.Network.HitsOf(fault.Ways);
        tell($"split: {fault.What} cut, {(fault.Mode == CutMode.Silent ? "silently" : "with resets")}");
        foreach (var (from, to) in fault.Ways)
            cluster.Network.Between(from, to).Break(fault.Mode);
        try
        {
            await Calm(fault.Length, cancel).ConfigureAwait(false);
            return cluster.Network.HitsOf(fault.Ways) > hits;
        }
        finally
        {
            foreach (var (from, to) in fault.Ways)
                cluster.Network.Between(from, to).Mend(fault.Resets);
            tell(fault.Resets || fault.Mode == CutMode.Reset ? "mended" : "mended; what waited arrives late");
        }
    }

    private DemoServer[] Victims(PlannedFault fault) => [.. fault.Nodes.Select(n => cluster.Servers[n])];

    private async Task Calm(TimeSpan length, CancellationToken cancel)
    {
        for (var time = Stopwatch.StartNew(); time.Elapsed < length;)
        {
            cluster.CheckRunning();
            await Task.Delay(50, cancel).ConfigureAwait(false);
        }
    }

    private static string Names(IEnumerable<DemoServer> servers) =>
        string.Join(", ", servers.Select(server => server.Name).Order(StringComparer.Ordinal));

    private static string Seconds(TimeSpan time) =>
        time.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture);
}
