using Kvorum.Node.Budgets;

namespace Kvorum.Node.Loops;

/// <summary>
/// A call that waits for room. It holds no value, only the wish for one. Owned by the loop; the room tells it
/// on any thread, and it goes on in the loop.
/// </summary>
internal sealed class RoomWait(
    RoomWaits waits, Inbox inbox, ByteShare share, Call call, Action then, Action refused) : RoomWaiter
{
    /// <summary>True once the loop need not look after it any more.</summary>
    public bool IsOver { get; private set; }

    /// <inheritdoc/>
    public override void Granted() => inbox.Post(new LoopEvent.RoomGranted(this));

    /// <inheritdoc/>
    public override void Refused() => inbox.Post(new LoopEvent.RoomRefused(this));

    /// <summary>Ends the call if its caller has left, or its time is up.</summary>
    public void Sweep()
    {
        if (!IsOver && waits.IsOver(call) && share.Cancel(this))
            End();
    }

    /// <summary>Room was granted.</summary>
    public void GoOn()
    {
        IsOver = true;
        if (!call.IsDone && !waits.IsOver(call))
        {
            then();
            return;
        }

        share.Give(Bytes);
        End();
    }

    /// <summary>Room was refused.</summary>
    public void GiveUp()
    {
        IsOver = true;
        refused();
    }

    private void End()
    {
        IsOver = true;
        waits.End(call);
    }
}
