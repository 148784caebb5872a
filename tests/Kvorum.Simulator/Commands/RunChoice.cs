using System.Globalization;
using Kvorum.Simulator.Nemesis;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Commands;

/// <summary>Runs of whole clusters.</summary>
/// <param name="IsSwarm">The configuration is drawn from the seed.</param>
/// <param name="Seconds">Simulated seconds.</param>
internal sealed record RunChoice(bool IsSwarm, int Seconds) : IRunKind
{
    /// <summary>Of a swarm: each run has a quorum keyspace.</summary>
    public bool HasQuorums { get; init; }

    /// <summary>Simulated seconds of a run unless something else is said.</summary>
    public const int UsualSeconds = 60;

    /// <inheritdoc/>
    public string Title => HasQuorums ? "swarm with quorum keyspaces" : IsSwarm ? "swarm" : "";

    /// <inheritdoc/>
    public IReadOnlyList<FaultKind> Claimed =>
    [
        .. FaultOptions.Claimed, .. IsSwarm ? FaultOptions.OfSwarms : [],
        .. HasQuorums ? FaultOptions.OfQuorums : [],
    ];

    /// <summary>The options of a run.</summary>
    public SimulationOptions Options(ulong seed) =>
        (IsSwarm ? Swarm.Draw(seed, HasQuorums) : new SimulationOptions { Seed = seed }) with
        {
            Seconds = Seconds,
        };

    /// <inheritdoc/>
    public SimulationResult Run(ulong seed, Verbosity shown = Verbosity.Outcome, TextWriter? output = null) =>
        Simulation.Run(Options(seed) with { Shown = shown, Output = output });

    /// <inheritdoc/>
    public string Replay(ulong seed)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"./sim --seed {seed}");
        if (IsSwarm)
            line += HasQuorums ? " --quorums" : " --swarm";
        if (Seconds != UsualSeconds)
            line += string.Create(CultureInfo.InvariantCulture, $" --seconds {Seconds}");
        return line;
    }
}
