using Kvorum.Verification;

namespace Kvorum.Simulator.Workloads;

/// <summary>Everything that the clients of a run write down, for the checkers.</summary>
internal sealed class Notebook
{
    /// <summary>Reads and writes of single keys; pages of scans as reads of the keys they cover.</summary>
    public History History { get; } = new();

    /// <summary>What stale reads saw.</summary>
    public StaleReads StaleReads { get; } = new();

    /// <summary>Pages of scans, in the order in which they were heard.</summary>
    public List<ScannedPage> Pages { get; } = [];
}
