namespace Kvorum.Simulator.Mutants;

/// <summary>The search that has to find a mutant.</summary>
internal enum Searcher
{
    /// <summary>Whole clusters, by seed.</summary>
    Simulator,

    /// <summary>Whole clusters with quorum keyspaces, by seed.</summary>
    Quorums,

    /// <summary>Whole clusters with enforced rights, by seed.</summary>
    Rights,

    /// <summary>
    /// Runs of one group, by seed: for what a cluster of fixed members never does, or too seldom.
    /// </summary>
    Groups,
}
