using Kvorum.Node.Events;
using Kvorum.Node.Wire;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>Asks the peers for their wall clocks and compares. Owned by loop 0.</summary>
internal sealed class ClockRounds(NodeContext context, LoopClock clock)
{
    private readonly ByteWriter _question = new();
    private long _askedMs;

    /// <summary>Asks a peer for its wall clock.</summary>
    public void Ask(NodeId peer)
    {
        _question.Clear();
        ClockCodec.EncodeQuestion(context.MonotonicMs, _question);
        context.World.Transport.Send(peer, PeerFrameKind.Clock, _question.Written);
    }

    /// <summary>Compares what is known, and asks all if it is time to.</summary>
    public void Tick()
    {
        var (clocks, cluster) = (context.Clocks, context.Cluster);
        // Before, a node that joins may not know the members whose clocks count.
        var isOfRecords = cluster.HasQuorumKeyspaces;
        if (clocks.Judge(clock.NowMs, context.WallMs))
            cluster.Tell(new ClockOffsetChanged(clocks.HealthIssue));
        if (isOfRecords)
            context.RecordClock.Judge(clock.NowMs, clocks.AgreedMs(clock.NowMs), cluster.Ids.Count == 1);
        var peers = cluster.PeersUp.ToArray();
        var pause = clocks.HasHeard(peers) ? Limits.ClockAskMs : Limits.ClockAskFirstMs;
        if (clock.NowMs - _askedMs < pause)
            return;
        _askedMs = clock.NowMs;
        foreach (var peer in peers)
            Ask(peer);
    }
}
