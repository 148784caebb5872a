using Kvorum.Raft;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Snapshot transfers, the leader's side. It offers its newest checkpoint, and streams it from where the
/// follower says, one piece at a time, each asked for by the answer to the one before, at the pace of the
/// node. A checkpoint whose transfer is interrupted is kept for a while, so that the next one goes on where
/// it was.
/// </summary>
internal sealed partial class Replica
{
    // Keyed by peer; walked only to stop all or find stalled ones, in the order of ids.
    private readonly SortedDictionary<NodeId, Sending> _sendings = [];
    private readonly SortedDictionary<NodeId, Sending> _interrupted = [];

    private sealed class Sending(ulong transfer, CheckpointReader reader, Term term)
    {
        public ulong Transfer => transfer;

        public CheckpointReader Reader => reader;

        public Term Term => term;

        /// <summary>When the follower was last heard from, or a piece was sent.</summary>
        public long HeardMs { get; set; }

        /// <summary>When it was last said what is to be sent.</summary>
        public long OfferedMs { get; set; }

        /// <summary>The next piece is being read, or waits for its turn.</summary>
        public bool IsPreparing { get; set; }
    }

    /// <summary>Checkpoints that are on their way from here.</summary>
    public int SnapshotSends => _sendings.Count;

    /// <summary>The follower has stored what was sent and wants more.</summary>
    public void Receive(NodeId from, in SnapshotAck ack)
    {
        if (!_sendings.TryGetValue(from, out var sending) || sending.Transfer != ack.Transfer)
            return;
        sending.HeardMs = loop.NowMs;
        switch (ack.Answer)
        {
            case SnapshotAnswer.Busy:
                break;
            case SnapshotAnswer.Damaged:
                EndSending(from, delivered: false);
                DropInterrupted(from);
                Suspect();
                break;
            case SnapshotAnswer.Refused:
                EndSending(from, delivered: false);
                break;
            default:
                if (ack.Received == sending.Reader.Info.Bytes)
                    EndSending(from, delivered: true);
                else if (!sending.IsPreparing)
                    SendPiece(from, sending, ack.Received);
                break;
        }
    }

    private void SendSnapshot(InstallSnapshot install)
    {
        if (!TryBeginSending(install.To, install.Term, _log.FirstIndex.Value - 1))
            _raft.SnapshotSent(install.To, delivered: false);
        // One that was discarded needs one, be the log whole from its first entry on.
        if (_tree.Checkpoint is null)
            Checkpoint();
    }

    // A checkpoint up to an index, or more: the one whose transfer was interrupted, or the newest.
    private bool TryBeginSending(NodeId to, Term term, ulong leastIndex)
    {
        var isBusy = _sendings.ContainsKey(to) || loop.SnapshotSends >= Limits.SnapshotSendsMax;
        if (isBusy || IsFenced)
            return false;
        if (_interrupted.GetValueOrDefault(to) is { } old && old.Reader.Info.AppliedIndex < leastIndex)
            DropInterrupted(to);
        var reader = _interrupted.Remove(to, out var kept) ? kept.Reader : _tree.OpenCheckpoint();
        if (reader is null)
            return false;
        var sending = new Sending(loop.NextTransfer(), reader, term) { HeardMs = loop.NowMs };
        _sendings.Add(to, sending);
        Offer(to, sending);
        return true;
    }

    // A piece of no bytes asks where to begin.
    private void Offer(NodeId to, Sending sending)
    {
        sending.OfferedMs = loop.NowMs;
        loop.Send(to, PieceOf(sending, 0, default));
    }

    private SnapshotChunk PieceOf(Sending sending, long offset, ReadOnlyMemory<byte> bytes)
    {
        var (info, identity) = (sending.Reader.Info, sending.Reader.Identity);
        return new(Group, sending.Transfer, sending.Term, identity, info.Bytes, offset, info.Tag, bytes);
    }

    private void SendPiece(NodeId to, Sending sending, long offset)
    {
        var left = sending.Reader.Info.Bytes - offset;
        if (offset < 0 || left <= 0)
            return;
        sending.IsPreparing = true;
        var bytes = new byte[Math.Min(loop.Options.SnapshotPieceBytes, left)];
        loop.Pace(bytes.Length, () =>
        {
            if (IsUnderWay(to, sending))
                ReadPiece(to, sending, offset, bytes);
        });
    }

    private void ReadPiece(NodeId to, Sending sending, long offset, byte[] bytes) =>
        loop.RunInBackground(
            () => Invariant.Check(
                sending.Reader.Read(offset, bytes) == bytes.Length,
                "a checkpoint file is shorter than it was"),
            failure =>
            {
                if (!IsUnderWay(to, sending))
                    return;
                if (failure is TreeDamagedException damage)
                {
                    Fence(damage);
                    return;
                }

                if (failure is not null)
                {
                    throw new NodeFaultException(
                        $"{Keyspace}/{Partition}: its checkpoint cannot be read: {failure.Message}", failure);
                }

                sending.IsPreparing = false;
                sending.HeardMs = sending.OfferedMs = loop.NowMs;
                loop.Send(to, PieceOf(sending, offset, bytes));
            });

    private bool IsUnderWay(NodeId to, Sending sending) =>
        _sendings.TryGetValue(to, out var present) && present == sending;

    // Answers are lost where nobody loses a connection, too: then the follower is asked again.
    private void SweepSendings(long nowMs)
    {
        if (_sendings.Count + _interrupted.Count == 0)
            return;
        foreach (var (peer, sending) in _sendings.ToArray())
        {
            if (sending.IsPreparing)
                continue;
            if (nowMs - sending.HeardMs > Limits.SnapshotStallMs)
                EndSending(peer, delivered: false);
            else if (nowMs - Math.Max(sending.HeardMs, sending.OfferedMs) > Limits.SnapshotAskMs)
                Offer(peer, sending);
        }

        foreach (var (peer, sending) in _interrupted.ToArray())
        {
            if (nowMs - sending.HeardMs > Limits.SnapshotKeepMs)
                DropInterrupted(peer);
        }
    }

    private void EndSending(NodeId peer, bool delivered)
    {
        _sendings.Remove(peer, out var sending);
        DropInterrupted(peer);
        _interrupted.Add(peer, sending!);
        if (delivered || !IsLeader)
            DropInterrupted(peer);
        _raft.SnapshotSent(peer, delivered);
        loop.Touch(this);
    }

    private void DropInterrupted(NodeId peer)
    {
        // A piece may be read right now: the reader ends behind it, on the same lane.
        if (_interrupted.Remove(peer, out var sending))
            loop.RunInBackground(sending.Reader.Dispose, static _ => { });
    }

    private void StopSnapshotSends()
    {
        foreach (var peer in _sendings.Keys.ToArray())
            EndSending(peer, delivered: false);
        foreach (var peer in _interrupted.Keys.ToArray())
            DropInterrupted(peer);
    }

    // What follows the oldest checkpoint under way, so that whoever gets it can go on with the log.
    private LogIndex? LogWantedFrom()
    {
        LogIndex? oldest = null;
        foreach (var sending in _sendings.Values.Concat(_interrupted.Values))
        {
            var next = new LogIndex(sending.Reader.Info.AppliedIndex + 1);
            if (oldest is null || next < oldest)
                oldest = next;
        }

        return oldest;
    }
}
