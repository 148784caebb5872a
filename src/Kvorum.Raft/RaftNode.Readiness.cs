namespace Kvorum.Raft;

/// <summary>
/// The work for the host: collected here, taken as Readys, confirmed when done.
/// </summary>
public sealed partial class RaftNode
{
    private List<Message> _messages = [];
    private List<Message> _afterPersist = [];
    private HardState _persistedState;
    private ulong _readySequence;
    private readonly Queue<(ulong Sequence, Term Term, bool OwnVote)> _readysUnderWay = [];

    /// <summary>The newest term that is durable.</summary>
    private Term _durableTerm;

    /// <summary>True if <see cref="TakeReady"/> has work for the host.</summary>
    public bool HasReady =>
        _replicationDue || _messages.Count > 0 || _afterPersist.Count > 0 || _answeredReads.Count > 0
        || HardStateChanged || _log.HasUnpersisted || _log.InstallDue || _log.HasCommitted;

    private bool HardStateChanged => _persistedState.Term != Term || _persistedState.Vote != _vote;

    /// <summary>Takes what must be done next.</summary>
    public Ready TakeReady()
    {
        if (_replicationDue) SendAppends();
        var sequence = ++_readySequence;
        var (snapshot, entries) = _log.TakeUnpersisted(sequence);
        var ready = new Ready
        {
            Sequence = sequence,
            HardState = TakeHardState(snapshot is not null || entries.Length > 0),
            Entries = entries,
            Snapshot = snapshot,
            Messages = Take(ref _messages),
            MessagesAfterPersist = Take(ref _afterPersist),
            Committed = _log.TakeCommitted(_options.CommittedBytesMax),
            Reads = Take(ref _answeredReads),
        };
        _readysUnderWay.Enqueue((sequence, Term, _ownVoteDue && Role == Role.Candidate));
        _ownVoteDue = false;
        return ready;
    }

    /// <summary>
    /// The Ready and all before it are durable and installed, and its entries readable through the storage.
    /// </summary>
    public void Persisted(Ready ready)
    {
        ArgumentNullException.ThrowIfNull(ready);
        Invariant.Check(_readysUnderWay.Count > 0 && _readysUnderWay.Peek().Sequence <= ready.Sequence);
        var isOwnVoteDurable = false;
        while (_readysUnderWay.TryPeek(out var done) && done.Sequence <= ready.Sequence)
        {
            _readysUnderWay.Dequeue();
            _durableTerm = done.Term;
            isOwnVoteDurable |= done.OwnVote && done.Term == Term;
        }

        var stable = _log.Stable;
        _log.Persisted(ready.Sequence);
        if (isOwnVoteDurable && Role == Role.Candidate) OwnVoteDurable();
        else if (Role == Role.Leader && _log.Stable > stable) OwnLogDurable();
    }

    /// <summary>The state machine has applied everything up to the index.</summary>
    public void Applied(LogIndex index) => _log.AppliedTo(index.Value);

    /// <summary>
    /// Term and vote whenever they changed; a new commit index only with something else that is made durable
    /// anyway, and never beyond what is durable: it is a hint, not worth a write of its own.
    /// </summary>
    private HardState? TakeHardState(bool writesAnyway)
    {
        var commit = Math.Max(_persistedState.Commit.Value, Math.Min(_log.Commit, _log.Stable));
        if (!HardStateChanged && !(writesAnyway && commit > _persistedState.Commit.Value)) return null;
        return _persistedState = new HardState(Term, _vote, new(commit));
    }

    private void Send(Message message) => _messages.Add(message);

    private void SendWhenDurable(Message message) => _afterPersist.Add(message);

    private static List<T> Take<T>(ref List<T> list)
    {
        if (list.Count == 0) return [];
        var taken = list;
        list = [];
        return taken;
    }
}
