using Kvorum.Node.Groups;
using Kvorum.Node.Replicas;
using Kvorum.Node.Scans;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>What comes from other nodes, already decoded. Owned by the loop.</summary>
internal sealed class PeerTraffic(
    NodeContext context, ReplicaTable replicas, CallRouter router, ScanTable scans, LoopQuorums quorums)
{
    /// <summary>Messages of Raft.</summary>
    public void Step(List<(GroupId Group, Message Message)> messages)
    {
        foreach (var (group, message) in messages)
            replicas.FindRaft(group)?.Step(message);
    }

    /// <summary>A piece of a snapshot, or the offer of one.</summary>
    public void Receive(NodeId from, in SnapshotChunk chunk) =>
        replicas.FindRaft(chunk.Group)?.Receive(from, chunk);

    /// <summary>The answer to a piece of a snapshot.</summary>
    public void Receive(NodeId from, in SnapshotAck ack) => replicas.FindRaft(ack.Group)?.Receive(from, ack);

    /// <summary>A damaged replica asks for a snapshot.</summary>
    public void Receive(NodeId from, in RebuildAsk ask) => replicas.FindRaft(ask.Group)?.Receive(from, ask);

    /// <summary>What a peer's replicas have applied.</summary>
    public void Receive(NodeId from, List<GroupDigest> digests)
    {
        foreach (var digest in digests)
            replicas.FindRaft(digest.Group)?.Receive(from, digest);
    }

    /// <summary>The answer to a forwarded call needs more room.</summary>
    public void CreditAsked(ulong forward, uint bytes) => router.Forwards.CreditAsked(forward, bytes);

    /// <summary>Forwarded calls are answered.</summary>
    public void Replied(List<(ulong Forward, Reply Reply)> replies)
    {
        foreach (var (forward, reply) in replies)
            router.Forwards.Replied(forward, reply);
    }

    /// <summary>A question for a share of a scan's page is answered.</summary>
    public void Answered(PartialScanResult share) => scans.Answered(share);

    /// <summary>The node has been admitted, or was before: its replicas take part from now on.</summary>
    public void TakePart()
    {
        foreach (var replica in replicas.All)
            replica.TakePart();
        foreach (var peer in context.Cluster.PeersUp)
            PeerUp(peer);
    }

    /// <summary>The node has lost what it promised: it is not said to lead anything.</summary>
    public void TakeNoPart()
    {
        foreach (var replica in replicas.All)
            replica.TakeNoPart();
    }

    /// <summary>A peer came up, and is known.</summary>
    public void PeerUp(NodeId peer)
    {
        foreach (var replica in replicas.All)
            replica.PeerUp(peer);
        quorums.PeerUp(peer);
    }

    /// <summary>A peer is silent for too long. It may have been heard again since, or lost.</summary>
    public void PeerSuspected(NodeId peer)
    {
        if (!context.Cluster.Health.IsSuspect(peer))
            return;
        foreach (var replica in replicas.All)
            replica.PeerSuspected(peer);
        router.Forwards.PeerSuspected(peer);
        quorums.PeerSuspected(peer);
    }

    /// <summary>A peer is lost, and the answers it owes with it.</summary>
    public void PeerDown(NodeId peer, PeerLoss loss)
    {
        foreach (var replica in replicas.All)
            replica.PeerDown(peer, loss);
        router.Forwards.PeerLost(peer);
        scans.PeerLost(peer);
        quorums.PeerLost(peer);
    }
}
