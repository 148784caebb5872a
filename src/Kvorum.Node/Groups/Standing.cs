using Kvorum.Raft;

namespace Kvorum.Node.Groups;

/// <summary>
/// Why a replica does not take part as others do; kept in its group's state, so that no restart forgets it.
/// </summary>
internal abstract record Standing;

/// <summary>
/// What is committed here contradicts another replica: this one stands still until an operator decides.
/// </summary>
/// <param name="Index">Where the two differ.</param>
/// <param name="Ours">The term there, or the hash of all up to there, on this replica; zero if it is
/// missing.</param>
/// <param name="Theirs">The same of the other one.</param>
/// <param name="IsHash">Whether the two are hashes; terms if not.</param>
/// <param name="Other">The node with the other replica.</param>
internal sealed record Quarantined(LogIndex Index, ulong Ours, ulong Theirs, bool IsHash, NodeId Other)
    : Standing
{
    public Quarantined(Contradiction found)
        : this(found.Index, found.Local.Value, found.Other.Value, false, found.From)
    {
    }

    /// <summary>Both sides, for people.</summary>
    public string Describe(Func<NodeId, string> nameOf)
    {
        var (index, other) = (Index, nameOf(Other));
        return IsHash
            ? $"the hash of what is committed up to {index} is {Ours:x16} here, and {Theirs:x16} on {other}"
            : Ours == Theirs ? $"{other} claims to lead term {Theirs}, which another node leads"
            : Ours == 0 ? $"{other} was told that entry {index} is durable here, and the log lacks it"
            : $"entry {index} is committed here with term {Ours}, and {other} leads with term {Theirs} there";
    }
}

/// <summary>
/// An operator gave up what this replica had: it is empty until its leader fills it.
/// </summary>
/// <param name="Kept">The node whose replica stands in its place: the only one it votes for; null: none.
/// </param>
internal sealed record Discarded(NodeId? Kept) : Standing;

/// <summary>
/// The replica was deleted from this node: only its term and its vote are left, and all entries of the group
/// before it are void.
/// </summary>
internal sealed record Removed : Standing;

/// <summary>The newest state of a group in the log.</summary>
internal readonly record struct GroupState(HardState Hard, Standing? Standing);
