namespace Kvorum.Raft;

/// <summary>
/// The work for the host, which owns it until <see cref="RaftNode.Persisted"/>. Several may be
/// under way at once; they are persisted in the order in which they were taken.
/// </summary>
public sealed class Ready
{
    /// <summary>
    /// Number of this Ready, from 1; <see cref="RaftNode.Persisted"/> takes them in order, one for all that
    /// are before it.
    /// </summary>
    public required ulong Sequence { get; init; }

    /// <summary>
    /// To be made durable, when not null, with <see cref="Entries"/> and before
    /// <see cref="MessagesAfterPersist"/> leave. A crash may keep it without the entries, never the entries
    /// without it: it is written first.
    /// </summary>
    public HardState? HardState { get; init; }

    /// <summary>
    /// To be appended and made durable. The first may have an index that is already stored: then it and all
    /// after it are replaced.
    /// </summary>
    public IReadOnlyList<Entry> Entries { get; init; } = [];

    /// <summary>
    /// To be installed in place of log and state machine before <see cref="Entries"/> are appended, when not
    /// null.
    /// </summary>
    public SnapshotMetadata? Snapshot { get; init; }

    /// <summary>
    /// May leave at once: the leader replicates while it writes its own log (thesis 10.2.1).
    /// </summary>
    public IReadOnlyList<Message> Messages { get; init; } = [];

    /// <summary>May leave only after this Ready is durable: votes, and acknowledgements of entries.</summary>
    public IReadOnlyList<Message> MessagesAfterPersist { get; init; } = [];

    /// <summary>
    /// Committed, durable here, and next to be applied, in order. Confirm with
    /// <see cref="RaftNode.Applied"/>.
    /// </summary>
    public IReadOnlyList<Entry> Committed { get; init; } = [];

    /// <summary>
    /// Reads that were answered; each may be served once the state machine has applied its index.
    /// </summary>
    public IReadOnlyList<ReadState> Reads { get; init; } = [];

    /// <summary>
    /// True if something must be made durable; if not, the host may call <see cref="RaftNode.Persisted"/> at
    /// once.
    /// </summary>
    public bool MustPersist => HardState is not null || Entries.Count > 0 || Snapshot is not null;
}

/// <summary>The outcome of <see cref="RaftNode.ReadIndex"/>.</summary>
/// <param name="ReadId">The caller's id.</param>
/// <param name="Index">Serve the read once this index is applied; null if the read was given up (leadership
/// lost): ask again.</param>
public readonly record struct ReadState(ulong ReadId, LogIndex? Index);
