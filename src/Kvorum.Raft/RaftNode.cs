namespace Kvorum.Raft;

/// <summary>A replica's part in its group (Raft section 5.1), with the pre-candidate of thesis 9.6.</summary>
public enum Role : byte
{
    /// <summary>Follows a leader, or waits for one.</summary>
    Follower,

    /// <summary>Asks whether it could win an election.</summary>
    PreCandidate,

    /// <summary>Stands for election.</summary>
    Candidate,

    /// <summary>Leads.</summary>
    Leader,
}

/// <summary>What became of a proposal.</summary>
public enum ProposeOutcome : byte
{
    /// <summary>Appended to the leader's log; it may yet be lost with the leadership.</summary>
    Accepted,

    /// <summary>This replica does not lead.</summary>
    NotLeader,

    /// <summary>Too much is uncommitted already; nothing was appended.</summary>
    Overloaded,

    /// <summary>A leadership transfer is under way; nothing was appended.</summary>
    Transferring,

    /// <summary>A configuration change is under way, or the change makes no sense; nothing was appended.</summary>
    Refused,
}

/// <summary>The answer to a proposal: where it stands in the log, if accepted.</summary>
public readonly record struct ProposeResult(ProposeOutcome Outcome, LogIndex Index, Term Term);

/// <summary>How sure a read must be of this leader.</summary>
public enum ReadMode : byte
{
    /// <summary>Confirmed by a majority after the read was asked (thesis 6.4).</summary>
    Confirmed,

    /// <summary>Confirmed by the leader's lease if it holds, else as <see cref="Confirmed"/>. Needs clocks within the stated drift (thesis 6.4.1).</summary>
    Lease,
}

/// <summary>
/// One replica of one Raft group: a deterministic function with memory. Open this file first. Contract placeholder.
/// </summary>
public sealed class RaftNode
{
    /// <summary>Starts from what is durable. <paramref name="applied"/> is what the state machine holds; at least the snapshot's index.</summary>
    public RaftNode(RaftOptions options, ILogStorage storage, HardState hardState, LogIndex applied, Random random) =>
        throw new NotImplementedException();

    /// <summary>This node's id.</summary>
    public NodeId Id => throw new NotImplementedException();

    /// <summary>The present role.</summary>
    public Role Role => throw new NotImplementedException();

    /// <summary>The present term.</summary>
    public Term Term => throw new NotImplementedException();

    /// <summary>The leader of the present term, if known.</summary>
    public NodeId? Leader => throw new NotImplementedException();

    /// <summary>The newest committed index.</summary>
    public LogIndex CommitIndex => throw new NotImplementedException();

    /// <summary>The newest index in the log, durable or not.</summary>
    public LogIndex LastIndex => throw new NotImplementedException();

    /// <summary>The configuration in force (the newest in the log, committed or not).</summary>
    public Configuration Configuration => throw new NotImplementedException();

    /// <summary>True while the timers rest: the host need not call <see cref="Tick"/>.</summary>
    public bool IsQuiescent => throw new NotImplementedException();

    /// <summary>True if <see cref="TakeReady"/> has something to say.</summary>
    public bool HasReady => throw new NotImplementedException();

    /// <summary>Time passes: one tick.</summary>
    public void Tick() => throw new NotImplementedException();

    /// <summary>A message came. Messages of any age, from anyone, twice and in any order are safe.</summary>
    public void Step(Message message) => throw new NotImplementedException();

    /// <summary>Proposes a command. Bytes are kept, not copied.</summary>
    public ProposeResult Propose(ReadOnlyMemory<byte> data) => throw new NotImplementedException();

    /// <summary>Proposes a configuration change (thesis chapter 4).</summary>
    public ProposeResult Propose(ConfigurationChange change) => throw new NotImplementedException();

    /// <summary>Asks at which index a linearizable read may be served; the answer comes as <see cref="Ready.Reads"/>. Works on followers too.</summary>
    public void ReadIndex(ulong readId, ReadMode mode) => throw new NotImplementedException();

    /// <summary>Hands leadership to a voter (thesis 3.10); given up after an election timeout. False if that cannot be tried.</summary>
    public bool TransferLeadership(NodeId target) => throw new NotImplementedException();

    /// <summary>Campaigns now (with a pre-vote first when configured).</summary>
    public void Campaign() => throw new NotImplementedException();

    /// <summary>
    /// The transport knows that the leader's process is gone: stop protecting it, and start a pre-vote
    /// <paramref name="delayTicks"/> from now unless a leader shows itself.
    /// </summary>
    public void LeaderGone(int delayTicks) => throw new NotImplementedException();

    /// <summary>Messages to the peer were lost: replicate carefully until it answers.</summary>
    public void PeerUnreachable(NodeId peer) => throw new NotImplementedException();

    /// <summary>The host's sending of a snapshot to the peer ended.</summary>
    public void SnapshotSent(NodeId peer, bool delivered) => throw new NotImplementedException();

    /// <summary>Ends quiescence: the timers run again.</summary>
    public void Wake() => throw new NotImplementedException();

    /// <summary>Takes what must be done next.</summary>
    public Ready TakeReady() => throw new NotImplementedException();

    /// <summary>The Ready and all before it are durable and installed, and its entries readable through the storage.</summary>
    public void Persisted(Ready ready) => throw new NotImplementedException();

    /// <summary>The state machine has applied everything up to the index.</summary>
    public void Applied(LogIndex index) => throw new NotImplementedException();

    /// <summary>The leader's view of a peer; null if not leading or unknown.</summary>
    public PeerProgress? ProgressOf(NodeId peer) => throw new NotImplementedException();

    /// <summary>A textual read-out of the whole state: role, term, vote, commit, applied, log, configuration, progress. For tests and people.</summary>
    public string Describe() => throw new NotImplementedException();
}

/// <summary>What a leader knows of one peer.</summary>
/// <param name="Match">Newest index known to be on the peer's disk.</param>
/// <param name="Next">Next index to send.</param>
/// <param name="IsActive">Heard from within the last election timeout.</param>
/// <param name="NeedsSnapshot">Its next entry is compacted.</param>
public readonly record struct PeerProgress(LogIndex Match, LogIndex Next, bool IsActive, bool NeedsSnapshot);
