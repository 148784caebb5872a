using System.Diagnostics;
using System.Globalization;
using Kvorum.Cli.Demo;

namespace Kvorum.Cli.Chaos;

/// <summary>
/// Does the faults, one after the other, as a seed decides: every kind comes as often as the others. One
/// caller.
/// </summary>
internal sealed class Nemesis(ChaosCluster cluster, ChaosOptions options, Action<string> tell)
{
    // Longer than the greatest election timeout and any lease of the default settings.
    private const int PauseMinMs = 2300;

    private readonly Random _random = new(options.Seed);
    private readonly int[] _fired = new int[Enum.GetValues<FaultKind>().Length];

    /// <summary>How often a kind was done to the cluster with an effect.</summary>
    public int Fired(FaultKind kind) => _fired[(int)kind];

    /// <summary>Faults until the time is over, and until each kind has come at least once.</summary>
    public async Task Run(TimeSpan duration, CancellationToken cancel)
    {
        var time = Stopwatch.StartNew();
        var deck = new Queue<FaultKind>();
        await Calm(300, 700, cancel).ConfigureAwait(false);
        bool isFirstRound = true;
        while (time.Elapsed < duration || (isFirstRound && deck.Count > 0))
        {
            if (deck.Count == 0)
            {
                var kinds = options.Kinds.ToArray();
                _random.Shuffle(kinds);
                deck = new(kinds);
            }

            await Do(deck.Dequeue(), cancel).ConfigureAwait(false);
            await Calm(400, 1600, cancel).ConfigureAwait(false);
            isFirstRound &= deck.Count > 0;
        }
    }

    private Task Do(FaultKind kind, CancellationToken cancel) => kind switch
    {
        FaultKind.Kill => Kill(cancel),
        FaultKind.Pause => Pause(cancel),
        _ => Split(cancel),
    };

    private async Task Kill(CancellationToken cancel)
    {
        var victims = Victims();
        tell($"kill -9 {Names(victims)}");
        await Task.WhenAll(victims.Select(server => server.Kill())).ConfigureAwait(false);
        _fired[(int)FaultKind.Kill]++;
        await Calm(100, 2500, cancel).ConfigureAwait(false);
        foreach (var server in victims)
            server.Start();
        tell($"{Names(victims)} started again");
    }

    private async Task Pause(CancellationToken cancel)
    {
        var victims = Victims();
        var length = TimeSpan.FromMilliseconds(_random.Next(PauseMinMs, PauseMinMs + 1500));
        tell($"pause {Names(victims)} for {Seconds(length)} s");
        if (await ChaosCluster.Pause(victims, length).ConfigureAwait(false))
            _fired[(int)FaultKind.Pause]++;
        cancel.ThrowIfCancellationRequested();
        tell($"{Names(victims)} go on");
    }

    private async Task Split(CancellationToken cancel)
    {
        var (what, ways) = Cut();
        var mode = (CutMode)_random.Next(2);
        bool resets = _random.Next(2) == 0;
        long hits = cluster.Hits;
        tell($"split: {what} cut, {(mode == CutMode.Silent ? "silently" : "with resets")}");
        foreach (var (from, to) in ways)
            cluster.Between(from, to).Break(mode);
        try
        {
            await Calm(1200, 4000, cancel).ConfigureAwait(false);
            if (cluster.Hits > hits)
                _fired[(int)FaultKind.Split]++;
        }
        finally
        {
            foreach (var (from, to) in ways)
                cluster.Between(from, to).Mend(resets);
        }

        tell(resets || mode == CutMode.Reset ? "mended" : "mended; what waited arrives late");
    }

    // One node, seldom more, seldom all.
    private DemoServer[] Victims()
    {
        int count = _random.Next(6) switch
        {
            0 => cluster.Servers.Count,
            1 => _random.Next(1, cluster.Servers.Count),
            _ => 1,
        };
        return [.. Shuffled().Take(count).Select(n => cluster.Servers[n])];
    }

    private (string What, (int From, int To)[] Ways) Cut()
    {
        int[] order = Shuffled();
        var alone = order[0];
        string name = cluster.Servers[alone].Name;
        var from = cluster.Ways().Where(way => way.From == alone);
        var to = cluster.Ways().Where(way => way.To == alone);
        return _random.Next(5) switch
        {
            0 => ($"all ways from {name}", [.. from]),
            1 => ($"all ways to {name}", [.. to]),
            2 => ($"the way from {name} to {cluster.Servers[order[1]].Name}", [(alone, order[1])]),
            3 => ("all ways", [.. cluster.Ways()]),
            _ => ($"all ways from and to {name}", [.. from, .. to]),
        };
    }

    private int[] Shuffled()
    {
        int[] order = [.. Enumerable.Range(0, cluster.Servers.Count)];
        _random.Shuffle(order);
        return order;
    }

    private async Task Calm(int minMs, int maxMs, CancellationToken cancel)
    {
        int lengthMs = _random.Next(minMs, maxMs);
        for (var time = Stopwatch.StartNew(); time.ElapsedMilliseconds < lengthMs;)
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
