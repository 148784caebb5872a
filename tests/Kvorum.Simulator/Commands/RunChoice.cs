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

    /// <summary>Of a swarm: rights are enforced in each run.</summary>
    public bool HasRights { get; init; }

    /// <summary>Most nodes of each run are lost for good, and the cluster is recovered.</summary>
    public bool LosesMajority { get; init; }

    /// <summary>The disks are encrypted.</summary>
    public bool IsEncrypted { get; init; }

    /// <summary>Simulated seconds of a run unless something else is said.</summary>
    public const int UsualSeconds = 60;

    /// <inheritdoc/>
    public string Title => HasRights ? "swarm with rights"
        : HasQuorums ? "swarm with quorum keyspaces" : IsSwarm ? "swarm" : "";

    /// <inheritdoc/>
    public IReadOnlyList<FaultKind> Claimed =>
        [.. FaultOptions.Claimed,
            // Old nodes refuse quorum keyspaces, so there are none.
            .. !IsSwarm ? [] : HasQuorums || HasRights ? FaultOptions.OfMembers : FaultOptions.OfSwarms,
            .. HasQuorums ? FaultOptions.OfQuorums : [],
            .. LosesMajority ? [FaultKind.MajorityLost] : Array.Empty<FaultKind>()];

    /// <summary>The options of a run.</summary>
    public SimulationOptions Options(ulong seed)
    {
        var drawn = (IsSwarm ? Swarm.Draw(seed, HasQuorums, HasRights)
            : new SimulationOptions { Seed = seed }) with
        {
            Seconds = Seconds,
        };
        if (IsEncrypted)
            drawn = drawn with { Cluster = drawn.Cluster with { IsEncrypted = true } };
        return LosesMajority ? Swarm.LosingMajority(drawn) : drawn;
    }

    /// <inheritdoc/>
    public SimulationResult Run(ulong seed, Verbosity shown = Verbosity.Outcome, TextWriter? output = null) =>
        Simulation.Run(Options(seed) with { Shown = shown, Output = output });

    /// <inheritdoc/>
    public string Replay(ulong seed)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"./sim --seed {seed}");
        if (IsSwarm)
            line += HasQuorums ? " --quorums" : HasRights ? "" : " --swarm";
        if (HasRights)
            line += " --rights";
        if (IsEncrypted)
            line += " --encrypted";
        if (LosesMajority)
            line += " --recover";
        if (Seconds != UsualSeconds)
            line += string.Create(CultureInfo.InvariantCulture, $" --seconds {Seconds}");
        return line;
    }
}
