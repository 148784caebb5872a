namespace Kvorum.Raft.Replication;

/// <summary>How a leader sends to a peer.</summary>
internal enum ProgressState : byte
{
    /// <summary>The last matching index is unknown: one message at a time.</summary>
    Probe,

    /// <summary>The logs match: messages are pipelined within the window.</summary>
    Replicate,

    /// <summary>A snapshot is being sent: no entries are.</summary>
    Snapshot,
}

/// <summary>
/// What a leader knows of one member (itself included) in its term. Invariant: <c>Match &lt; Next</c>. Only
/// this class changes the state.
/// </summary>
internal sealed class Progress(NodeId node, ulong next, Inflights inflights)
{
    private ulong _snapshotIndex;
    private bool _probeSent;
    private bool _probeForced;

    /// <summary>The member.</summary>
    public NodeId Node { get; } = node;

    /// <summary>Newest index known to be durable on the member.</summary>
    public ulong Match { get; private set; }

    /// <summary>Next index to send.</summary>
    public ulong Next { get; private set; } = next;

    /// <summary>How it is sent to.</summary>
    public ProgressState State { get; private set; }

    /// <summary>Messages under way while replicating.</summary>
    public Inflights Inflights { get; } = inflights;

    /// <summary>The tick at which it was last heard from.</summary>
    public long HeardTick { get; set; }

    /// <summary>The tick at which it last acknowledged something new, or was probed.</summary>
    public long ProgressTick { get; set; }

    /// <summary>False from when the host says that messages to it are lost until it says otherwise.</summary>
    public bool IsReachable { get; set; } = true;

    /// <summary>The newest read round it has confirmed.</summary>
    public ulong ConfirmedRound { get; private set; }

    /// <summary>
    /// True if an append message may be sent now to a log that ends at <paramref name="last"/>.
    /// </summary>
    public bool MaySend(ulong last) => State switch
    {
        ProgressState.Probe => !_probeSent && Match < last,
        ProgressState.Replicate => _probeForced || (Next <= last && !Inflights.IsFull),
        _ => false,
    };

    /// <summary>
    /// True if entries may go with the next message; a forced probe goes without when the window is full.
    /// </summary>
    public bool MayCarry(ulong last) => Next <= last && (State == ProgressState.Probe || !Inflights.IsFull);

    /// <summary>A message was sent whose newest entry is <paramref name="last"/>, or an empty one.</summary>
    public void Sent(ulong last, int entries, long bytes)
    {
        Invariant.Check(State != ProgressState.Snapshot);
        _probeForced = false;
        if (State == ProgressState.Probe)
        {
            _probeSent = true;
            return;
        }
        if (entries == 0) return;
        Invariant.Check(last == Next + (ulong)entries - 1);
        Next = last + 1;
        Inflights.Add(last, bytes);
    }

    /// <summary>
    /// The member has everything up to <paramref name="index"/>. True if the match index or the state
    /// changed.
    /// </summary>
    public bool Accepted(ulong index, ulong firstAvailable)
    {
        var advanced = index > Match;
        if (advanced)
        {
            Match = index;
            Next = Math.Max(Next, index + 1);
        }
        switch (State)
        {
            case ProgressState.Probe when index >= Match:
                BecomeReplicate();
                return true;
            case ProgressState.Replicate:
                Inflights.FreeTo(index);
                break;
            case ProgressState.Snapshot
                when Match >= _snapshotIndex || (advanced && Match + 1 >= firstAvailable):
                BecomeReplicate();
                return true;
        }
        return advanced;
    }

    /// <summary>
    /// The member refused the entry after <paramref name="refused"/>; its log may match at
    /// <paramref name="candidate"/>. False if the refusal is out of date.
    /// </summary>
    public bool Rejected(ulong refused, ulong candidate)
    {
        switch (State)
        {
            case ProgressState.Replicate when refused > Match:
                BecomeProbe(Match + 1);
                return true;
            case ProgressState.Probe when refused == Next - 1:
                Next = Math.Max(Math.Min(refused, candidate + 1), Match + 1);
                _probeSent = false;
                return true;
            default:
                return false;
        }
    }

    /// <summary>Messages were lost: find out what arrived.</summary>
    public void Unreachable()
    {
        IsReachable = false;
        if (State == ProgressState.Replicate) BecomeProbe(Match + 1);
    }

    /// <summary>An answer is overdue: sends again, if only an empty message.</summary>
    public void Revive()
    {
        _probeSent = false;
        _probeForced = State == ProgressState.Replicate;
    }

    /// <summary>
    /// A snapshot up to the index is offered; nothing else is sent until it arrived or failed.
    /// </summary>
    public void BecomeSnapshot(ulong index)
    {
        State = ProgressState.Snapshot;
        _snapshotIndex = index;
        _probeSent = _probeForced = false;
        Inflights.Clear();
    }

    /// <summary>The member has lost its log.</summary>
    public void Forget()
    {
        Match = 0;
        BecomeProbe(1);
    }

    /// <summary>The sending of the snapshot ended.</summary>
    public void SnapshotSent(bool delivered)
    {
        if (State != ProgressState.Snapshot) return;
        var next = delivered ? Math.Max(Match, _snapshotIndex) + 1 : Match + 1;
        BecomeProbe(next);
        // Wait for its acknowledgement or the next heartbeat's answer: a probe now would be refused.
        _probeSent = true;
    }

    /// <summary>The leader's own log became durable up to the index.</summary>
    public void SelfStable(ulong stable, ulong last)
    {
        State = ProgressState.Replicate;
        Invariant.Check(stable >= Match);
        Match = stable;
        Next = last + 1;
    }

    /// <summary>The member has confirmed a read round; an older one changes nothing.</summary>
    public void Confirm(ulong round) => ConfirmedRound = Math.Max(ConfirmedRound, round);

    private void BecomeProbe(ulong next)
    {
        State = ProgressState.Probe;
        Next = next;
        _probeSent = _probeForced = false;
        Inflights.Clear();
    }

    private void BecomeReplicate()
    {
        State = ProgressState.Replicate;
        Next = Match + 1;
        _probeSent = _probeForced = false;
        Inflights.Clear();
    }
}
