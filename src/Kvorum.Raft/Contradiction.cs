namespace Kvorum.Raft;

/// <summary>
/// A statement of a leader about its log that contradicts what is committed here
/// (<see cref="RaftNode.Contradiction"/>). Equal terms: two nodes claim to lead that term.
/// </summary>
/// <param name="Index">The index at which the two logs differ.</param>
/// <param name="Local">The term of the entry there in this log; zero if it is missing, though the leader was
/// told that it is here.</param>
/// <param name="Other">The term that the leader's entry there must have, or that the leader's entry before
/// or behind it has.</param>
/// <param name="From">The leader.</param>
public readonly record struct Contradiction(LogIndex Index, Term Local, Term Other, NodeId From);
