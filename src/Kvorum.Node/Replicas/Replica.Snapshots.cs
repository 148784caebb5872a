using Kvorum.Node.Groups;
using Kvorum.Node.Room;
using Kvorum.Raft;
using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Snapshot transfers. The leader streams its newest checkpoint, one piece at a time, each asked for by the
/// answer to the one before; the follower gathers it in a file of its own, verifies it, and only then hands
/// Raft the message that says so.
/// </summary>
internal sealed partial class Replica
{
    // Keyed by peer; walked only to stop all or find stalled ones, in the order of ids.
    private readonly SortedDictionary<NodeId, Sending> _sendings = [];
    private Receiving? _receiving;
    private CheckpointReceiver? _verified;

    private sealed record Sending(ulong Transfer, CheckpointReader Reader, Term Term)
    {
        public long LastProgressMs { get; set; }
    }

    private sealed class Receiving(NodeId from, ulong transfer, CheckpointReceiver receiver)
    {
        public NodeId From => from;

        public ulong Transfer => transfer;

        public CheckpointReceiver Receiver => receiver;

        public Term Term { get; set; }

        public long Expected { get; set; }

        public long LastProgressMs { get; set; }
    }

    /// <summary>True while a checkpoint is on its way from here.</summary>
    public int SnapshotSends => _sendings.Count;

    /// <summary>A piece came.</summary>
    public void Receive(NodeId from, in SnapshotChunk chunk)
    {
        if (chunk.Term < _raft.Term)
        {
            loop.Send(from, new SnapshotAck(Group, chunk.Transfer, 0, Refused: true));
            return;
        }

        if (_receiving is null || _receiving.From != from || _receiving.Transfer != chunk.Transfer)
        {
            if (chunk.Offset != 0)
            {
                loop.Send(from, new SnapshotAck(Group, chunk.Transfer, 0, Refused: true));
                return;
            }

            // What there is room for only by chance would be sent again and again.
            if (!loop.Disk.HasRoomFor(chunk.Total))
            {
                loop.Send(from, new SnapshotAck(Group, chunk.Transfer, 0, Refused: true));
                return;
            }

            BeginReceive(from, chunk);
        }

        var receiving = _receiving!;
        if (chunk.Offset != receiving.Expected)
            return;
        receiving.Expected += chunk.Bytes.Length;
        receiving.LastProgressMs = loop.NowMs;
        var bytes = chunk.Bytes;
        loop.RunInBackground(() => WritePiece(receiving.Receiver, bytes), failure => PieceWritten(receiving, failure));
    }

    /// <summary>The follower has stored what was sent and wants more.</summary>
    public void Receive(NodeId from, in SnapshotAck ack)
    {
        if (!_sendings.TryGetValue(from, out var sending) || sending.Transfer != ack.Transfer)
            return;
        sending.LastProgressMs = loop.NowMs;
        if (ack.Refused)
        {
            EndSending(from, delivered: false);
            if (ack.Damaged)
                Suspect();
        }
        else if (ack.Received == sending.Reader.Info.Bytes)
            EndSending(from, delivered: true);
        else
            SendPiece(from, sending, ack.Received);
    }

    /// <summary>Gives transfers up that no longer move.</summary>
    public void SweepSnapshots(long nowMs)
    {
        foreach (var (peer, sending) in _sendings.ToArray())
        {
            if (nowMs - sending.LastProgressMs > Limits.SnapshotStallMs)
                EndSending(peer, delivered: false);
        }

        AskToRebuild(nowMs);
        if (_receiving is { } receiving && nowMs - receiving.LastProgressMs > Limits.SnapshotStallMs)
            DropReceiving();
    }

    /// <summary>The peer is gone: what was under way to it or from it ends.</summary>
    public void EndSnapshotsWith(NodeId peer)
    {
        if (_sendings.ContainsKey(peer))
            EndSending(peer, delivered: false);
        if (_receiving?.From == peer)
            DropReceiving();
    }

    private void SendSnapshot(InstallSnapshot install)
    {
        if (!TryBeginSending(install.To, install.Term))
            _raft.SnapshotSent(install.To, delivered: false);
    }

    private bool TryBeginSending(NodeId to, Term term)
    {
        var isBusy = _sendings.ContainsKey(to) || loop.SnapshotSends >= Limits.SnapshotSendsMax;
        if (isBusy || IsFenced || _tree.OpenCheckpoint() is not { } reader)
            return false;
        var sending = new Sending(loop.NextTransfer(), reader, term) { LastProgressMs = loop.NowMs };
        _sendings.Add(to, sending);
        SendPiece(to, sending, 0);
        return true;
    }

    private void SendPiece(NodeId to, Sending sending, long offset)
    {
        var bytes = new byte[Math.Min(Limits.SnapshotChunkBytes, sending.Reader.Info.Bytes - offset)];
        loop.RunInBackground(
            () => Invariant.Check(sending.Reader.Read(offset, bytes) == bytes.Length, "a checkpoint file is shorter than it was"),
            failure =>
            {
                if (failure is not null)
                    throw new NodeFaultException($"{Keyspace}/{Partition}: its checkpoint cannot be read: {failure.Message}", failure);
                // Ended meanwhile: the reader is gone.
                if (!_sendings.TryGetValue(to, out var present) || present != sending)
                    return;
                var info = sending.Reader.Info;
                loop.Send(to, new SnapshotChunk(Group, sending.Transfer, sending.Term, info.Bytes, offset, info.Tag, bytes));
            });
    }

    private void EndSending(NodeId peer, bool delivered)
    {
        _sendings.Remove(peer, out var sending);
        // A piece may be read right now: the reader ends behind it, on the same lane.
        loop.RunInBackground(sending!.Reader.Dispose, static _ => { });
        _raft.SnapshotSent(peer, delivered);
        loop.Touch(this);
    }

    private void StopSnapshotSends()
    {
        foreach (var peer in _sendings.Keys.ToArray())
            EndSending(peer, delivered: false);
    }

    private void BeginReceive(NodeId from, in SnapshotChunk chunk)
    {
        DropReceiving();
        var snapshot = GroupRecords.ReadTag(chunk.Tag).Snapshot;
        var receiver = _tree.BeginReceive(new(snapshot.Index.Value, chunk.Total, chunk.Tag));
        _receiving = new(from, chunk.Transfer, receiver) { Term = chunk.Term };
    }

    private static void WritePiece(CheckpointReceiver receiver, ReadOnlyMemory<byte> bytes)
    {
        receiver.Write(bytes.Span);
        if (receiver.Received == receiver.Info.Bytes)
            receiver.Verify();
    }

    private void PieceWritten(Receiving receiving, Exception? failure)
    {
        if (_receiving != receiving)
            return;
        if (failure is TreeDamagedException)
        {
            // Damaged on the way or at the source: the leader may try again; nothing here has changed.
            var sender = loop.Cluster.NameOf(receiving.From);
            loop.Cluster.Note(
                $"{Keyspace}/{Partition}: a snapshot from {sender} is damaged and was refused: {failure.Message}");
            loop.Send(
                receiving.From, new SnapshotAck(Group, receiving.Transfer, 0, Refused: true, Damaged: true));
            DropReceiving();
            return;
        }

        if (failure is DiskFullException)
        {
            loop.Send(receiving.From, new SnapshotAck(Group, receiving.Transfer, 0, Refused: true));
            DropReceiving();
            return;
        }

        if (failure is not null)
            throw new NodeFaultException($"{Keyspace}/{Partition}: a snapshot could not be stored: {failure.Message}", failure);
        var received = receiving.Receiver.Received;
        loop.Send(receiving.From, new SnapshotAck(Group, receiving.Transfer, received, Refused: false));
        if (received < receiving.Receiver.Info.Bytes)
            return;
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
        _verified?.Dispose();
        _verified = receiving.Receiver;
        var snapshot = GroupRecords.ReadTag(receiving.Receiver.Info.Tag).Snapshot;
        Step(new InstallSnapshot { From = receiving.From, To = _raft.Id, Term = receiving.Term, Snapshot = snapshot });
        Advance();
        if (IsFenced && _verified is { } verified)
            Rebuild(verified);
        _verified?.Dispose();
        _verified = null;
    }

    private void Install(SnapshotMetadata snapshot)
    {
        var verified = _verified;
        Invariant.Check(verified is not null && verified.Info.AppliedIndex == snapshot.Index.Value, "a snapshot is installed that was not received");
        Replace(verified);
        ForgetProposals();
        loop.Cluster.Note($"{Keyspace}/{Partition}: caught up by a snapshot to {snapshot.Index}");
    }

    private void Replace(CheckpointReceiver verified)
    {
        _verified = null;
        _tree.Install(verified);
        var tag = GroupRecords.ReadTag(verified.Info.Tag);
        _machine.Reload(tag.LogTimeMs, tag.KeyCount);
        _logBytesSinceCheckpoint = 0;
        _mayBeDue = true;
        if (_machine is State.MetaMachine meta)
            loop.Cluster.Publish(meta);
        Unfence();
    }

    private void DropReceiving()
    {
        if (_receiving is not { } receiving)
            return;
        _receiving = null;
        // A piece may be written right now: the file ends behind it, on the same lane.
        loop.RunInBackground(receiving.Receiver.Dispose, static _ => { });
    }
}
