using Kvorum.Node.Groups;
using Kvorum.Node.Room;
using Kvorum.Raft;
using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Snapshot transfers, the follower's side. It gathers the pieces in files of their own, verifies them, and
/// only then hands Raft the message that says so. What an interrupted transfer has brought is kept for a
/// while: if its sender offers the same checkpoint again, it goes on from there.
/// </summary>
internal sealed partial class Replica
{
    private Receiving? _receiving;
    private CheckpointReceiver? _verified;

    // The transfer that was last complete: its sender may not have heard so.
    private (NodeId From, ulong Transfer) _received;

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

    /// <summary>A piece came, or the offer of a checkpoint.</summary>
    public void Receive(NodeId from, in SnapshotChunk chunk)
    {
        if (chunk.Term < _raft.Term || IsQuarantined)
            Answer(from, chunk.Transfer, SnapshotAnswer.Refused);
        else if (chunk.Bytes.IsEmpty)
            ReceiveOffer(from, chunk);
        else if (_receiving is { } receiving && receiving.From == from
            && receiving.Transfer == chunk.Transfer)
            ReceivePiece(receiving, chunk);
        else if (_received != (from, chunk.Transfer))
            Answer(from, chunk.Transfer, SnapshotAnswer.Refused);
    }

    /// <summary>Gives transfers up that no longer move, and what nobody will go on with.</summary>
    public void SweepSnapshots(long nowMs)
    {
        SweepSendings(nowMs);
        AskToRebuild(nowMs);
        SweepDispute(nowMs);
        InstallAgain(nowMs);
        if (_receiving is not { } receiving)
            return;
        if (receiving.IsWriting)
            TellOfWriting(receiving, nowMs);
        else if (nowMs - receiving.LastProgressMs > Limits.SnapshotKeepMs || IsOvertaken(receiving))
            DropReceiving();
    }

    /// <summary>The peer is gone: what was under way to it or from it is interrupted.</summary>
    public void EndSnapshotsWith(NodeId peer)
    {
        if (_sendings.ContainsKey(peer))
            EndSending(peer, delivered: false);
        if (_receiving is { } receiving && receiving.From == peer)
            receiving.IsInterrupted = true;
    }

    // True while a checkpoint comes: no other need be asked for.
    private bool IsReceiving(long nowMs) => _receiving is { IsInterrupted: false } receiving
        && (receiving.IsWriting || nowMs - receiving.LastProgressMs <= Limits.SnapshotStallMs);

    private void Answer(NodeId to, ulong transfer, SnapshotAnswer answer, long received = 0) =>
        loop.Send(to, new SnapshotAck(Group, transfer, received, answer));

    private void ReceiveOffer(NodeId from, in SnapshotChunk chunk)
    {
        if (_received == (from, chunk.Transfer))
        {
            Answer(from, chunk.Transfer, SnapshotAnswer.Received, chunk.Total);
            return;
        }

        if (IsInstalling)
        {
            // What waits for room may wait for long: the sender shall serve others meanwhile.
            Answer(from, chunk.Transfer, _installFailed ? SnapshotAnswer.Refused : SnapshotAnswer.Busy);
            return;
        }

        var tag = GroupRecords.ReadTag(chunk.Tag);
        if (Contradicts(from, tag))
        {
            Answer(from, chunk.Transfer, SnapshotAnswer.Refused);
            return;
        }

        var snapshot = tag.Snapshot;
        if (!IsFenced && snapshot.Index.Value <= _tree.AppliedIndex)
        {
            // All of it is here. The leader does not know, or it would not offer it: Raft tells it.
            Step(InstallOf(from, chunk.Term, snapshot));
            Advance();
            Answer(from, chunk.Transfer, SnapshotAnswer.Received, chunk.Total);
            return;
        }

        if (_receiving is not { } receiving || receiving.From != from || receiving.Identity != chunk.Identity)
        {
            // What there is room for only by chance would be sent again and again.
            if (!loop.Disk.HasRoomFor(chunk.Total))
            {
                Answer(from, chunk.Transfer, SnapshotAnswer.Refused);
                return;
            }

            receiving = BeginReceive(from, chunk);
        }

        (receiving.Transfer, receiving.Term, receiving.IsInterrupted) = (chunk.Transfer, chunk.Term, false);
        receiving.LastProgressMs = loop.NowMs;
        if (!receiving.IsWriting)
            Answer(from, chunk.Transfer, SnapshotAnswer.Received, receiving.Receiver.Received);
    }

    private Receiving BeginReceive(NodeId from, in SnapshotChunk chunk)
    {
        DropReceiving();
        var snapshot = GroupRecords.ReadTag(chunk.Tag).Snapshot;
        var receiver = _tree.BeginReceive(new(snapshot.Index.Value, chunk.Total, chunk.Tag));
        return _receiving = new(from, chunk.Identity, receiver);
    }

    private void ReceivePiece(Receiving receiving, in SnapshotChunk chunk)
    {
        if (receiving.IsWriting || chunk.Offset != receiving.Receiver.Received)
            return;
        receiving.IsWriting = true;
        receiving.LastProgressMs = receiving.ToldMs = loop.NowMs;
        var bytes = chunk.Bytes;
        loop.RunInBackground(
            () => WritePiece(receiving.Receiver, bytes), failure => PieceWritten(receiving, failure));
    }

    private static void WritePiece(CheckpointReceiver receiver, ReadOnlyMemory<byte> bytes)
    {
        receiver.Write(bytes.Span);
        if (receiver.Received == receiver.Info.Bytes)
            receiver.Verify();
    }

    private void PieceWritten(Receiving receiving, Exception? failure)
    {
        receiving.IsWriting = false;
        if (_receiving != receiving)
            return;
        receiving.LastProgressMs = loop.NowMs;
        switch (failure)
        {
            case null:
                PieceWritten(receiving);
                break;
            case TreeDamagedException { IsUnreadable: true }:
                // What came is not to blame, but the disk here: the leader may try again, to another place.
                _askedToRebuildMs = loop.NowMs + Limits.RebuildPauseMs;
                loop.Cluster.Note(
                    $"{Keyspace}/{Partition}: a snapshot from {loop.Cluster.NameOf(receiving.From)} "
                    + "could not be read again from this node's disk, and was refused; it comes again: "
                    + ((TreeDamagedException)failure).What);
                Answer(receiving.From, receiving.Transfer, SnapshotAnswer.Refused);
                DropReceiving();
                break;
            case TreeDamagedException:
                // Damaged on the way or at the source: the leader may try again; nothing here has changed.
                loop.Cluster.Note(
                    $"{Keyspace}/{Partition}: a snapshot from {loop.Cluster.NameOf(receiving.From)} "
                    + $"is damaged and was refused: {failure.Message}");
                Answer(receiving.From, receiving.Transfer, SnapshotAnswer.Damaged);
                DropReceiving();
                break;
            case DiskShortageException:
                // What has come gives its room back.
                Answer(receiving.From, receiving.Transfer, SnapshotAnswer.Refused);
                DropReceiving();
                break;
            default:
                throw new NodeFaultException(
                    $"{Keyspace}/{Partition}: a snapshot could not be stored: {failure.Message}", failure);
        }
    }

    private void PieceWritten(Receiving receiving)
    {
        var received = receiving.Receiver.Received;
        Answer(receiving.From, receiving.Transfer, SnapshotAnswer.Received, received);
        if (received < receiving.Receiver.Info.Bytes)
            return;
        _received = (receiving.From, receiving.Transfer);
        // Raft cannot take back what it has decided to install, and that needs a little room.
        if (loop.Disk.Level == DiskLevel.Critical)
            DropReceiving();
        else
            Offer(receiving);
    }

    // The data is here, whole and durable: now Raft may decide whether it wants it.
    private void Offer(Receiving receiving)
    {
        _receiving = null;
        _verified = receiving.Receiver;
        var snapshot = GroupRecords.ReadTag(receiving.Receiver.Info.Tag).Snapshot;
        Step(InstallOf(receiving.From, receiving.Term, snapshot));
        Advance();
        if (IsFenced && _verified is { } verified)
            Rebuild(verified);
        if (_verified is { } unwanted)
            loop.RunInBackground(unwanted.Dispose, static _ => { });
        _verified = null;
    }

    private InstallSnapshot InstallOf(NodeId from, Term term, SnapshotMetadata snapshot) =>
        new() { From = from, To = _raft.Id, Term = term, Snapshot = snapshot };

    // A large table takes a while to check: its sender must not take that for silence.
    private void TellOfWriting(Receiving receiving, long nowMs)
    {
        if (nowMs - receiving.ToldMs < Limits.SnapshotBusyMs)
            return;
        receiving.ToldMs = nowMs;
        Answer(receiving.From, receiving.Transfer, SnapshotAnswer.Busy);
    }

    // The log has brought what it would bring.
    private bool IsOvertaken(Receiving receiving) =>
        !IsFenced && receiving.Receiver.Info.AppliedIndex <= _tree.AppliedIndex;

    private void DropReceiving()
    {
        if (_receiving is not { } receiving)
            return;
        _receiving = null;
        // A piece may be written right now: the file ends behind it, on the same lane.
        loop.RunInBackground(receiving.Receiver.Dispose, static _ => { });
    }
}
