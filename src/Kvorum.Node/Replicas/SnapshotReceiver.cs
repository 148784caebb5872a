using Kvorum.Node.Budgets;
using Kvorum.Node.Events;
using Kvorum.Node.Groups;
using Kvorum.Raft;
using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Snapshot transfers, the follower's side. It gathers the pieces in files of their own and verifies them;
/// only then the replica hears of the snapshot. What an interrupted transfer has brought is kept for a
/// while: if its sender offers the same checkpoint again, it goes on from there. Owned by the node loop.
/// </summary>
/// <param name="host">The loop.</param>
/// <param name="parts">The replica.</param>
/// <param name="complete">Told, in the loop, of a checkpoint that is whole, durable and verified: the sender,
/// its term, and the checkpoint, whose owner is the receiver.</param>
internal sealed class SnapshotReceiver(
    IReplicaHost host, ReplicaParts parts, Action<NodeId, Term, CheckpointReceiver> complete)
{
    private Receiving? _receiving;

    // The transfer that was last complete: its sender may not have heard so.
    private (NodeId From, ulong Transfer) _received;
    private long _askedToRebuildMs;

    private sealed class Receiving(NodeId from, ulong identity, CheckpointReceiver receiver)
    {
        public NodeId From => from;

        public ulong Identity => identity;

        public CheckpointReceiver Receiver => receiver;

        public ulong Transfer { get; set; }

        public Term Term { get; set; }

        /// <summary>A piece is being written: its sender is told of it now and then.</summary>
        public bool IsWriting { get; set; }

        /// <summary>Its sender is lost, and may come back.</summary>
        public bool IsInterrupted { get; set; }

        public long LastProgressMs { get; set; }

        public long ToldMs { get; set; }
    }

    /// <summary>True while there is a part of a snapshot.</summary>
    public bool IsBusy => _receiving is not null;

    /// <summary>True while a piece is being written.</summary>
    public bool IsWriting => _receiving is { IsWriting: true };

    /// <summary>Answers a piece or an offer.</summary>
    public void Answer(NodeId to, ulong transfer, SnapshotAnswer answer, long received = 0) =>
        host.Send(to, new SnapshotAck(parts.Group, transfer, received, answer));

    /// <summary>True if the offered transfer was complete already: its sender is told so again.</summary>
    public bool WasComplete(NodeId from, in SnapshotChunk offer)
    {
        if (_received != (from, offer.Transfer))
            return false;
        Answer(from, offer.Transfer, SnapshotAnswer.Received, offer.Total);
        return true;
    }

    /// <summary>Takes an offer: says where to begin, or refuses it where there is no room.</summary>
    public void Take(NodeId from, in SnapshotChunk offer)
    {
        if (_receiving is not { } receiving || receiving.From != from || receiving.Identity != offer.Identity)
        {
            // What there is room for only by chance would be sent again and again.
            if (!host.Disk.HasRoomFor(offer.Total))
            {
                Answer(from, offer.Transfer, SnapshotAnswer.Refused);
                return;
            }

            receiving = Begin(from, offer);
        }

        (receiving.Transfer, receiving.Term, receiving.IsInterrupted) = (offer.Transfer, offer.Term, false);
        receiving.LastProgressMs = host.NowMs;
        if (!receiving.IsWriting)
            Answer(from, offer.Transfer, SnapshotAnswer.Received, receiving.Receiver.Received);
    }

    /// <summary>A piece came.</summary>
    public void Receive(NodeId from, in SnapshotChunk chunk)
    {
        if (_receiving is { } receiving && receiving.From == from && receiving.Transfer == chunk.Transfer)
            Write(receiving, chunk);
        else if (_received != (from, chunk.Transfer))
            Answer(from, chunk.Transfer, SnapshotAnswer.Refused);
    }

    /// <summary>The peer is gone: what was under way from it is interrupted.</summary>
    public void PeerDown(NodeId peer)
    {
        if (_receiving is { } receiving && receiving.From == peer)
            receiving.IsInterrupted = true;
    }

    /// <summary>Gives up what does not move any more.</summary>
    /// <param name="isFenced">True while the replica needs a checkpoint whatever it has applied.</param>
    public void Sweep(bool isFenced)
    {
        if (_receiving is not { } receiving)
            return;
        // The log has brought what it would bring.
        var isOvertaken = !isFenced && receiving.Receiver.Info.AppliedIndex <= parts.Tree.AppliedIndex;
        if (receiving.IsWriting)
            TellOfWriting(receiving);
        else if (host.NowMs - receiving.LastProgressMs > Limits.SnapshotKeepMs || isOvertaken)
            Drop();
    }

    /// <summary>
    /// Damaged: asks the leader for a checkpoint up to an index, again and again while none comes.
    /// </summary>
    public void AskToRebuild(ulong leastIndex)
    {
        if (IsReceiving || host.NowMs - _askedToRebuildMs < Limits.RebuildAskMs)
            return;
        _askedToRebuildMs = host.NowMs;
        if (parts.Raft.Leader is { } leader && leader != parts.Raft.Id && host.Cluster.Health.IsUp(leader))
            host.Send(leader, new RebuildAsk(parts.Group, leastIndex));
    }

    /// <summary>Gives up what has come.</summary>
    public void Drop()
    {
        if (_receiving is not { } receiving)
            return;
        _receiving = null;
        // A piece may be written right now: the file ends behind it, on the same lane.
        host.RunInBackground(receiving.Receiver.Dispose, static _ => { });
    }

    // A checkpoint comes: no other need be asked for.
    private bool IsReceiving => _receiving is { IsInterrupted: false } receiving
        && (receiving.IsWriting || host.NowMs - receiving.LastProgressMs <= Limits.SnapshotStallMs);

    private Receiving Begin(NodeId from, in SnapshotChunk offer)
    {
        Drop();
        var snapshot = GroupRecords.ReadTag(offer.Tag).Snapshot;
        var receiver = parts.Tree.BeginReceive(new(snapshot.Index.Value, offer.Total, offer.Tag));
        return _receiving = new(from, offer.Identity, receiver);
    }

    private void Write(Receiving receiving, in SnapshotChunk chunk)
    {
        if (receiving.IsWriting || chunk.Offset != receiving.Receiver.Received)
            return;
        receiving.IsWriting = true;
        receiving.LastProgressMs = receiving.ToldMs = host.NowMs;
        var bytes = chunk.Bytes;
        host.RunInBackground(
            () => Write(receiving.Receiver, bytes), failure => Written(receiving, failure));
    }

    private static void Write(CheckpointReceiver receiver, ReadOnlyMemory<byte> bytes)
    {
        receiver.Write(bytes.Span);
        if (receiver.Received == receiver.Info.Bytes)
            receiver.Verify();
    }

    private void Written(Receiving receiving, Exception? failure)
    {
        receiving.IsWriting = false;
        if (_receiving != receiving)
            return;
        receiving.LastProgressMs = host.NowMs;
        switch (failure)
        {
            case null:
                Written(receiving);
                break;
            case TreeDamagedException { IsUnreadable: true } unreadable:
                // What came is not to blame, but the disk here: the leader may try again, to another place.
                _askedToRebuildMs = host.NowMs + Limits.RebuildPauseMs;
                Refuse(receiving, SnapshotAnswer.Refused,
                    "could not be read again from this node's disk, and was refused; it comes again: "
                        + unreadable.What);
                break;
            case TreeDamagedException:
                // Damaged on the way or at the source: the leader may try again; nothing here has changed.
                Refuse(
                    receiving, SnapshotAnswer.Damaged, $"is damaged and was refused: {failure.Message}");
                break;
            case DiskShortageException:
                // What has come gives its room back.
                Answer(receiving.From, receiving.Transfer, SnapshotAnswer.Refused);
                Drop();
                break;
            default:
                throw new NodeFaultException(
                    $"{parts.Identity}: a snapshot could not be stored: {failure.Message}", failure);
        }
    }

    private void Refuse(Receiving receiving, SnapshotAnswer answer, string why)
    {
        var (keyspace, partition) = (parts.Identity.Keyspace, parts.Identity.Partition);
        host.Cluster.Tell(
            new SnapshotRefused(keyspace, partition, host.Cluster.Members.NameOf(receiving.From), why));
        Answer(receiving.From, receiving.Transfer, answer);
        Drop();
    }

    private void Written(Receiving receiving)
    {
        var (received, total) = (receiving.Receiver.Received, receiving.Receiver.Info.Bytes);
        Invariant.Check(received <= total, "more of a snapshot was stored than there is of it");
        Answer(receiving.From, receiving.Transfer, SnapshotAnswer.Received, received);
        if (received < total)
            return;
        _received = (receiving.From, receiving.Transfer);
        // Raft cannot take back what it has decided to install, and that needs a little room.
        if (host.Disk.Level == DiskLevel.Critical)
        {
            Drop();
            return;
        }

        _receiving = null;
        complete(receiving.From, receiving.Term, receiving.Receiver);
    }

    // A large table takes a while to check: its sender must not take that for silence.
    private void TellOfWriting(Receiving receiving)
    {
        if (host.NowMs - receiving.ToldMs < Limits.SnapshotBusyMs)
            return;
        receiving.ToldMs = host.NowMs;
        Answer(receiving.From, receiving.Transfer, SnapshotAnswer.Busy);
    }
}
