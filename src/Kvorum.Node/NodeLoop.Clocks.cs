using Kvorum.Node.Wire;
using Kvorum.Raft;

namespace Kvorum.Node;

/// <summary>Wall clocks: loop 0 asks the peers for theirs and compares.</summary>
public sealed partial class NodeLoop
{
    private readonly ByteWriter _clockQuestion = new();
    private long _clocksAskedMs;

    /// <summary>Asks a peer for its wall clock.</summary>
    internal void AskClock(NodeId peer)
    {
        _clockQuestion.Clear();
        ClockCodec.EncodeQuestion(ClockMs, _clockQuestion);
        Transport.Send(peer, PeerFrameKind.Clock, _clockQuestion.Written);
    }

    private void CompareClocks()
    {
        var clocks = _context.Clocks;
        if (clocks.Judge(NowMs, WallMs))
            Cluster.Note(clocks.Alert ?? "this node's clock and those of a majority agree again");
        var peers = Cluster.Up.Where(node => node != Cluster.Self).ToArray();
        var pause = clocks.HasHeard(peers) ? Limits.ClockAskMs : Limits.ClockAskFirstMs;
        if (NowMs - _clocksAskedMs < pause)
            return;
        _clocksAskedMs = NowMs;
        foreach (var peer in peers)
            AskClock(peer);
    }
}
