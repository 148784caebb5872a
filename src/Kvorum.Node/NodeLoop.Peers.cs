using Kvorum.Node.Replicas;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node;

/// <summary>What comes from other nodes, already decoded. Loop thread.</summary>
public sealed partial class NodeLoop
{
    internal void Step(List<(uint Group, Message Message)> messages)
    {
        foreach (var (group, message) in messages)
            Find(group)?.Step(message);
    }

    internal void Receive(NodeId from, in SnapshotChunk chunk) => Find(chunk.Group)?.Receive(from, chunk);

    internal void Receive(NodeId from, in SnapshotAck ack) => Find(ack.Group)?.Receive(from, ack);

    internal void Receive(NodeId from, in RebuildAsk ask) => Find(ask.Group)?.Receive(from, ask);

    internal void CreditAsked(ulong forward, uint bytes) => _forwards.CreditAsked(forward, bytes);

    internal void Replied(ulong forward, Reply reply) => _forwards.Replied(forward, reply);

    /// <summary>
    /// The node has been admitted, or was before: its replicas vote, campaign and answer from now on.
    /// </summary>
    internal void TakePart()
    {
        foreach (var replica in _replicas.Values)
            replica.TakePart();
        foreach (var peer in Cluster.Up.Where(node => node != Cluster.Self))
            PeerUp(peer);
    }

    /// <summary>The node has lost what it promised: nobody is told that it leads anything.</summary>
    internal void TakeNoPart()
    {
        foreach (var replica in _replicas.Values)
            replica.TakeNoPart();
    }

    internal void PeerUp(NodeId peer)
    {
        foreach (var replica in _replicas.Values)
            replica.PeerUp(peer);
    }

    internal void PeerDown(NodeId peer, PeerLoss loss)
    {
        foreach (var replica in _replicas.Values)
            replica.PeerDown(peer, loss);
        _forwards.PeerLost(peer);
        _scans.PeerLost(peer);
    }
}
