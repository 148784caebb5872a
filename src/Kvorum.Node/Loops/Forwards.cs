using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// The calls of one loop that were passed on to another node and wait for its answer. Owned by the loop.
/// </summary>
internal sealed class Forwards(NodeLoop loop, ulong firstNumber, int loopCount, int loopIndex)
{
    // Looked up by id; where it is walked, the ids are sorted first.
    private readonly Dictionary<ulong, (Call Call, NodeId To)> _pending = [];
    private ulong _next = firstNumber;

    public int Count => _pending.Count;

    /// <summary>The loop of a node that waits for the answer with this id.</summary>
    public static int LoopOf(ulong id, int loopCount) => (int)(id % (ulong)loopCount);

    public void Send(Call call, NodeId to)
    {
        var left = call.DeadlineMs - loop.NowMs;
        if (left <= 0)
        {
            Expire(call);
            return;
        }

        var id = (_next++ * (ulong)loopCount) + (ulong)loopIndex;
        _pending.Add(id, (call, to));
        loop.OutboxOf(to).AddForward(id, (uint)left, call.Request with { NoRedirect = true }, loop.Transport);
    }

    public void Replied(ulong id, Reply reply)
    {
        if (!_pending.Remove(id, out var forward))
            return;
        switch (reply.Status)
        {
            case ReplyStatus.NotLeader or ReplyStatus.Unavailable or ReplyStatus.ShuttingDown:
                loop.NotLeadBy(forward.Call, forward.To, reply);
                break;
            case ReplyStatus.OutcomeUnknown when IsSafeToRepeat(forward.Call):
                loop.Retry(forward.Call);
                break;
            default:
                loop.Finish(forward.Call, reply);
                break;
        }
    }

    /// <summary>The peer is lost, and the answers it owes with it.</summary>
    public void PeerLost(NodeId peer)
    {
        foreach (var id in _pending.Where(pending => pending.Value.To == peer).Select(pending => pending.Key).Order().ToArray())
        {
            _pending.Remove(id, out var forward);
            if (IsSafeToRepeat(forward.Call))
                loop.Retry(forward.Call);
            else
                loop.Finish(forward.Call, Unknown(loop.Cluster.NameOf(peer)));
        }
    }

    public void Sweep(long nowMs)
    {
        var ended = _pending.Where(pending => nowMs >= pending.Value.Call.DeadlineMs || pending.Value.Call.IsCancelled);
        foreach (var id in ended.Select(pending => pending.Key).Order().ToArray())
        {
            _pending.Remove(id, out var forward);
            Expire(forward.Call);
        }
    }

    private static bool IsSafeToRepeat(Call call) => call.Request is GetRequest or WriteRequest { ClientId.Length: > 0 };

    private void Expire(Call call) => loop.Finish(call, call.IsCancelled
        ? new Reply { Status = ReplyStatus.Cancelled }
        : new Reply
        {
            Status = ReplyStatus.DeadlineExceeded,
            Message = call.Request is GetRequest
                ? $"the leader did not answer within {call.Timeout.TotalMilliseconds:0} ms"
                : $"the leader did not answer within {call.Timeout.TotalMilliseconds:0} ms: the write may still happen, or not",
        });

    private static Reply Unknown(string peer) => new()
    {
        Status = ReplyStatus.OutcomeUnknown,
        Message = $"the connection to {peer}, which leads the partition, was lost: the write may have happened; give a client id and request id to retry safely",
    };
}
