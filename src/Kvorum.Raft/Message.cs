namespace Kvorum.Raft;

/// <summary>
/// A message between two replicas of one group: a closed family, one sealed record per kind. The bytes on the
/// wire are made elsewhere. <see cref="Term"/> is the sender's term, except in pre-votes, which carry the
/// term they would start.
/// </summary>
public abstract record Message
{
    private protected Message()
    {
    }

    /// <summary>The sending replica's node.</summary>
    public required NodeId From { get; init; }

    /// <summary>The receiving replica's node.</summary>
    public required NodeId To { get; init; }

    /// <summary>The sender's term; see the type.</summary>
    public required Term Term { get; init; }
}

/// <summary>
/// A candidate asks for a vote (Raft section 5.2); with <see cref="PreVote"/>, whether it would get one
/// (thesis 9.6).
/// </summary>
public sealed record RequestVote : Message
{
    /// <summary>True for a question only: no vote is given and no term changes.</summary>
    public required bool PreVote { get; init; }

    /// <summary>Index of the candidate's last entry.</summary>
    public required LogIndex LastIndex { get; init; }

    /// <summary>Term of the candidate's last entry.</summary>
    public required Term LastTerm { get; init; }

    /// <summary>
    /// True if the leader itself handed over (thesis 3.10): then the voter does not protect it.
    /// </summary>
    public required bool Transfer { get; init; }
}

/// <summary>Answer to <see cref="RequestVote"/>.</summary>
public sealed record RequestVoteReply : Message
{
    /// <summary>Which question is answered.</summary>
    public required bool PreVote { get; init; }

    /// <summary>True if the vote is (or would be) given.</summary>
    public required bool Granted { get; init; }

    /// <summary>
    /// Not zero: the configuration that is in force and committed at this index does not have the sender of
    /// the request as a member. That holds in every term.
    /// </summary>
    public LogIndex RemovedAt { get; init; }
}

/// <summary>
/// A leader replicates entries (Raft section 5.3). Empty entries probe the log or carry a new commit index.
/// </summary>
public sealed record AppendEntries : Message
{
    /// <summary>Index of the entry before the first of <see cref="Entries"/>.</summary>
    public required LogIndex PreviousIndex { get; init; }

    /// <summary>Term of the entry at <see cref="PreviousIndex"/>.</summary>
    public required Term PreviousTerm { get; init; }

    /// <summary>Consecutive entries, the first at <c>PreviousIndex + 1</c>.</summary>
    public required IReadOnlyList<Entry> Entries { get; init; }

    /// <summary>The leader's commit index.</summary>
    public required LogIndex Commit { get; init; }
}

/// <summary>Answer to <see cref="AppendEntries"/> and <see cref="InstallSnapshot"/>.</summary>
public sealed record AppendEntriesReply : Message
{
    /// <summary>True if the previous entry did not match.</summary>
    public required bool Rejected { get; init; }

    /// <summary>
    /// Accepted: the newest index known to match the leader's log. Rejected: the refused
    /// <c>PreviousIndex</c>.
    /// </summary>
    public required LogIndex Index { get; init; }

    /// <summary>
    /// Rejected: the largest index at which the follower's log may match, by term; else zero.
    /// </summary>
    public required LogIndex HintIndex { get; init; }

    /// <summary>Rejected: the follower's term at <see cref="HintIndex"/>; else zero.</summary>
    public required Term HintTerm { get; init; }
}

/// <summary>
/// A leader shows that it is alive; if <see cref="ReadRound"/> is not zero it asks to be confirmed (thesis
/// 6.4).
/// </summary>
public sealed record Heartbeat : Message
{
    /// <summary>The commit index, never beyond what the follower is known to hold.</summary>
    public required LogIndex Commit { get; init; }

    /// <summary>
    /// The newest read round that a confirmation of this message confirms; zero for none. Grows within a
    /// term.
    /// </summary>
    public required ulong ReadRound { get; init; }

    /// <summary>True if the group is idle and its timers may rest until something happens.</summary>
    public required bool Quiesce { get; init; }
}

/// <summary>Answer to <see cref="Heartbeat"/>.</summary>
public sealed record HeartbeatReply : Message
{
    /// <summary>The read round of the heartbeat.</summary>
    public required ulong ReadRound { get; init; }
}

/// <summary>
/// A leader offers a snapshot to a replica whose next entry is compacted. The core sends the metadata only:
/// the host streams the data beside it and hands this message to the receiving core once the data is complete
/// and durable.
/// </summary>
public sealed record InstallSnapshot : Message
{
    /// <summary>What the snapshot covers.</summary>
    public required SnapshotMetadata Snapshot { get; init; }

    /// <summary>
    /// To the host of the sender: the data must reach at least up to here. Where the snapshot ends before,
    /// a newer one must be made first.
    /// </summary>
    public LogIndex LeastIndex { get; init; }
}

/// <summary>A leader tells a replica whose log is complete to campaign at once (thesis 3.10).</summary>
public sealed record TimeoutNow : Message;

/// <summary>A follower asks the leader for a read index (thesis 6.4).</summary>
public sealed record ReadIndexRequest : Message
{
    /// <summary>The follower's own id for the read, returned in the answer.</summary>
    public required ulong ReadId { get; init; }
}

/// <summary>
/// Answer to <see cref="ReadIndexRequest"/>, sent once leadership was confirmed after the request came.
/// </summary>
public sealed record ReadIndexReply : Message
{
    /// <summary>The id in the request.</summary>
    public required ulong ReadId { get; init; }

    /// <summary>The index that must be applied before the read; null if the read cannot be served.</summary>
    public required LogIndex? Index { get; init; }
}
