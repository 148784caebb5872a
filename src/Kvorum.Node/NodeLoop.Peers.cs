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

    internal void Replied(ulong forward, Reply reply) => _forwards.Replied(forward, reply);

    internal void PeerUp()
    {
        foreach (var replica in _replicas.Values)
            replica.PeerUp();
    }

    internal void PeerDown(NodeId peer, PeerLoss loss)
    {
        foreach (var replica in _replicas.Values)
            replica.PeerDown(peer, loss);
        _forwards.PeerLost(peer);
        _scans.PeerLost(peer);
    }
}
