namespace Kvorum.Raft.Reads;

/// <summary>
/// A leader's rounds of confirmation (thesis 6.4). Each round is a number that travels with heartbeats; a
/// majority that confirms a number confirms that the leader still led when it was sent. Reads asked while a
/// round is under way wait for the next one, never for an older one. Numbers grow within a term; a new term
/// starts with a new object.
/// </summary>
internal sealed class ReadRounds
{
    private readonly Queue<Batch> _underWay = [];
    private readonly Queue<(ulong Round, long Tick)> _sent = [];
    private List<PendingRead> _waiting = [];

    /// <summary>The newest round.</summary>
    public ulong Newest { get; private set; }

    /// <summary>The tick at which the newest confirmed round was sent; null before the first.</summary>
    public long? ConfirmedTick { get; private set; }

    /// <summary>True if reads wait for a round to be sent.</summary>
    public bool HasWaiting => _waiting.Count > 0;

    /// <summary>True if reads wait for a round to be confirmed.</summary>
    public bool IsUnderWay => _underWay.Count > 0;

    /// <summary>True if no read waits.</summary>
    public bool IsIdle => !HasWaiting && !IsUnderWay;

    /// <summary>A read was asked.</summary>
    public void Add(PendingRead read) => _waiting.Add(read);

    /// <summary>
    /// A new round is sent; with an index, it also carries the waiting reads, which get that index.
    /// </summary>
    public ulong Send(long tick, LogIndex? readIndex)
    {
        Newest++;
        _sent.Enqueue((Newest, tick));
        if (_sent.Count > Limits.RememberedRoundsMax) _sent.Dequeue();
        if (readIndex is { } index && HasWaiting)
        {
            _underWay.Enqueue(new Batch(Newest, index, _waiting));
            _waiting = [];
        }
        return Newest;
    }

    /// <summary>
    /// A majority has confirmed a round: it and all before it are done. Their reads go to
    /// <paramref name="answer"/>.
    /// </summary>
    public void Confirmed(ulong round, Action<PendingRead, LogIndex> answer)
    {
        while (_sent.TryPeek(out var oldest) && oldest.Round <= round) ConfirmedTick = _sent.Dequeue().Tick;
        while (_underWay.TryPeek(out var batch) && batch.Round <= round)
        {
            _underWay.Dequeue();
            foreach (var read in batch.Reads) answer(read, batch.Index);
        }
    }

    /// <summary>Rounds sent so far give no lease any more.</summary>
    public void ForgetLease()
    {
        _sent.Clear();
        ConfirmedTick = null;
    }

    /// <summary>Takes all reads out, unanswered, oldest first.</summary>
    public List<PendingRead> Abandon()
    {
        var all = new List<PendingRead>();
        while (_underWay.TryDequeue(out var batch)) all.AddRange(batch.Reads);
        all.AddRange(_waiting);
        _waiting = [];
        return all;
    }

    private readonly record struct Batch(ulong Round, LogIndex Index, List<PendingRead> Reads);
}
