namespace Kvorum.Node;

/// <summary>What goes at a pace: pieces of checkpoints that leave the node.</summary>
public sealed partial class NodeLoop
{
    private readonly Queue<(long Bytes, Action Send)> _paced = new();

    /// <summary>
    /// Sends a piece of a checkpoint when the node's rate lets it go, in turn: at once, or at a later tick.
    /// </summary>
    internal void Pace(long bytes, Action send)
    {
        if (_paced.Count == 0 && _context.SnapshotPace.TryTake(bytes, NowMs))
            send();
        else
            _paced.Enqueue((bytes, send));
    }

    private void SendPaced()
    {
        while (_paced.TryPeek(out var next) && _context.SnapshotPace.TryTake(next.Bytes, NowMs))
            _paced.Dequeue().Send();
    }
}
