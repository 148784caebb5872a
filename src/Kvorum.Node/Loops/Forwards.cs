using Kvorum.Node.Budgets;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// The calls of one loop that were passed on to another node and wait for its answer. Each carries a credit:
/// the bytes that its answer's value may have. A small one is free. For more, the leader says how much it is,
/// and the call goes again once that is taken, from the share of the client's connection and from the window
/// of the peer, so that neither end ever holds more. Owned by the loop.
/// </summary>
internal sealed class Forwards(
    NodeContext context, LoopClock clock, Outboxes outboxes, LoopCalls calls, RoomWaits rooms,
    Forwards.Events events, int loopIndex)
{
    // Looked up by id; where it is walked, the ids are sorted first.
    private readonly Dictionary<ulong, Forward> _pending = [];
    private readonly Dictionary<NodeId, ByteShare> _windows = []; // never walked over
    private readonly ByteRoom _room = new(new()
    {
        BytesMax = long.MaxValue,
        ShareBytesMax = Limits.ForwardWindowBytes,
        FreeBytes = 0,
    });

    private readonly int _loopCount = context.Options.Loops;
    private ulong _next = context.FirstNumber;

    /// <summary>What becomes of calls that the asked node did not answer.</summary>
    /// <param name="Retry">It is asked for again, when a leader shows itself or a little later.</param>
    /// <param name="NotLedBy">The node that was asked does not lead, and named one that may.</param>
    public sealed record Events(Action<Call> Retry, Action<Call, NodeId, Reply> NotLedBy);

    public void Send(Call call, NodeId to)
    {
        var free = (uint)Math.Min(Limits.ForwardCreditBytes, call.ValueBytesMax);
        if (call.Credit <= free)
            Send(call, to, free, null);
        else
            SendWithCredit(call, to, (uint)call.Credit, WindowOf(to));
    }

    public void Replied(ulong id, Reply reply)
    {
        if (!TryEnd(id, out var forward) || forward.HasEnded)
            return;
        switch (reply.Status)
        {
            case ReplyStatus.NotLeader or ReplyStatus.Unavailable or ReplyStatus.ShuttingDown:
                events.NotLedBy(forward.Call, forward.To, reply);
                break;
            case ReplyStatus.OutcomeUnknown when RetryTable.MayRepeat(reply.Status, forward.Call.Request):
                events.Retry(forward.Call);
                break;
            default:
                calls.Finish(forward.Call, reply);
                break;
        }
    }

    /// <summary>
    /// The answer would be larger than the call's credit: it goes again when there is room.
    /// </summary>
    public void CreditAsked(ulong id, uint valueBytes)
    {
        if (!TryEnd(id, out var forward) || forward.HasEnded)
            return;
        var (call, to) = (forward.Call, forward.To);
        call.Credit = valueBytes;
        rooms.TakeForReply(call, valueBytes, () => Send(call, to));
    }

    /// <summary>The peer is lost, and the answers it owes with it.</summary>
    public void PeerLost(NodeId peer)
    {
        foreach (var id in IdsWhere(forward => forward.To == peer))
        {
            if (!TryEnd(id, out var forward) || forward.HasEnded)
                continue;
            if (RetryTable.MayRepeat(ReplyStatus.OutcomeUnknown, forward.Call.Request))
                events.Retry(forward.Call);
            else
                calls.Finish(forward.Call, Unknown(context.Cluster.Members.NameOf(peer)));
        }

        if (_windows.Remove(peer, out var window))
            window.Dispose();
    }

    /// <summary>
    /// The peer is silent: what may be repeated is asked elsewhere. What may not waits for its answer.
    /// </summary>
    public void PeerSuspected(NodeId peer)
    {
        var ids = IdsWhere(forward => forward.To == peer && !forward.HasEnded
            && RetryTable.MayRepeat(ReplyStatus.OutcomeUnknown, forward.Call.Request));
        foreach (var id in ids)
            events.Retry(Leave(id, isOver: false).Call);
    }

    public void Sweep()
    {
        if (_pending.Count == 0)
            return;
        var nowMs = clock.NowMs;
        foreach (var id in IdsWhere(forward => nowMs >= forward.EndMs || forward.Call.IsCancelled))
            Expire(id, nowMs);
    }

    private void SendWithCredit(Call call, NodeId to, uint credit, ByteShare window) => rooms.Take(
        window, credit, call, () => Send(call, to, credit, window), () => events.Retry(call));

    private void Send(Call call, NodeId to, uint credit, ByteShare? window)
    {
        var left = call.DeadlineMs - clock.NowMs;
        if (left <= 0)
        {
            window?.Give(credit);
            Expire(call);
            return;
        }

        var id = (_next++ * (ulong)_loopCount) + (ulong)loopIndex;
        _pending.Add(id, new(call, to, credit, window) { EndMs = call.DeadlineMs });
        outboxes.Of(to).AddForward(
            id, (uint)left, credit, Known(call.Request), context.World.Transport);
    }

    // Before format version 2 the leader may not know what came with it: it answers without a receipt.
    private Request Known(Request request)
    {
        var passed = request with { NoRedirect = true };
        if (context.Cluster.ActiveFormat >= FormatRange.Quorums)
            return passed;
        passed = passed with { WantsReceipt = false };
        return passed is WriteRequest write ? write with { After = 0 } : passed;
    }

    private ByteShare WindowOf(NodeId peer)
    {
        if (!_windows.TryGetValue(peer, out var window))
            _windows.Add(peer, window = _room.Open());
        return window;
    }

    private bool TryEnd(ulong id, out Forward forward)
    {
        if (!_pending.Remove(id, out forward!))
            return false;
        forward.Window?.Give(forward.Credit);
        return true;
    }

    private ulong[] IdsWhere(Func<Forward, bool> isMeant) =>
        [.. _pending.Where(pending => isMeant(pending.Value)).Select(static pending => pending.Key).Order()];

    private void Expire(ulong id, long nowMs)
    {
        var hadEnded = _pending[id].HasEnded;
        var forward = Leave(id, isOver: nowMs >= _pending[id].EndMs + Limits.ForwardLingerMs);
        if (!hadEnded)
            Expire(forward.Call);
    }

    // The answer is not waited for. A large one may still be on its way: until it is here, or the wait for it
    // is over, its part of the window is not free.
    private Forward Leave(ulong id, bool isOver)
    {
        var forward = _pending[id];
        forward.HasEnded = true;
        if (forward.Window is null || isOver)
            TryEnd(id, out _);
        return forward;
    }

    private void Expire(Call call) => calls.Finish(call, call.IsCancelled
        ? new Reply { Status = ReplyStatus.Cancelled }
        : new Reply
        {
            Status = ReplyStatus.DeadlineExceeded,
            Message = call.Request.IsWrite
                ? $"the leader did not answer within {call.Timeout.TotalMilliseconds:0} ms: the write may still happen, or not"
                : $"the leader did not answer within {call.Timeout.TotalMilliseconds:0} ms",
        });

    private static Reply Unknown(string peer) => new()
    {
        Status = ReplyStatus.OutcomeUnknown,
        Message = $"the connection to {peer}, which leads the partition, was lost: the write may have happened; give a client id and request id to retry safely",
    };

    private sealed record Forward(Call Call, NodeId To, uint Credit, ByteShare? Window)
    {
        public required long EndMs { get; init; }

        public bool HasEnded { get; set; }
    }
}
