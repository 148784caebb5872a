namespace Kvorum.Raft;

/// <summary>
/// What the world must do: collected here, taken by the host as Readys, confirmed when done.
/// </summary>
public sealed partial class RaftNode
{
    private List<Message> messages = [];
    private List<Message> afterPersist = [];
    private HardState persistedState;
    private ulong readySequence;
    private readonly Queue<(ulong Sequence, Term Term, bool OwnVote)> readysUnderWay = [];

    /// <summary>The newest term that is durable.</summary>
    private Term durableTerm;

    /// <summary>True if <see cref="TakeReady"/> has something to say.</summary>
    public bool HasReady =>
        replicationDue || messages.Count > 0 || afterPersist.Count > 0 || answeredReads.Count > 0
        || HardStateChanged || log.HasUnpersisted || log.InstallDue || log.HasCommitted;

    private bool HardStateChanged => persistedState.Term != Term || persistedState.Vote != vote;

    /// <summary>Takes what must be done next.</summary>
    public Ready TakeReady()
    {
        if (replicationDue) SendAppends();
        var sequence = ++readySequence;
        var (snapshot, entries) = log.TakeUnpersisted(sequence);
        var ready = new Ready
        {
            Sequence = sequence,
            HardState = TakeHardState(snapshot is not null || entries.Length > 0),
            Entries = entries,
            Snapshot = snapshot,
            Messages = Take(ref messages),
            MessagesAfterPersist = Take(ref afterPersist),
            Committed = log.TakeCommitted(options.CommittedBytesMax),
            Reads = Take(ref answeredReads),
        };
        readysUnderWay.Enqueue((sequence, Term, ownVoteDue && Role == Role.Candidate));
        ownVoteDue = false;
        return ready;
    }

    /// <summary>
    /// The Ready and all before it are durable and installed, and its entries readable through the storage.
    /// </summary>
    public void Persisted(Ready ready)
    {
        ArgumentNullException.ThrowIfNull(ready);
        Invariant.Check(readysUnderWay.Count > 0 && readysUnderWay.Peek().Sequence <= ready.Sequence);
        var isOwnVoteDurable = false;
        while (readysUnderWay.TryPeek(out var done) && done.Sequence <= ready.Sequence)
        {
            readysUnderWay.Dequeue();
            durableTerm = done.Term;
            isOwnVoteDurable |= done.OwnVote && done.Term == Term;
        }

        var stable = log.Stable;
        log.Persisted(ready.Sequence);
        if (isOwnVoteDurable && Role == Role.Candidate) OwnVoteDurable();
        else if (Role == Role.Leader && log.Stable > stable) OwnLogDurable();
    }

    /// <summary>The state machine has applied everything up to the index.</summary>
    public void Applied(LogIndex index) => log.AppliedTo(index.Value);

    /// <summary>
    /// Term and vote whenever they changed; a new commit index only with something else that is made durable
    /// anyway, and never one beyond what is durable already: it is a hint, and not worth a write of its own.
    /// </summary>
    private HardState? TakeHardState(bool writesAnyway)
    {
        var commit = Math.Max(persistedState.Commit.Value, Math.Min(log.Commit, log.Stable));
        if (!HardStateChanged && !(writesAnyway && commit > persistedState.Commit.Value)) return null;
        return persistedState = new HardState(Term, vote, new(commit));
    }

    private void Send(Message message) => messages.Add(message);

    private void SendWhenDurable(Message message) => afterPersist.Add(message);

    private static List<T> Take<T>(ref List<T> list)
    {
        if (list.Count == 0) return [];
        var taken = list;
        list = [];
        return taken;
    }
}
