using Kvorum.Cli.Network;

namespace Kvorum.Cli.Chaos;

/// <summary>
/// Which faults come, decided by a seed alone: every kind as often as the others, one after the other, and
/// now and then two at once. Those that last at the same time never take more nodes than the others can do
/// without; all nodes at once, or most, only one fault alone takes. One caller.
/// </summary>
/// <param name="seed">Decides everything.</param>
/// <param name="nodes">Nodes of the cluster, 3 and more.</param>
/// <param name="kinds">The kinds that may come.</param>
/// <param name="overlapPercent">Of 100 episodes, so many are to be of two faults.</param>
internal sealed class ChaosPlan(int seed, int nodes, IReadOnlyList<FaultKind> kinds, int overlapPercent)
{
    /// <summary>No episode lasts longer, in milliseconds, the calm behind it apart.</summary>
    public const int EpisodeMaxMs = 2 * FaultMaxMs;

    private const int FaultMaxMs = 4000;

    // Longer than the greatest election timeout and any lease of the default settings.
    private const int PauseMinMs = 2300;

    private readonly Random _random = new(seed);
    private Queue<FaultKind> _deck = new();

    /// <summary>The next episode.</summary>
    public Episode Next()
    {
        if (_deck.Count == 0)
        {
            var kinds = Kinds();
            _random.Shuffle(kinds);
            _deck = new(kinds);
        }

        var kind = _deck.Dequeue();
        var faults = _random.Next(100) < overlapPercent ? Two(kind) : [One(kind)];
        return new(faults, Milliseconds(400, 1600));
    }

    // One node, seldom more, seldom all.
    private PlannedFault One(FaultKind kind)
    {
        var count = _random.Next(6) switch
        {
            0 => nodes,
            1 => _random.Next(1, nodes),
            _ => 1,
        };
        return kind == FaultKind.Split
            ? Cut(_random.Next(nodes), mayBeAll: true)
            : Hit(kind, [.. Shuffled().Take(count)]);
    }

    // The second begins while the first lasts, at another node, or at the same one.
    private PlannedFault[] Two(FaultKind kind)
    {
        var order = Shuffled();
        var first = kind == FaultKind.Split ? Cut(order[0], mayBeAll: false) : Hit(kind, [order[0]]);
        var isAnother = (nodes - 1) / 2 > 1 && _random.Next(4) > 0;
        var fitting = Kinds().Where(other => isAnother || FitsOnOneNode(kind, other)).ToArray();
        if (fitting.Length == 0)
            return [first];
        var otherKind = fitting[_random.Next(fitting.Length)];
        var node = order[isAnother ? 1 : 0];
        var second = otherKind == FaultKind.Split ? Cut(node, mayBeAll: false) : Hit(otherKind, [node]);
        var start = TimeSpan.FromMilliseconds(_random.Next((int)first.Length.TotalMilliseconds));
        // A way that is cut already stays with the first, which mends it.
        return [first, second with { Start = start, Ways = [.. second.Ways.Except(first.Ways)] }];
    }

    // A process that is gone cannot be told to go on.
    private static bool FitsOnOneNode(FaultKind one, FaultKind other) =>
        one != other && (one == FaultKind.Split || other == FaultKind.Split);

    private PlannedFault Hit(FaultKind kind, int[] victims) => new(
        kind, victims, TimeSpan.Zero,
        kind == FaultKind.Pause ? Milliseconds(PauseMinMs, PauseMinMs + 1500) : Milliseconds(100, 2500));

    private PlannedFault Cut(int alone, bool mayBeAll)
    {
        int[] others = [.. Enumerable.Range(0, nodes).Where(node => node != alone)];
        var from = others.Select(other => (alone, other));
        var to = others.Select(other => (other, alone));
        var one = others[_random.Next(others.Length)];
        var (what, ways) = _random.Next(mayBeAll ? 5 : 4) switch
        {
            0 => ($"all ways from {Name(alone)}", from),
            1 => ($"all ways to {Name(alone)}", to),
            2 => ($"the way from {Name(alone)} to {Name(one)}", [(alone, one)]),
            3 => ($"all ways from and to {Name(alone)}", from.Concat(to)),
            _ => ("all ways", All()),
        };
        return new(
            FaultKind.Split, what == "all ways" ? [.. Enumerable.Range(0, nodes)] : [alone], TimeSpan.Zero,
            Milliseconds(1200, FaultMaxMs))
        {
            What = what,
            Ways = [.. ways],
            Mode = (CutMode)_random.Next(2),
            Resets = _random.Next(2) == 0,
        };
    }

    private IEnumerable<(int From, int To)> All() =>
        from a in Enumerable.Range(0, nodes)
        from b in Enumerable.Range(0, nodes)
        where a != b
        select (a, b);

    private FaultKind[] Kinds() => [.. kinds];

    private int[] Shuffled()
    {
        int[] order = [.. Enumerable.Range(0, nodes)];
        _random.Shuffle(order);
        return order;
    }

    private TimeSpan Milliseconds(int min, int max) => TimeSpan.FromMilliseconds(_random.Next(min, max));

    private static string Name(int node) => $"node-{node + 1}";
}
