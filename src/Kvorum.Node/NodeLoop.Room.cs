using Kvorum.Node.Loops;
using Kvorum.Node.Room;
using Kvorum.Protocol;

namespace Kvorum.Node;

/// <summary>Room for what is large: who finds none waits here as a token, until its time is up.</summary>
public sealed partial class NodeLoop
{
    private readonly List<RoomWait> _roomWaits = [];

    /// <summary>
    /// Takes room for a reply with a value of so many bytes, now or later, in place of what the call has;
    /// then <paramref name="then"/> runs in this loop. A call that another node passed on is sent back: that
    /// node has the client's connection.
    /// </summary>
    internal void TakeReplyRoom(Call call, long valueBytes, Action then)
    {
        if (call is ForwardedCall forwarded)
        {
            AskForCredit(forwarded, valueBytes);
            return;
        }

        if (call.Replies is not { } share)
        {
            then();
            return;
        }

        call.SettleReplyBytes(0);
        var bytes = valueBytes * call.ReplyCopies;
        TakeRoom(share, bytes, call, () =>
        {
            call.HoldReplyBytes(bytes);
            then();
        }, () => Finish(call, NoRoom(valueBytes)));
    }

    /// <summary>
    /// Takes room for a call, now or later. Then <paramref name="then"/> runs in this loop and owns the room,
    /// unless the call has ended meanwhile; or <paramref name="refused"/>.
    /// </summary>
    internal void TakeRoom(ByteShare share, long bytes, Call call, Action then, Action refused)
    {
        var wait = new RoomWait(this, share, call, then, refused);
        switch (share.Take(bytes, wait))
        {
            case RoomAnswer.Taken:
                then();
                break;
            case RoomAnswer.Waits:
                _roomWaits.Add(wait);
                break;
            default:
                refused();
                break;
        }
    }

    private void AskForCredit(ForwardedCall call, long valueBytes)
    {
        if (call.IsDone)
            return;
        call.IsDone = true;
        Interlocked.Decrement(ref _callCount);
        OutboxOf(call.From).AddCreditAsk(call.Id, (uint)valueBytes);
    }

    private void SweepRoomWaits()
    {
        foreach (var wait in _roomWaits)
            wait.Sweep(NowMs);
        _roomWaits.RemoveAll(static wait => wait.IsOver);
    }

    internal void EndWithoutRoom(Call call) => Finish(call, call.IsCancelled
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
