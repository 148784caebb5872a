using Kvorum.Node.Room;
using Kvorum.Node.Scans;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Lsm;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Calls: writes are proposed, reads wait for their index, and what this replica cannot do itself goes to the
/// leader.
/// </summary>
internal sealed partial class Replica
{
    // Proposed here; each is resolved by the entry that is committed at its index.
    private readonly Proposals _proposals = new();

    // No leader is known, or it refused: asked again when something changes.
    private List<Call> _waiting = [];

    // Reads of this turn, asked for together at its end.
    private List<Call> _newReads = [];
    private List<Call> _newLeaseReads = [];
    private readonly Dictionary<ulong, List<Call>> _askedReads = [];
    private readonly List<(LogIndex Index, List<Call> Calls)> _readsAwaitingApply = [];
    private ulong _lastReadId;

    /// <summary>True while any call is in its hands.</summary>
    public bool HasCalls => _proposals.Count + _waiting.Count + _newReads.Count + _newLeaseReads.Count
        + _askedReads.Count + _readsAwaitingApply.Count > 0;

    /// <summary>Takes a call whose key is in this group.</summary>
    public void Take(Call call)
    {
        if (call.IsCancelled)
            loop.Finish(call, new Reply { Status = ReplyStatus.Cancelled });
        else if (ServesNothing)
            TakeElsewhere(call);
        else if (call.Request is ReadRequest { Consistency: ReadConsistency.Stale })
            ServeRead(call, stale: true);
        else if (IsLeader)
            TakeAsLeader(call);
        else if (_raft.Leader is { } leader && (call.Request.NoRedirect || loop.Cluster.IsUp(leader)))
            SendToLeader(call, leader);
        else if (call.Request.NoRedirect)
            loop.Finish(call, NotLeader());
        else
            Wait(call);
    }

    /// <summary>Keeps the call until a leader shows itself or its deadline passes.</summary>
    public void Wait(Call call) => _waiting.Add(call);

    /// <summary>Asks again for what had no leader.</summary>
    public void RetryWaiting()
    {
        if (_waiting.Count == 0)
            return;
        var calls = _waiting;
        _waiting = [];
        foreach (var call in calls)
            Take(call);
        loop.Touch(this);
    }

    /// <summary>Answers the calls whose time is up.</summary>
    public void SweepDeadlines(long nowMs)
    {
        Sweep(_waiting, nowMs);
        foreach (var call in _proposals.Calls)
            SweepOne(call, nowMs);
        foreach (var (_, calls) in _readsAwaitingApply)
            Sweep(calls, nowMs);
        SweepAskedReads(nowMs);
    }

    /// <summary>The commands of the log's own needs, not of a caller: true if the leader took it.</summary>
    public bool Propose(byte[] command)
    {
        var accepted = _raft.Propose(command).Outcome == ProposeOutcome.Accepted;
        loop.Touch(this);
        return accepted;
    }

    private void TakeAsLeader(Call call)
    {
        loop.Touch(this);
        if (call.Request is ReadRequest read)
        {
            var byLease = read.Consistency == ReadConsistency.Lease && loop.Options.LeaseReads;
            (byLease ? _newLeaseReads : _newReads).Add(call);
            return;
        }

        if (_proposals.Count >= Limits.ProposalsPerPartition || loop.IsLogBehind || loop.IsMemorySpent)
        {
            loop.Finish(call, Overloaded());
            return;
        }

        var write = (WriteRequest)call.Request;
        if (!HasRoomForAnswer(call, write))
            return;
        if (loop.Disk.Level == DiskLevel.Critical
            || (loop.Disk.Level == DiskLevel.Low && write.StoresData))
        {
            LeadElsewhere(call);
            return;
        }

        var result = _raft.Propose(CommandCodec.Encode(write, TimeOfWrite()));
        switch (result.Outcome)
        {
            case ProposeOutcome.Accepted:
                _proposals.Add(result.Index, result.Term, call);
                break;
            case ProposeOutcome.Overloaded:
                loop.Finish(call, Overloaded());
                break;
            default:
                Wait(call);
                break;
        }
    }

    // What was there before may be large, and so may be the stored answer to a repetition.
    private bool HasRoomForAnswer(Call call, WriteRequest write)
    {
        if (!write.ReturnPrevious && write.ClientId.Length == 0)
            return true;
        try
        {
            var bytes = ((KeyValueMachine)_machine).AnswerBytes(write);
            if (bytes <= call.ValueBytesMax)
                return true;
            WriteWithRoom(call, bytes);
        }
        catch (TreeDamagedException e)
        {
            Fence(e);
            TakeFenced(call);
        }

        return false;
    }

    // Apart from those that mostly need no room: a lambda is made where a method begins.
    private void WriteWithRoom(Call call, long bytes) => loop.TakeReplyRoom(call, bytes, () => Take(call));

    private void ReadWithRoom(Call call, long bytes, bool stale) =>
        loop.TakeReplyRoom(call, bytes, () => ServeRead(call, stale));

    // A replica whose disk has room does it; where there is none, nobody does.
    private void LeadElsewhere(Call call)
    {
        if (!BalanceLeadership())
            loop.Finish(call, OutOfSpace());
        else if (call.Request.NoRedirect)
            loop.Finish(call, NotLeader());
        else
            Wait(call);
    }

    private void SendToLeader(Call call, NodeId leader)
    {
        if (call.Request.NoRedirect)
            loop.Finish(call, NotLeader());
        else
            loop.Forward(call, leader);
    }

    // The entry at a proposal's index decides: the same term means it is ours, another that ours is void for
    // ever.
    private void Resolve(in Entry entry, Outcome? outcome)
    {
        while (_proposals.TryTake(entry.Index, out var head))
        {
            if (head.Call.IsDone)
                continue;
            if (head.Index == entry.Index && head.Term == entry.Term && outcome is { } applied)
                loop.Finish(head.Call, Answer(applied));
            else
                Take(head.Call);
        }
    }

    /// <summary>
    /// A snapshot was installed over the log: what became of proposals it covers cannot be known from it.
    /// </summary>
    private void ForgetProposals()
    {
        while (_proposals.TryTake(new(ulong.MaxValue), out var head))
        {
            if (head.Call.IsDone)
                continue;
            if (RetryTable.MayRepeat(ReplyStatus.OutcomeUnknown, head.Call.Request))
                Wait(head.Call);
            else
                loop.Finish(head.Call, OutcomeUnknown());
        }
    }

    private void AskForReads()
    {
        if (_newReads.Count > 0)
            AskForReads(ref _newReads, ReadMode.Confirmed);
        if (_newLeaseReads.Count > 0)
            AskForReads(ref _newLeaseReads, ReadMode.Lease);
    }

    private void AskForReads(ref List<Call> calls, ReadMode mode)
    {
        _askedReads[++_lastReadId] = calls;
        calls = [];
        _raft.ReadIndex(_lastReadId, mode);
    }

    private void Answer(IReadOnlyList<ReadState> states)
    {
        for (var i = 0; i < states.Count; i++)
        {
            if (!_askedReads.Remove(states[i].ReadId, out var calls))
                continue;
            if (states[i].Index is not { } index)
                AskAgain(calls);
            else if (index.Value <= _tree.AppliedIndex)
                Serve(calls);
            else
                _readsAwaitingApply.Add((index, calls));
        }
    }

    // Leadership was lost before it was confirmed: someone else may know.
    private void AskAgain(List<Call> calls)
    {
        foreach (var call in calls)
        {
            if (call.IsDone)
                continue;
            if (IsLeader)
                Wait(call);
            else
                Take(call);
        }
    }

    private void ServeAppliedReads()
    {
        for (var i = 0; i < _readsAwaitingApply.Count; i++)
        {
            if (_readsAwaitingApply[i].Index.Value > _tree.AppliedIndex)
                continue;
            Serve(_readsAwaitingApply[i].Calls);
            _readsAwaitingApply.RemoveAt(i--);
        }
    }

    private void Serve(List<Call> calls)
    {
        foreach (var call in calls)
            ServeRead(call, stale: false);
    }

    private void ServeRead(Call call, bool stale)
    {
        if (call.IsDone)
            return;
        if (ServesNothing)
        {
            TakeElsewhere(call);
            return;
        }

        if (call.IsCancelled)
        {
            // Its caller has left: the value is not even read.
            loop.Finish(call, new Reply { Status = ReplyStatus.Cancelled });
            return;
        }

        if (call is ScanPart part)
        {
            part.Open(_tree, _machine.LogTimeMs);
            loop.Finish(part, new Reply { Status = ReplyStatus.Ok });
            return;
        }

        Invariant.Check(call.Request is GetRequest, "a read of one key is no get");
        ValueRecord? record;
        var bytesMax = call.ValueBytesMax;
        long bytes;
        try
        {
            record = ((KeyValueMachine)_machine).Get(call.Request.Key.Span, bytesMax, out bytes);
        }
        catch (TreeDamagedException e)
        {
            Fence(e);
            TakeFenced(call);
            return;
        }

        if (record is null && bytes > bytesMax)
        {
            ReadWithRoom(call, bytes, stale);
            return;
        }

        loop.Finish(call, new Reply
        {
            Status = ReplyStatus.Ok,
            Found = record is not null,
            Value = record?.Value ?? default,
            Version = record?.Version ?? 0,
            Partition = Partition,
            Epoch = loop.Cluster.Epoch,
            Leader = LeaderAddress,
            Stale = stale,
        });
    }

    private void SweepAskedReads(long nowMs)
    {
        // Order does not matter: each call gets its own answer, and the deadline is the same for all.
        foreach (var calls in _askedReads.Values)
            Sweep(calls, nowMs);
    }

    private void Sweep(List<Call> calls, long nowMs)
    {
        var kept = 0;
        for (var i = 0; i < calls.Count; i++)
        {
            SweepOne(calls[i], nowMs);
            if (!calls[i].IsDone)
                calls[kept++] = calls[i];
        }

        calls.RemoveRange(kept, calls.Count - kept);
    }

    private void SweepOne(Call call, long nowMs)
    {
        if (call.IsDone)
            return;
        if (call.IsCancelled)
            loop.Finish(call, new Reply { Status = ReplyStatus.Cancelled });
        else if (nowMs >= call.DeadlineMs)
            loop.Finish(call, IsQuarantined || IsBlank ? StandsStill() : DeadlineExceeded(call));
    }

    private Reply DeadlineExceeded(Call call) => new()
    {
        Status = ReplyStatus.DeadlineExceeded,
        Message = _raft.Leader is null
            ? $"partition {Partition} of '{Keyspace}' has no leader: {loop.Cluster.WhyNoLeader()}"
            : call.Request.IsWrite
                ? $"the write was not committed within {call.Timeout.TotalMilliseconds:0} ms: "
                    + "it may still happen, or not"
                : $"the read was not confirmed by a majority within {call.Timeout.TotalMilliseconds:0} ms",
        Partition = Partition,
        Leader = LeaderAddress,
    };

    private Reply Answer(in Outcome outcome) => new()
    {
        Status = outcome.Status,
        Message = outcome.Status switch
        {
            ReplyStatus.ConditionFailed when outcome.Version == 0 => "the key is absent",
            ReplyStatus.ConditionFailed => $"the key's version is {outcome.Version}",
            ReplyStatus.SessionExpired => "the record of so old a request is forgotten: "
                + "it was not applied now, but may have been before",
            _ => "",
        },
        Found = outcome.Found,
        Value = outcome.Value,
        Version = outcome.Version,
        Replayed = outcome.Replayed,
        Partition = Partition,
        Epoch = loop.Cluster.Epoch,
        Leader = LeaderAddress,
    };

    private Reply NotLeader() => new()
    {
        Status = ReplyStatus.NotLeader,
        Message = _raft.Leader is null
            ? $"partition {Partition} of '{Keyspace}' has no leader: {loop.Cluster.WhyNoLeader()}"
            : $"{loop.Cluster.NameOf(loop.Cluster.Self)} does not lead partition {Partition} of '{Keyspace}'",
        Partition = Partition,
        Epoch = loop.Cluster.Epoch,
        Leader = LeaderAddress,
    };

    private Reply Overloaded() => new()
    {
        Status = ReplyStatus.Overloaded,
        Message = $"partition {Partition} of '{Keyspace}' has too many writes under way: retry after a pause",
        Partition = Partition,
        Leader = LeaderAddress,
    };

    private Reply OutOfSpace() => new()
    {
        Status = ReplyStatus.OutOfSpace,
        Message = $"the disk of {loop.Cluster.NameOf(_raft.Id)}, which leads partition {Partition} of "
            + $"'{Keyspace}', is almost full ({loop.Disk.Free} free): nothing was written; reads are served"
            + (loop.Disk.Level == DiskLevel.Low ? ", deletes are taken" : "") + "; make room on that disk",
        Partition = Partition,
        Leader = LeaderAddress,
    };

    private Reply OutcomeUnknown() => new()
    {
        Status = ReplyStatus.OutcomeUnknown,
        Message = "leadership was lost after the write was proposed: it may have happened; "
            + "give a client id and request id to retry safely",
        Partition = Partition,
        Leader = LeaderAddress,
    };

    private string LeaderAddress => _raft.Leader is { } leader ? loop.Cluster.ClientAddressOf(leader) : "";
}
