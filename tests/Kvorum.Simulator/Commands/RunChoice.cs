using System.Globalization;

namespace Kvorum.Simulator.Commands;

/// <summary>What the command line says of a run, its seed apart.</summary>
/// <param name="IsSwarm">The configuration is drawn from the seed.</param>
/// <param name="Seconds">Simulated seconds.</param>
internal sealed record RunChoice(bool IsSwarm, int Seconds)
{
    /// <summary>The options of a run.</summary>
    public SimulationOptions Options(ulong seed) =>
        (IsSwarm ? Swarm.Draw(seed) : new SimulationOptions { Seed = seed }) with { Seconds = Seconds };

    /// <summary>The line that replays a run.</summary>
    public string Replay(ulong seed)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"./sim --seed {seed}");
        if (IsSwarm)
            line += " --swarm";
        if (Seconds != 60)
            line += string.Create(CultureInfo.InvariantCulture, $" --seconds {Seconds}");
        return line;
    }
}
