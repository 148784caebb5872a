namespace Kvorum.Node.Loops;

/// <summary>What goes at a pace: pieces of checkpoints that leave the node. Owned by the loop.</summary>
internal sealed class SnapshotPacer(NodeContext context, LoopClock clock)
{
    private readonly Queue<(long Bytes, Action Send)> _waiting = new();

    /// <summary>
    /// Sends a piece of a checkpoint when the node's rate lets it go, in turn: at once, or at a later tick.
    /// </summary>
    public void Send(long bytes, Action send)
    {
        if (_waiting.Count == 0 && context.SnapshotPace.TryTake(bytes, clock.NowMs))
            send();
        else
            _waiting.Enqueue((bytes, send));
    }

    /// <summary>Sends what may go now.</summary>
    public void Tick()
    {
        while (_waiting.TryPeek(out var next) && context.SnapshotPace.TryTake(next.Bytes, clock.NowMs))
            _waiting.Dequeue().Send();
    }
}
