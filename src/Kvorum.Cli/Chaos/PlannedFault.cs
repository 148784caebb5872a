using Kvorum.Cli.Network;

namespace Kvorum.Cli.Chaos;

/// <summary>One fault as it is planned.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Nodes">The nodes that it hits, by number; of a cut, those that it cuts off, wholly or in
/// part.</param>
/// <param name="Start">When, from the beginning of its episode.</param>
/// <param name="Length">How long until it is taken back.</param>
internal sealed record PlannedFault(FaultKind Kind, IReadOnlyList<int> Nodes, TimeSpan Start, TimeSpan Length)
{
    /// <summary>Of a cut: what it is called.</summary>
    public string What { get; init; } = "";

    /// <summary>Of a cut: the ways.</summary>
    public IReadOnlyList<(int From, int To)> Ways { get; init; } = [];

    /// <summary>Of a cut: what happens on the ways.</summary>
    public CutMode Mode { get; init; }

    /// <summary>Of a cut: mending it resets connections.</summary>
    public bool Resets { get; init; }

    /// <summary>When it is over, from the beginning of its episode.</summary>
    public TimeSpan End => Start + Length;
}

/// <summary>One fault, or some that last at the same time; and how long it is calm then.</summary>
internal sealed record Episode(IReadOnlyList<PlannedFault> Faults, TimeSpan Calm)
{
    /// <summary>True if some of the faults last at the same time.</summary>
    public bool Overlaps => Faults.Count > 1;
}
