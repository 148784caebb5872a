using Kvorum.Raft;

namespace Kvorum.Simulator.Checkers;

/// <summary>What all replicas of one group together have shown so far.</summary>
internal sealed class GroupFacts
{
    /// <summary>The leader seen in a term.</summary>
    public Dictionary<ulong, NodeId> Leaders { get; } = [];

    /// <summary>By index and term: what the entry holds, and the term of the entry before it.</summary>
    public Dictionary<(ulong Index, ulong Term), (ulong Content, ulong PreviousTerm)> Entries { get; } = [];

    /// <summary>By index: the term and the content of what was applied there.</summary>
    public Dictionary<ulong, (ulong Term, ulong Content)> Applied { get; } = [];

    /// <summary>
    /// Commitments as they were first seen, in order: up to which index, the term of the entry there, and the
    /// term of the replica that knew.
    /// </summary>
    public List<(ulong Index, ulong Term, ulong SeenInTerm)> Committed { get; } = [];

    /// <summary>By index: the term of the entry that was committed there.</summary>
    public Dictionary<ulong, ulong> CommittedTerms { get; } = [];

    /// <summary>
    /// The configurations that were committed, in order: with the newest index and its term at which each is
    /// known to be in force.
    /// </summary>
    public List<(ulong Index, ulong Term, Configuration Members)> Configurations { get; } = [];

    /// <summary>By applied index: the hash of a replica's whole content.</summary>
    public Dictionary<ulong, (ulong Content, string Node)> Contents { get; } = [];

    /// <summary>
    /// The configuration in force at an index that is committed. Called in the order of indices.
    /// </summary>
    public void Commit(ulong index, ulong term, Configuration members)
    {
        if (Configurations is [.., var newest] && IsSame(newest.Members, members))
            Configurations[^1] = (index, term, newest.Members);
        else
            Configurations.Add((index, term, members));
    }

    private static bool IsSame(Configuration one, Configuration other) => ReferenceEquals(one, other)
        || (one.Voters.SequenceEqual(other.Voters) && one.Outgoing.SequenceEqual(other.Outgoing)
            && one.Learners.SequenceEqual(other.Learners));
}
