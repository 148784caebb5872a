namespace Kvorum.Raft;

/// <summary>
/// The durable part of one group's log as the core reads it. The host owns it: it appends what
/// <see cref="Ready"/> names and, once that is durable, calls <see cref="RaftNode.Persisted"/>. Reads must be
/// answered at once, on the caller's thread, and hold everything the core was told is persisted and not
/// compacted.
/// </summary>
public interface ILogStorage
{
    /// <summary>
    /// The snapshot that stands for the compacted prefix; index 0 when there is none. A new snapshot never
    /// has a smaller index.
    /// </summary>
    SnapshotMetadata Snapshot { get; }

    /// <summary>
    /// The oldest index that can be read, at most <c>Snapshot.Index + 1</c>: a host may keep entries below
    /// the snapshot for slow followers.
    /// </summary>
    LogIndex FirstIndex { get; }

    /// <summary>The newest durable index; <c>FirstIndex - 1</c> when nothing is stored.</summary>
    LogIndex LastIndex { get; }

    /// <summary>
    /// The term of an entry between <c>FirstIndex - 1</c> and <see cref="LastIndex"/>; null outside.
    /// </summary>
    Term? TermOf(LogIndex index);

    /// <summary>
    /// Adds the entries from <paramref name="from"/> up to, not including, <paramref name="end"/> to
    /// <paramref name="into"/>, stopping before <paramref name="maxBytes"/> of data is exceeded, but at least
    /// one. False if they are compacted.
    /// </summary>
    bool TryRead(LogIndex from, LogIndex end, long maxBytes, List<Entry> into);
}
