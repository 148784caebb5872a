namespace Kvorum.Raft.Reads;

/// <summary>
/// A leader's rounds of confirmation (thesis 6.4). Each round is a number that travels with heartbeats; a majority that
/// confirms a number confirms that the leader still led when it was sent. Reads asked while a round is under way wait
/// for the next one, never for an older one. Numbers grow within a term; a new term starts with a new object.
/// </summary>
internal sealed class ReadRounds
{
    private readonly Queue<Batch> underWay = [];
    private readonly Queue<(ulong Round, long Tick)> sent = [];
    private List<PendingRead> waiting = [];

    /// <summary>The newest round.</summary>
    public ulong Newest { get; private set; }

    /// <summary>The tick at which the newest confirmed round was sent; null before the first.</summary>
    public long? ConfirmedTick { get; private set; }

    /// <summary>True if reads wait for a round to be sent.</summary>
    public bool HasWaiting => waiting.Count > 0;

    /// <summary>True if reads wait for a round to be confirmed.</summary>
    public bool IsUnderWay => underWay.Count > 0;

    /// <summary>True if no read waits.</summary>
    public bool IsIdle => !HasWaiting && !IsUnderWay;

    /// <summary>A read was asked.</summary>
    public void Add(PendingRead read) => waiting.Add(read);

    /// <summary>A new round is sent; with an index, it also carries the waiting reads, which get that index.</summary>
    public ulong Send(long tick, LogIndex? readIndex)
    {
        Newest++;
        sent.Enqueue((Newest, tick));
        if (sent.Count > Limits.RememberedRoundsMax) sent.Dequeue();
        if (readIndex is { } index && HasWaiting)
        {
            underWay.Enqueue(new Batch(Newest, index, waiting));
            waiting = [];
        }
        return Newest;
    }

    /// <summary>A majority has confirmed a round: it and all before it are done. Their reads go to <paramref name="answer"/>.</summary>
    public void Confirmed(ulong round, Action<PendingRead, LogIndex> answer)
    {
        while (sent.TryPeek(out var oldest) && oldest.Round <= round) ConfirmedTick = sent.Dequeue().Tick;
        while (underWay.TryPeek(out var batch) && batch.Round <= round)
        {
            underWay.Dequeue();
            foreach (var read in batch.Reads) answer(read, batch.Index);
        }
    }

    /// <summary>No round that was sent so far gives a lease any more.</summary>
    public void ForgetLease()
    {
        sent.Clear();
        ConfirmedTick = null;
    }

    /// <summary>Takes all reads out, unanswered, oldest first.</summary>
    public List<PendingRead> Abandon()
    {
        var all = new List<PendingRead>();
        while (underWay.TryDequeue(out var batch)) all.AddRange(batch.Reads);
        all.AddRange(waiting);
        waiting = [];
        return all;
    }

    private readonly record struct Batch(ulong Round, LogIndex Index, List<PendingRead> Reads);
}
