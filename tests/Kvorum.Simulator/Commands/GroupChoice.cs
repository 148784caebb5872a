using System.Globalization;
using Kvorum.Simulator.Groups;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Commands;

/// <summary>Runs of one group; the seed draws their configuration.</summary>
/// <param name="Seconds">Simulated seconds.</param>
internal sealed record GroupChoice(int Seconds = GroupChoice.UsualSeconds) : IRunKind
{
    /// <summary>Simulated seconds of a run unless something else is said.</summary>
    public const int UsualSeconds = 10;

    /// <inheritdoc/>
    public string Title => "one group";

    /// <inheritdoc/>
    public IReadOnlyList<FaultKind> Claimed => GroupOptions.Claimed;

    /// <inheritdoc/>
    public SimulationResult Run(ulong seed, Verbosity shown = Verbosity.Outcome, TextWriter? output = null) =>
        GroupSimulation.Run(
            GroupSwarm.Draw(seed) with { Seconds = Seconds, Shown = shown, Output = output });

    /// <inheritdoc/>
    public string Replay(ulong seed)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"./sim groups --seed {seed}");
        return Seconds == UsualSeconds
            ? line
            : line + string.Create(CultureInfo.InvariantCulture, $" --seconds {Seconds}");
    }
}
