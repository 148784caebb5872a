using Kvorum.Node.Groups;
using Kvorum.Node.Leaderless.Repair;
using Kvorum.Node.Replicas;
using Kvorum.Node.Scans;
using Kvorum.Node.Wire;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// What a loop sends to peers: frames that many groups and calls share leave at the end of the turn, others
/// at once. A node that must not take part sends no word of consensus. Owned by the loop.
/// </summary>
internal sealed class Outboxes(NodeContext context)
{
    private readonly Dictionary<NodeId, Outbox> _byPeer = []; // never walked over
    private readonly List<Outbox> _queued = [];
    private readonly ByteWriter _digest = new();

    private ITransport Transport => context.World.Transport;

    /// <summary>What leaves for a peer at the end of this turn.</summary>
    public Outbox Of(NodeId peer)
    {
        if (!_byPeer.TryGetValue(peer, out var outbox))
            _byPeer.Add(peer, outbox = new(peer));
        if (!outbox.IsQueued)
        {
            outbox.IsQueued = true;
            _queued.Add(outbox);
        }

        return outbox;
    }

    /// <summary>A message of Raft.</summary>
    public void Send(GroupId group, Message message)
    {
        if (context.Cluster.IsAdmitted)
            Of(message.To).Add(group, message, context.PeerLogs.Own, Transport);
    }

    /// <summary>A piece of a checkpoint.</summary>
    public void Send(NodeId to, in SnapshotChunk chunk)
    {
        if (!context.Cluster.IsAdmitted)
            return;
        var writer = new ByteWriter();
        SnapshotCodec.Encode(chunk, writer);
        Transport.Send(to, PeerFrameKind.SnapshotChunk, writer.Written);
    }

    /// <summary>An answer to a piece of a checkpoint.</summary>
    public void Send(NodeId to, in SnapshotAck ack)
    {
        if (!context.Cluster.IsAdmitted)
            return;
        var writer = new ByteWriter();
        SnapshotCodec.Encode(ack, writer);
        Transport.Send(to, PeerFrameKind.SnapshotAck, writer.Written);
    }

    /// <summary>A question for a checkpoint.</summary>
    public void Send(NodeId to, in RebuildAsk ask)
    {
        var writer = new ByteWriter();
        SnapshotCodec.Encode(ask, writer);
        Transport.Send(to, PeerFrameKind.RebuildAsk, writer.Written);
    }

    /// <summary>One replica's digest.</summary>
    public void Send(NodeId to, in GroupDigest digest)
    {
        _digest.Clear();
        DigestCodec.Encode(digest, _digest);
        Transport.Send(to, PeerFrameKind.Digest, _digest.Written);
    }

    /// <summary>A message of repair. Returns its bytes; 0 if it may not go.</summary>
    public int Send(NodeId to, RepairMessage message)
    {
        if (!context.Cluster.IsAdmitted)
            return 0;
        var writer = new ByteWriter();
        RepairCodec.Write(writer, message);
        Transport.Send(to, PeerFrameKind.Repair, writer.Written);
        return writer.Written.Length;
    }

    /// <summary>A question for a share of a scan's page.</summary>
    public void Send(NodeId to, PartialScanRequest ask)
    {
        var writer = new ByteWriter();
        ScanCodec.Encode(ask, writer);
        Transport.Send(to, PeerFrameKind.PartialScanRequest, writer.Written);
    }

    /// <summary>The end of a turn: sends what has gathered.</summary>
    public void Flush()
    {
        foreach (var outbox in _queued)
        {
            outbox.IsQueued = false;
            outbox.Send(Transport);
        }

        _queued.Clear();
    }
}
