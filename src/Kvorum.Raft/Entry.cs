namespace Kvorum.Raft;

/// <summary>What an entry carries.</summary>
public enum EntryKind : byte
{
    /// <summary>Opaque bytes for the state machine.</summary>
    Command = 1,

    /// <summary>An encoded <see cref="ConfigurationChange"/>; takes effect when appended.</summary>
    Configuration = 2,

    /// <summary>
    /// The entry with which a leader opens its term (Raft section 8). It changes nothing; its bytes
    /// identify the leadership, so a second leader of the same term, which is a fault, is found.
    /// </summary>
    Noop = 3,
}

/// <summary>One entry of a group's log (Raft figure 2).</summary>
/// <param name="Index">Its position.</param>
/// <param name="Term">The term of the leader that made it.</param>
/// <param name="Kind">What <paramref name="Data"/> is.</param>
/// <param name="Data">Opaque bytes; never changed once the entry exists.</param>
public readonly record struct Entry(LogIndex Index, Term Term, EntryKind Kind, ReadOnlyMemory<byte> Data);

/// <summary>
/// What must be durable before any message that depends on it leaves (Raft figure 2, "persistent state").
/// </summary>
/// <param name="Term">The current term.</param>
/// <param name="Vote">The candidate that got this node's vote in <paramref name="Term"/>, if any.</param>
/// <param name="Commit">The newest index known to be committed; a hint for restarts, it may lag.</param>
public readonly record struct HardState(Term Term, NodeId? Vote, LogIndex Commit);

/// <summary>What a snapshot covers: the log up to and including <paramref name="Index"/>.</summary>
public sealed record SnapshotMetadata(LogIndex Index, Term Term, Configuration Configuration)
{
    /// <summary>The snapshot of a group that has no log yet.</summary>
    public static SnapshotMetadata Initial(Configuration configuration) =>
        new(default, default, configuration);
}
