using Kvorum.Simulator.Processes;
using Kvorum.Verification;

namespace Kvorum.Simulator.Workloads;

/// <summary>A node was asked for a write, and acknowledged it under a version that it gave.</summary>
/// <param name="Machine">The node's machine.</param>
/// <param name="AskedUs">When it was asked.</param>
/// <param name="HeardUs">When the client heard.</param>
/// <param name="Version">The version.</param>
internal readonly record struct GivenVersion(int Machine, long AskedUs, long HeardUs, ulong Version);

/// <summary>Everything that the clients of a run write down, for the checkers.</summary>
internal sealed class Notebook
{
    /// <summary>Reads and writes of single keys; pages of scans as reads of the keys they cover.</summary>
    public History History { get; } = new();

    /// <summary>Reads and writes of quorum keyspaces, which are no linearizable ones.</summary>
    public History Quorum { get; } = new();

    /// <summary>Versions that nodes gave to writes of quorum keyspaces.</summary>
    public List<GivenVersion> Given { get; } = [];

    /// <summary>What stale reads of quorum keyspaces saw.</summary>
    public StaleReads StaleQuorumReads { get; } = new();

    /// <summary>What stale reads saw.</summary>
    public StaleReads StaleReads { get; } = new();

    /// <summary>The history of a keyspace.</summary>
    public History HistoryOf(string keyspace) => QuorumKeyspace.Is(keyspace) ? Quorum : History;

    /// <summary>Pages of scans, in the order in which they were heard.</summary>
    public List<ScannedPage> Pages { get; } = [];
}
