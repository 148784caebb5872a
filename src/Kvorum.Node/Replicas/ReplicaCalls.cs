using Kvorum.Node.Budgets;
using Kvorum.Node.Scans;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Lsm;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Calls of one replica: writes are proposed, reads wait for their index, and what this replica cannot do
/// itself goes to the leader. Owned by the node loop.
/// </summary>
internal sealed class ReplicaCalls
{
    private readonly IReplicaHost _host;
    private readonly IReplica _owner;
    private readonly ReplicaParts _parts;
    private readonly RaftNode _raft;
    private readonly ReplicaCondition _condition;
    private readonly HistoryComparison _comparison;
    private readonly Leadership _leadership;
    private readonly LogTime _time;
    private readonly ReplicaReplies _replies;
    private readonly Action<TreeDamagedException> _damaged;
    private readonly PendingCalls _pending = new();
    private readonly PendingReads _reads = new();

    // Made once: a sweep comes often.
    private readonly Action<Call> _endIfOver;

    public ReplicaCalls(
        IReplicaHost host, IReplica owner, ReplicaParts parts, ReplicaCondition condition,
        HistoryComparison comparison, Leadership leadership, LogTime time,
        Action<TreeDamagedException> damaged)
    {
        (_host, _owner, _parts, _raft) = (host, owner, parts, parts.Raft);
        (_condition, _comparison, _leadership, _time) = (condition, comparison, leadership, time);
        _damaged = damaged;
        _replies = new(host, parts, condition);
        _endIfOver = EndIfOver;
    }

    /// <summary>True while any call is in its hands.</summary>
    public bool HasAny => _pending.Count + _reads.Count > 0;

    /// <summary>
    /// True if calls are better asked for elsewhere: the group is to have no replica here, so that nobody may
    /// tell this one who leads. It is kept for a while all the same.
    /// </summary>
    public bool IsBypassed => !IsLeader && _host.Cluster.IsUnwanted(_parts.Group, _parts.KeyspaceId);

    private bool IsLeader => _raft.Role == Role.Leader;

    /// <summary>Takes a call whose key is in this group.</summary>
    public void Take(Call call)
    {
        if (call.IsCancelled)
            _host.Finish(call, ReplicaReplies.Cancelled);
        else if (_condition.ServesNothing)
            TakeElsewhere(call);
        else if (call.Request is ReadRequest { Consistency: ReadConsistency.Stale })
            ServeRead(call, stale: true);
        else if (IsLeader)
            TakeAsLeader(call);
        else if (_raft.Leader is { } leader && (call.Request.NoRedirect || _host.Cluster.Health.IsUp(leader)))
            SendToLeader(call, leader);
        else if (call.Request.NoRedirect)
            _host.Finish(call, _replies.NotLeader());
        else
            Wait(call);
    }

    /// <summary>Keeps the call until a leader shows itself or its deadline passes.</summary>
    public void Wait(Call call)
    {
        _pending.Wait(call);
        _host.Touch(_owner);
    }

    /// <summary>Asks again for what had no leader.</summary>
    public void RetryWaiting()
    {
        if (!_pending.TryTakeWaiting(out var calls))
            return;
        var isBypassed = IsBypassed;
        foreach (var call in calls)
        {
            if (isBypassed)
                _host.TakeElsewhere(call);
            else
                Take(call);
        }

        _host.Touch(_owner);
    }

    /// <summary>Answers the calls whose time is up.</summary>
    public void Sweep()
    {
        _pending.Sweep(_endIfOver);
        _reads.Sweep(_endIfOver);
    }

    /// <summary>Asks the core for the reads of this turn.</summary>
    public void AskForReads()
    {
        while (_reads.TryAsk(out var id, out var mode))
            _raft.ReadIndex(id, mode);
    }

    /// <summary>The core has answered questions for reads.</summary>
    public void Confirmed(IReadOnlyList<ReadState> states)
    {
        for (var i = 0; i < states.Count; i++)
        {
            if (!_reads.TryTakeAnswered(states[i].ReadId, out var calls))
                continue;
            if (states[i].Index is not { } index)
                AskAgain(calls);
            else if (index.Value <= _parts.Tree.AppliedIndex)
                Serve(calls);
            else
                _reads.Await(index, calls);
        }
    }

    /// <summary>Entries were applied: serves the reads that have waited for them.</summary>
    public void ServeApplied()
    {
        while (_reads.TryTakeApplied(_parts.Tree.AppliedIndex, out var calls))
            Serve(calls);
    }

    /// <summary>
    /// The entry is applied, or skipped: the one at a proposal's index decides. The same term means that it
    /// is the proposal, another that the proposal is void for ever.
    /// </summary>
    public void Resolve(in Entry entry, Outcome? outcome)
    {
        while (_pending.TryTakeProposal(entry.Index, out var head))
        {
            if (head.Call.IsDone)
                continue;
            if (head.Index == entry.Index && head.Term == entry.Term && outcome is { } applied)
                _host.Finish(head.Call, _replies.Applied(applied, head.Call.Request));
            else
                Take(head.Call);
        }
    }

    /// <summary>
    /// This replica will not see the entries of its proposals: those that may be repeated wait, the outcome
    /// of the others is unknown.
    /// </summary>
    public void ForgetProposals()
    {
        while (_pending.TryTakeProposal(new(ulong.MaxValue), out var head))
        {
            if (head.Call.IsDone)
                continue;
            if (RetryTable.MayRepeat(ReplyStatus.OutcomeUnknown, head.Call.Request))
                Wait(head.Call);
            else
                _host.Finish(head.Call, _replies.OutcomeUnknown());
        }
    }

    /// <summary>
    /// This replica serves nothing any more: whatever has begun here is asked for elsewhere.
    /// </summary>
    public void Interrupt()
    {
        ForgetProposals();
        while (_reads.TryTakeApplied(ulong.MaxValue, out var calls))
            calls.ForEach(Wait);
    }

    /// <summary>This replica goes: whatever is in its hands is asked for elsewhere.</summary>
    public void Leave()
    {
        Interrupt();
        _reads.Sweep(Wait);
        if (!_pending.TryTakeWaiting(out var calls))
            return;
        foreach (var call in calls)
        {
            if (!call.IsDone)
                _host.TakeElsewhere(call);
        }
    }

    private void TakeAsLeader(Call call)
    {
        _host.Touch(_owner);
        if (call.Request is ReadRequest read)
        {
            _reads.Add(call, byLease: read.Consistency == ReadConsistency.Lease && _host.Options.LeaseReads);
            return;
        }

        if (_pending.Proposed >= Limits.ProposalsPerPartition || _host.IsLogBehind || _host.IsMemorySpent)
        {
            _host.Finish(call, _replies.Overloaded());
            return;
        }

        var write = (WriteRequest)call.Request;
        if (!HasRoomForAnswer(call, write))
            return;
        if (_host.Disk.Level == DiskLevel.Critical
            || (_host.Disk.Level == DiskLevel.Low && write.StoresData))
        {
            LeadElsewhere(call);
            return;
        }

        Propose(call, write);
    }

    private void Propose(Call call, WriteRequest write)
    {
        var result = _raft.Propose(CommandCodec.Encode(write, _time.OfWrite()));
        switch (result.Outcome)
        {
            case ProposeOutcome.Accepted:
                _pending.Propose(result.Index, result.Term, call);
                break;
            case ProposeOutcome.Overloaded:
                _host.Finish(call, _replies.Overloaded());
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
            var bytes = _parts.Machine.AnswerBytes(write);
            if (bytes <= call.ValueBytesMax)
                return true;
            WriteWithRoom(call, bytes);
        }
        catch (TreeDamagedException e)
        {
            _damaged(e);
            TakeFenced(call);
        }

        return false;
    }

    // Apart from those that mostly need no room: a lambda is made where a method begins.
    private void WriteWithRoom(Call call, long bytes) => _host.TakeReplyRoom(call, bytes, () => Take(call));

    private void ReadWithRoom(Call call, long bytes, bool stale) =>
        _host.TakeReplyRoom(call, bytes, () => ServeRead(call, stale));

    // A replica whose disk has room does it. Where none has, the write is refused.
    private void LeadElsewhere(Call call)
    {
        if (!_leadership.Balance())
            _host.Finish(call, _replies.OutOfSpace());
        else if (call.Request.NoRedirect)
            _host.Finish(call, _replies.NotLeader());
        else
            Wait(call);
    }

    private void SendToLeader(Call call, NodeId leader)
    {
        if (call.Request.NoRedirect)
            _host.Finish(call, _replies.NotLeader());
        else
            _host.Forward(call, leader);
    }

    // Others that may serve are asked. Where they are too few, the call is answered at once.
    private void TakeElsewhere(Call call)
    {
        var leader = LeaderThatIsUp();
        if (_condition.IsFenced && !_condition.IsQuarantined && !_condition.IsBlank)
            TakeFenced(call);
        else if (leader is null && (call.Request.NoRedirect || !CanOthersServe))
            _host.Finish(call, _replies.StandsStill());
        else if (call.Request.NoRedirect)
            _host.Finish(call, _replies.NotLeader());
        else if (leader is { } to)
            _host.Forward(call, to);
        else
            Wait(call);
    }

    // Another replica is asked, if there is one.
    private void TakeFenced(Call call)
    {
        if (_raft.Configuration.Voters.Count == 1)
            _host.Finish(call, _replies.Damaged());
        else if (call.Request.NoRedirect)
            _host.Finish(call, _replies.NotLeader());
        else if (LeaderThatIsUp() is { } leader)
            _host.Forward(call, leader);
        else
            Wait(call);
    }

    // Another node than this one; null if none is known.
    private NodeId? LeaderThatIsUp() =>
        _raft.Leader is { } leader && leader != _raft.Id && _host.Cluster.Health.IsUp(leader) ? leader : null;

    // A majority without this replica is up, as far as is known.
    private bool CanOthersServe
    {
        get
        {
            var nodes = _parts.PreferenceIn(_host.Cluster);
            return nodes.Count / 2 < nodes.Count(node => node != _raft.Id
                && _host.Cluster.Health.IsUp(node) && !_comparison.IsQuarantined(node));
        }
    }

    // Leadership was lost before it was confirmed: another replica may lead.
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

    private void Serve(List<Call> calls)
    {
        foreach (var call in calls)
            ServeRead(call, stale: false);
    }

    private void ServeRead(Call call, bool stale)
    {
        if (call.IsDone)
            return;
        if (_condition.ServesNothing)
        {
            TakeElsewhere(call);
            return;
        }

        if (call.IsCancelled)
        {
            // Its caller has left: the value is not even read.
            _host.Finish(call, ReplicaReplies.Cancelled);
            return;
        }

        if (call is ReadViewRequest part)
        {
            part.Open(_parts.Tree, new ValueForm(_parts.Machine.LogTimeMs));
            _host.Finish(part, new Reply { Status = ReplyStatus.Ok });
            return;
        }

        ReadValue(call, stale);
    }

    private void ReadValue(Call call, bool stale)
    {
        ReadAnswer answer;
        var bytesMax = call.ValueBytesMax;
        try
        {
            answer = _parts.Machine.Read(call.Request, bytesMax);
        }
        catch (TreeDamagedException e)
        {
            _damaged(e);
            TakeFenced(call);
            return;
        }

        if (answer.LeavesOut(bytesMax))
            ReadWithRoom(call, answer.ValueBytes, stale);
        else
            _host.Finish(call, _replies.Read(answer, call.Request, stale));
    }

    private void EndIfOver(Call call)
    {
        if (call.IsDone)
            return;
        if (call.IsCancelled)
            _host.Finish(call, ReplicaReplies.Cancelled);
        else if (_host.NowMs >= call.DeadlineMs)
            _host.Finish(call, _condition.IsQuarantined || _condition.IsBlank
                ? _replies.StandsStill() : _replies.DeadlineExceeded(call));
    }
}
