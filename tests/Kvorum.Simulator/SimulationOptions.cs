using Kvorum.Simulator.Nemesis;
using Kvorum.Simulator.Network;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator;

/// <summary>Everything that decides a run, together with the code.</summary>
internal sealed record SimulationOptions
{
    /// <summary>The seed of all randomness.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Simulated time after which no new round of faults begins, in seconds.</summary>
    public int Seconds { get; init; } = 60;

    /// <summary>The nodes and their settings.</summary>
    public ClusterOptions Cluster { get; init; } = new();

    /// <summary>The network without faults.</summary>
    public NetworkOptions Network { get; init; } = new();

    /// <summary>What the clients do.</summary>
    public Workloads.WorkloadOptions Workload { get; init; } = new();

    /// <summary>What goes wrong.</summary>
    public FaultOptions Faults { get; init; } = new();

    /// <summary>How much of the run is shown.</summary>
    public Verbosity Shown { get; init; }

    /// <summary>Where it is shown; null: nowhere.</summary>
    public TextWriter? Output { get; init; }
}
