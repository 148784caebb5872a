using Kvorum.Node.Scans;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// The calls that are in a loop's hands: how many, and how they are answered. Owned by the loop, apart from
/// what says otherwise.
/// </summary>
internal sealed class LoopCalls(NodeContext context, LoopClock clock, Outboxes outboxes)
{
    private readonly List<IReplySink> _sinks = [];
    private int _count;

    /// <summary>Reads that were answered, forwarded ones included.</summary>
    public long Reads { get; private set; }

    /// <summary>Writes that were answered, forwarded ones included.</summary>
    public long Writes { get; private set; }

    /// <summary>True while there are any. Any thread.</summary>
    public bool HasAny => Volatile.Read(ref _count) > 0;

    /// <summary>Counts a call, unless there are too many. Any thread.</summary>
    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _count) <= Limits.CallsPerLoop)
            return true;
        Interlocked.Decrement(ref _count);
        return false;
    }

    /// <summary>Counts a call that is part of one that was counted.</summary>
    public void Enter() => Interlocked.Increment(ref _count);

    /// <summary>Answers a call, once.</summary>
    public void Finish(Call call, Reply reply)
    {
        if (call.IsDone)
            return;
        Leave(call);
        call.SettleReplyBytes(reply.Value.Length);
        if (call is ReadViewRequest)
        {
            call.Complete(reply);
            return;
        }

        if (call.Request.IsWrite)
        {
            Writes++;
            if (reply.Status == ReplyStatus.Ok)
                context.WriteWaits.Add(clock.NowMs - call.SubmittedMs);
        }
        else
        {
            Reads++;
        }

        if (call is ForwardedCall forwarded)
        {
            outboxes.Of(forwarded.From).AddForwardReply(forwarded.Id, reply, context.World.Transport);
            return;
        }

        call.Complete(reply);
        if (call.Sink is { } sink && !_sinks.Contains(sink))
            _sinks.Add(sink);
    }

    /// <summary>
    /// The answer would have a value of so many bytes: the call is sent back, to be asked for again with that
    /// much room.
    /// </summary>
    public void AskForCredit(ForwardedCall call, long valueBytes)
    {
        if (call.IsDone)
            return;
        Leave(call);
        outboxes.Of(call.From).AddCreditAsk(call.Id, (uint)valueBytes);
    }

    /// <summary>The end of a turn: sends the replies that have gathered.</summary>
    public void Flush()
    {
        foreach (var sink in _sinks)
            sink.Flush();
        _sinks.Clear();
    }

    private void Leave(Call call)
    {
        call.IsDone = true;
        var left = Interlocked.Decrement(ref _count);
        Invariant.Check(left >= 0, "more calls were answered than came");
    }
}
