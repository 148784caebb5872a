using Kvorum.Simulator.World;

namespace Kvorum.Simulator;

/// <summary>How a run ended.</summary>
internal sealed record SimulationResult
{
    /// <summary>The seed.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The first broken promise; null if all were kept.</summary>
    public required string? Failure { get; init; }

    /// <summary>The hash over everything that happened.</summary>
    public required ulong TraceHash { get; init; }

    /// <summary>Simulated time, in seconds.</summary>
    public required double Seconds { get; init; }

    /// <summary>Events that happened.</summary>
    public required long Events { get; init; }

    /// <summary>Requests of clients that were answered.</summary>
    public required int Answered { get; init; }

    /// <summary>Of them, pages of scans.</summary>
    public int Pages { get; init; }

    /// <summary>How often each kind of fault had its effect.</summary>
    public required IReadOnlyDictionary<FaultKind, long> Faults { get; init; }
}
