using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Commands;

/// <summary>A kind of run: everything that the command line says of it, its seed apart.</summary>
internal interface IRunKind
{
    /// <summary>What a search is told to be of, after its seeds; empty for the usual kind.</summary>
    string Title { get; }

    /// <summary>The faults that must fire somewhere in a search over many seeds.</summary>
    IReadOnlyList<FaultKind> Claimed { get; }

    /// <summary>Runs a seed.</summary>
    SimulationResult Run(ulong seed, Verbosity shown = Verbosity.Outcome, TextWriter? output = null);

    /// <summary>The line that replays a run.</summary>
    string Replay(ulong seed);
}
