namespace Kvorum.Simulator.Mutants;

/// <summary>Who has to find a mutant.</summary>
internal enum Searcher
{
    /// <summary>Whole clusters, by seed.</summary>
    Simulator,

    /// <summary>
    /// The random runs of the Raft core alone: for what a cluster of fixed members never does.
    /// </summary>
    RaftTests,
}
