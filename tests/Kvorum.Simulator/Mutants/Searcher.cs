namespace Kvorum.Simulator.Mutants;

/// <summary>Who has to find a mutant.</summary>
internal enum Searcher
{
    /// <summary>Whole clusters, by seed.</summary>
    Simulator,

    /// <summary>
    /// The tests of the Raft core alone, scripts and random runs: for what a cluster of fixed members never
    /// does, or too seldom.
    /// </summary>
    RaftTests,
}
