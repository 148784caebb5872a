using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Nemesis;

/// <summary>
/// When faults fire: each kind by its own random numbers, at random moments of the times of faults, the first
/// one surely within the first of them, but for damage.
/// </summary>
internal sealed class FaultPlan(SimulatedWorld world, FaultOptions options, Action<FaultKind> strike)
{
    private readonly SortedDictionary<FaultKind, RandomStream> _random =
        new(options.MeanSeconds.ToDictionary(
            kind => kind.Key, kind => world.Random("plan of faults", (int)kind.Key)));

    private int _round;

    /// <summary>A time of faults begins and lasts so long.</summary>
    public void Begin(long lengthUs)
    {
        var round = ++_round;
        foreach (var (kind, random) in _random)
        {
            var first = random.Exponential(options.MeanSeconds[kind] * 1e6);
            // Except damage: a node that is lost early spoils the rest of the run.
            var isDue = round == 1 && !FaultOptions.IsDamage(kind);
            var latest = isDue ? random.Between(0, lengthUs * 3 / 4) : long.MaxValue;
            Plan(kind, random, round, Math.Min(first, latest));
        }
    }

    /// <summary>No fault fires until the next <see cref="Begin"/>.</summary>
    public void End() => _round++;

    private void Plan(FaultKind kind, RandomStream random, int round, long delayUs) =>
        world.Scheduler.After(delayUs, () =>
        {
            if (round != _round)
                return;
            strike(kind);
            Plan(kind, random, round, random.Exponential(options.MeanSeconds[kind] * 1e6));
        });
}
