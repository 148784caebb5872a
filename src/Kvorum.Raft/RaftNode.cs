using System.Buffers.Binary;
using Kvorum.Raft.Log;
using Kvorum.Raft.Membership;
using Kvorum.Raft.Reads;
using Kvorum.Raft.Replication;

namespace Kvorum.Raft;

// Open this file first. One method per event; the work that follows from it is read out as a Ready:
//
//   Tick, Step, Propose, ReadIndex, ...  ->  HasReady?  TakeReady  ->  make durable, send, apply
//                                            Persisted(ready), Applied(index)  ->  HasReady? ...
//
// The host's duties, in this order for each Ready: send Messages; install Snapshot, append Entries and
// HardState and make them durable; call Persisted, in the order in which Readys were taken; send
// MessagesAfterPersist; apply Committed and call Applied. Readys may overlap: the next is taken while earlier
// ones are still being written.
//
// The other files, RaftNode.*.cs: Terms (how terms and roles change), Votes, Follower, Candidate (with the
// pre-candidate), Leader, Replication, Membership, Removal, Reads, Leases, Transfer, Quiescence, Fence,
// Quarantine, Readiness, Description. HandlerTable says which message goes to which method.

/// <summary>
/// One replica of one Raft group: a deterministic function with memory (Ongaro, "Consensus: Bridging Theory
/// and Practice", 2014, and "In Search of an Understandable Consensus Algorithm"). Open this file first. One
/// caller at a time; it neither waits nor reads a clock, and the same calls with the same random numbers give
/// the same answers.
/// </summary>
public sealed partial class RaftNode
{
    private readonly RaftOptions _options;
    private readonly Random _random;
    private readonly RaftLog _log;
    private readonly ConfigurationHistory _configurations;
    private readonly PeerTable _peers = new();
    private readonly Ballot _ballot = new();
    private readonly ForwardedReads _forwarded;
    private ReadRounds _rounds = new();
    private NodeId? _vote;
    private long _now;

    // The data of the first entry of each term that this process leads: unique to the process, so two
    // leaders of one term write different entries.
    private readonly byte[] _life = new byte[sizeof(ulong)];

    /// <summary>
    /// Starts from what is durable. <paramref name="applied"/> is what the state machine holds; at least the
    /// snapshot's index.
    /// </summary>
    /// <exception cref="ArgumentException">The settings are impossible, or the stored state contradicts
    /// itself.</exception>
    public RaftNode(
        RaftOptions options, ILogStorage storage, HardState hardState, LogIndex applied, Random random)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(storage);
        ArgumentNullException.ThrowIfNull(random);
        options.Validate();
        _options = options;
        _random = random;
        _log = new RaftLog(storage, hardState.Commit, applied);
        if (_log.LastTerm > hardState.Term)
        {
            throw new ArgumentException(
                $"The stored state contradicts itself: the log ends in term {_log.LastTerm}, "
                + $"but the hard state knows only term {hardState.Term}.");
        }
        _configurations = ReadConfigurations(storage);
        var number = random.NextInt64();
        BinaryPrimitives.WriteInt64LittleEndian(_life, number);
        _forwarded = new ForwardedReads((ulong)number);
        Term = _durableTerm = hardState.Term;
        _vote = hardState.Vote;
        _persistedState = hardState with { Commit = new(_log.Commit) };
        if (Term > default(Term)) Promise();
        RestartElectionTimer();
    }

    /// <summary>This node's id.</summary>
    public NodeId Id => _options.Id;

    /// <summary>The present role.</summary>
    public Role Role { get; private set; }

    /// <summary>The present term.</summary>
    public Term Term { get; private set; }

    /// <summary>The leader of the present term, if known.</summary>
    public NodeId? Leader { get; private set; }

    /// <summary>The newest committed index.</summary>
    public LogIndex CommitIndex => new(_log.Commit);

    /// <summary>The newest index in the log, durable or not.</summary>
    public LogIndex LastIndex => new(_log.LastIndex);

    /// <summary>The configuration in force (the newest in the log, committed or not).</summary>
    public Configuration Configuration => _configurations.Current;

    /// <summary>
    /// The index from which it is in force: of its entry, or of the snapshot that it came with.
    /// </summary>
    public LogIndex ConfigurationIndex => new(_configurations.CurrentIndex);

    /// <summary>True while the timers are stopped: the host need not call <see cref="Tick"/>.</summary>
    public bool IsQuiescent { get; private set; }

    /// <summary>
    /// The configuration in force at an index, for the snapshot that a host takes there. Null if the index is
    /// older than the storage's snapshot or one that is being installed: then no snapshot may be taken.
    /// </summary>
    public Configuration? ConfigurationAt(LogIndex index) => _configurations.At(index.Value);

    /// <summary>The index from which that configuration is in force; null as above.</summary>
    public LogIndex? ConfigurationIndexAt(LogIndex index) =>
        _configurations.IndexAt(index.Value) is { } at ? new(at) : null;

    /// <summary>
    /// Time passes: one tick. The host delivers all ticks that are due before it serves lease reads.
    /// </summary>
    public void Tick()
    {
        if (IsQuiescent || IsQuarantined) return;
        _now++;
        if (Role == Role.Leader) TickLeader();
        else TickElection();
    }

    /// <summary>Handles a message. Old, repeated and reordered messages from any node are safe.</summary>
    public void Step(Message message)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (message.To != Id || message.From == Id) return;
        if (IsQuarantined)
        {
            Listen(message);
            return;
        }

        if (SettlesRemoval(message)) return;
        WakeFor(message);
        if (AdmitTerm(message)) HandlerTable.Find(Role, message)(this, message);
    }

    /// <summary>
    /// Campaigns now (with a pre-vote first when configured); no effect on a leader, or while one is
    /// protected.
    /// </summary>
    public void Campaign()
    {
        Wake();
        if (Role == Role.Leader || !IsPromotable) return;
        if (_protectTicks > 0 && !RulesAlone) return;
        StartCampaign();
    }

    /// <summary>
    /// The leader's process is gone, or the host suspects it: stop protecting it, and start a pre-vote
    /// <paramref name="delayTicks"/> from now, or sooner if that is due, unless a leader shows itself. This
    /// breaks the promise that leases rest on: where lease reads are used, the host must be certain.
    /// </summary>
    public void LeaderGone(int delayTicks)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(delayTicks);
        if (Role == Role.Leader || IsQuarantined) return;
        Wake();
        _protectTicks = 0;
        if (Role != Role.Follower) return;
        Leader = null;
        AbandonReads();
        AnswerPostponedPreVote();
        _electionTimeout = Math.Min(_electionTimeout, _electionElapsed + delayTicks);
        if (_electionElapsed >= _electionTimeout) TickElection();
    }
}
