using Kvorum.Node.Budgets;
using Kvorum.Protocol;

namespace Kvorum.Node.Loops;

/// <summary>
/// Room for large replies: a call that finds none waits here without its value, until its time is up. Owned
/// by the loop.
/// </summary>
internal sealed class RoomWaits(LoopClock clock, Inbox inbox, LoopCalls calls)
{
    private readonly List<RoomWait> _waits = [];

    /// <summary>
    /// Takes room for a reply with a value of so many bytes, now or later, in place of what the call has;
    /// then <paramref name="then"/> runs in this loop. A call that another node passed on is sent back: that
    /// node has the client's connection.
    /// </summary>
    public void TakeForReply(Call call, long valueBytes, Action then)
    {
        if (call is ForwardedCall forwarded)
        {
            calls.AskForCredit(forwarded, valueBytes);
            return;
        }

        if (call.Replies is not { } share)
        {
            then();
            return;
        }

        call.SettleReplyBytes(0);
        var bytes = valueBytes * call.ReplyCopies;
        Take(share, bytes, call, () =>
        {
            call.HoldReplyBytes(bytes);
            then();
        }, () => calls.Finish(call, NoRoom(valueBytes)));
    }

    /// <summary>
    /// Takes room for a call, now or later. Then <paramref name="then"/> runs in this loop and owns the room,
    /// unless the call has ended meanwhile; or <paramref name="refused"/>.
    /// </summary>
    public void Take(ByteShare share, long bytes, Call call, Action then, Action refused)
    {
        var wait = new RoomWait(this, inbox, share, call, then, refused);
        switch (share.Take(bytes, wait))
        {
            case RoomAnswer.Taken:
                then();
                break;
            case RoomAnswer.Waits:
                _waits.Add(wait);
                break;
            default:
                refused();
                break;
        }
    }

    /// <summary>True once the call's time is up, or its caller has left.</summary>
    public bool IsOver(Call call) => call.IsCancelled || clock.NowMs >= call.DeadlineMs;

    /// <summary>Ends the calls whose time is up.</summary>
    public void Sweep()
    {
        foreach (var wait in _waits)
            wait.Sweep();
        _waits.RemoveAll(static wait => wait.IsOver);
    }

    /// <summary>The call found no room in its time.</summary>
    public void End(Call call) => calls.Finish(call, call.IsCancelled
        ? new() { Status = ReplyStatus.Cancelled }
        : new()
        {
            Status = ReplyStatus.DeadlineExceeded,
            Message = $"the reply is large and found no room within {call.Timeout.TotalMilliseconds:0} ms: "
                + "other large replies wait for their clients to take them; nothing was done",
        });

    private static Reply NoRoom(long valueBytes) => new()
    {
        Status = ReplyStatus.Overloaded,
        Message = $"a reply of {valueBytes} bytes finds no room: too many large replies are waiting; "
            + "nothing was done, retry after a pause",
    };
}
