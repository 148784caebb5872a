using Kvorum.Raft;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Snapshot transfers, the leader's side. It offers its newest checkpoint, and streams it from where the
/// follower says, one piece at a time, each asked for by the answer to the one before, at the pace of the
/// node. A checkpoint whose transfer is interrupted is kept for a while, so that the next one goes on where
/// it was. Owned by the node loop.
/// </summary>
internal sealed class SnapshotSender(
    IReplicaHost host, IReplica owner, ReplicaParts parts, ReplicaCondition condition,
    Action<TreeDamagedException> damaged)
{
    private readonly RaftNode _raft = parts.Raft;

    // Keyed by peer; walked only to stop all or find stalled ones, in the order of ids.
    private readonly SortedDictionary<NodeId, Sending> _sendings = [];
    private readonly SortedDictionary<NodeId, Sending> _interrupted = [];

    // How far followers came before they refused the rest, as for want of room: to come so far again, or a
    // little further because others have left some room, is no progress.
    private readonly SortedDictionary<NodeId, long> _refusedAt = [];

    private sealed class Sending(ulong transfer, CheckpointReader reader, Term term)
    {
        public ulong Transfer => transfer;

        public CheckpointReader Reader => reader;

        public Term Term => term;

        /// <summary>When the follower was last heard from, or a piece was sent.</summary>
        public long HeardMs { get; set; }

        /// <summary>When it was last said what is to be sent.</summary>
        public long OfferedMs { get; set; }

        /// <summary>What the follower has of it, as it said last; less than nothing before.</summary>
        public long Received { get; set; } = -1;

        /// <summary>The next piece is being read, or waits for its turn.</summary>
        public bool IsPreparing { get; set; }
    }

    /// <summary>Checkpoints that are on their way from here.</summary>
    public int Count => _sendings.Count;

    /// <summary>How often a follower has said that it has more than before.</summary>
    public long Progress { get; private set; }

    /// <summary>
    /// The first index that a follower needs after the oldest checkpoint under way; null if there is none.
    /// </summary>
    public LogIndex? LogWantedFrom()
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

    /// <summary>The core wants a follower to get a snapshot. True if one must be made.</summary>
    public bool Send(InstallSnapshot install)
    {
        EndIfTooOld(install.To);
        var least = Math.Max(parts.Log.FirstIndex.Value - 1, install.LeastIndex.Value);
        // One that was discarded needs one, be the log whole from its first entry on.
        var isMissing = parts.Tree.Checkpoint is not { } checkpoint || checkpoint.AppliedIndex < least;
        if (isMissing || !TryBegin(install.To, install.Term, least))
            _raft.SnapshotSent(install.To, delivered: false);
        return isMissing;
    }

    /// <summary>A damaged replica wants a checkpoint. True if one must be made.</summary>
    public bool Receive(NodeId from, in RebuildAsk ask)
    {
        if (_raft.Role != Role.Leader || condition.IsFenced || _sendings.ContainsKey(from))
            return false;
        if (parts.Tree.Checkpoint is not { } checkpoint || checkpoint.AppliedIndex < ask.Index)
            return true;
        TryBegin(from, _raft.Term, ask.Index);
        return false;
    }

    /// <summary>
    /// The follower has stored what was sent and wants more. True if it found the checkpoint damaged: the
    /// damage may be here.
    /// </summary>
    public bool Receive(NodeId from, in SnapshotAck ack)
    {
        EndIfTooOld(from);
        if (!_sendings.TryGetValue(from, out var sending) || sending.Transfer != ack.Transfer)
            return false;
        sending.HeardMs = host.NowMs;
        switch (ack.Answer)
        {
            case SnapshotAnswer.Busy:
                break;
            case SnapshotAnswer.Damaged:
                End(from, delivered: false);
                DropInterrupted(from);
                return true;
            case SnapshotAnswer.Refused:
                _refusedAt[from] = Math.Max(_refusedAt.GetValueOrDefault(from), sending.Received);
                End(from, delivered: false);
                break;
            default:
                if (ack.Received > Math.Max(sending.Received, FurtherThanRefused(from, sending)))
                    Progress++;
                sending.Received = ack.Received;
                if (ack.Received == sending.Reader.Info.Bytes)
                    End(from, delivered: true);
                else if (!sending.IsPreparing)
                    SendPiece(from, sending, ack.Received);
                break;
        }

        return false;
    }

    /// <summary>The peer is gone: what was under way to it is interrupted.</summary>
    public void PeerDown(NodeId peer)
    {
        if (_sendings.ContainsKey(peer))
            End(peer, delivered: false);
    }

    /// <summary>Ends stalled transfers. Where an answer was lost, the follower is asked again.</summary>
    public void Sweep()
    {
        if (_sendings.Count + _interrupted.Count == 0)
            return;
        var nowMs = host.NowMs;
        foreach (var (peer, sending) in _sendings.ToArray())
        {
            if (sending.IsPreparing)
                continue;
            if (nowMs - sending.HeardMs > Limits.SnapshotStallMs)
                End(peer, delivered: false);
            else if (nowMs - Math.Max(sending.HeardMs, sending.OfferedMs) > Limits.SnapshotAskMs)
                Offer(peer, sending);
        }

        foreach (var (peer, sending) in _interrupted.ToArray())
        {
            if (nowMs - sending.HeardMs > Limits.SnapshotKeepMs)
                DropInterrupted(peer);
        }
    }

    /// <summary>Ends all transfers; none can be gone on with.</summary>
    public void Stop()
    {
        foreach (var peer in _sendings.Keys.ToArray())
            End(peer, delivered: false);
        foreach (var peer in _interrupted.Keys.ToArray())
            DropInterrupted(peer);
    }

    // A checkpoint up to an index, or more: the one whose transfer was interrupted, or the newest.
    private bool TryBegin(NodeId to, Term term, ulong leastIndex)
    {
        var isBusy = _sendings.ContainsKey(to) || host.SnapshotSends >= Limits.SnapshotSendsMax;
        if (isBusy || condition.IsFenced)
            return false;
        if (_interrupted.GetValueOrDefault(to) is { } old && old.Reader.Info.AppliedIndex < leastIndex)
            DropInterrupted(to);
        var reader = _interrupted.Remove(to, out var kept) ? kept.Reader : parts.Tree.OpenCheckpoint();
        if (reader is null)
            return false;
        var sending = new Sending(host.NextTransfer(), reader, term) { HeardMs = host.NowMs };
        _sendings.Add(to, sending);
        Offer(to, sending);
        return true;
    }

    private long FurtherThanRefused(NodeId peer, Sending sending) =>
        _refusedAt.TryGetValue(peer, out var bytes) ? bytes + (sending.Reader.Info.Bytes / 4) : -1;

    // A piece of no bytes asks where to begin.
    private void Offer(NodeId to, Sending sending)
    {
        sending.OfferedMs = host.NowMs;
        host.Send(to, PieceOf(sending, 0, default));
    }

    private SnapshotChunk PieceOf(Sending sending, long offset, ReadOnlyMemory<byte> bytes)
    {
        var (info, identity) = (sending.Reader.Info, sending.Reader.Identity);
        return new(
            parts.Group, sending.Transfer, sending.Term, identity, info.Bytes, offset, info.Tag, bytes);
    }

    private void SendPiece(NodeId to, Sending sending, long offset)
    {
        var left = sending.Reader.Info.Bytes - offset;
        if (offset < 0 || left <= 0)
            return;
        sending.IsPreparing = true;
        var bytes = new byte[Math.Min(host.Options.SnapshotChunkBytes, left)];
        host.Pace(bytes.Length, () =>
        {
            if (IsUnderWay(to, sending))
                ReadPiece(to, sending, offset, bytes);
        });
    }

    private void ReadPiece(NodeId to, Sending sending, long offset, byte[] bytes) =>
        host.RunInBackground(
            () => Invariant.Check(
                sending.Reader.Read(offset, bytes) == bytes.Length,
                "a checkpoint file is shorter than it was"),
            failure => PieceRead(to, sending, offset, bytes, failure));

    private void PieceRead(NodeId to, Sending sending, long offset, byte[] bytes, Exception? failure)
    {
        if (!IsUnderWay(to, sending))
            return;
        if (failure is TreeDamagedException damage)
        {
            damaged(damage);
            return;
        }

        if (failure is not null)
        {
            throw new NodeFaultException(
                $"{parts.Identity}: its checkpoint cannot be read: {failure.Message}", failure);
        }

        sending.IsPreparing = false;
        sending.HeardMs = sending.OfferedMs = host.NowMs;
        host.Send(to, PieceOf(sending, offset, bytes));
    }

    private bool IsUnderWay(NodeId to, Sending sending) =>
        _sendings.TryGetValue(to, out var present) && present == sending;

    private void End(NodeId peer, bool delivered)
    {
        Invariant.Check(_sendings.Remove(peer, out var sending), "a transfer ends that is not under way");
        DropInterrupted(peer);
        _interrupted.Add(peer, sending);
        if (delivered || _raft.Role != Role.Leader)
        {
            DropInterrupted(peer);
            _refusedAt.Remove(peer);
        }

        _raft.SnapshotSent(peer, delivered);
        host.Touch(owner);
    }

    // The follower was removed and added again since: it may have deleted its replica, and needs a checkpoint
    // that holds the entry that removed it.
    private void EndIfTooOld(NodeId peer)
    {
        if (!_sendings.TryGetValue(peer, out var sending)
            || sending.Reader.Info.AppliedIndex >= _raft.NewestWithout(peer).Value)
            return;
        End(peer, delivered: false);
        DropInterrupted(peer);
    }

    private void DropInterrupted(NodeId peer)
    {
        // A piece may be read right now: the reader ends behind it, on the same lane.
        if (_interrupted.Remove(peer, out var sending))
            host.RunInBackground(sending.Reader.Dispose, static _ => { });
    }
}
