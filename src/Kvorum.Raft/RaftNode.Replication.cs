using Kvorum.Raft.Replication;

namespace Kvorum.Raft;

/// <summary>
/// Sending the log: once per Ready, so that all proposals since the last one share a message (thesis 10.2.2).
/// </summary>
public sealed partial class RaftNode
{
    /// <summary>True if an append message may be due to some peer.</summary>
    private bool _replicationDue;

    /// <summary>
    /// Messages to the peer are lost: probes it until it answers, and lets the group rest without it. The
    /// host also calls this on a new leader, for each peer that is down.
    /// </summary>
    public void PeerUnreachable(NodeId peer)
    {
        if (Role != Role.Leader || _peers.Find(peer) is not { } progress || peer == Id) return;
        progress.Unreachable();
        _replicationDue = true;
    }

    /// <summary>
    /// The peer can be reached again: it gets what it missed while the group was at rest.
    /// </summary>
    public void PeerReachable(NodeId peer)
    {
        if (Role != Role.Leader || _peers.Find(peer) is not { } progress) return;
        progress.IsReachable = true;
        Wake();
    }

    /// <summary>The host's sending of a snapshot to the peer ended.</summary>
    public void SnapshotSent(NodeId peer, bool delivered)
    {
        if (Role != Role.Leader || _peers.Find(peer) is not { } progress) return;
        Wake();
        progress.SnapshotSent(delivered);
        progress.ProgressTick = _now;
    }

    /// <summary>The leader's view of a peer; null if not leading or unknown.</summary>
    public PeerProgress? ProgressOf(NodeId peer)
    {
        if (Role != Role.Leader || _peers.Find(peer) is not { } progress) return null;
        var needsSnapshot = progress.State == ProgressState.Snapshot;
        return new(new(progress.Match), new(progress.Next), IsActive(progress), needsSnapshot);
    }

    private bool IsActive(Progress peer) =>
        peer.Node == Id || _now - peer.HeardTick < _options.ElectionTimeoutMaxTicks;

    private void SendAppends()
    {
        _replicationDue = false;
        foreach (var peer in _peers.All)
        {
            if (peer.Node == Id) continue;
            while (peer.MaySend(_log.LastIndex) && SendAppend(peer))
            {
            }
        }
    }

    /// <summary>Sends the next entries to a peer; false if it needs a snapshot first.</summary>
    private bool SendAppend(Progress peer)
    {
        var previous = peer.Next - 1;
        var entries = peer.MayCarry(_log.LastIndex) ? _log.Slice(peer.Next, _options.AppendBytesMax) : [];
        if (_log.TermOf(previous) is not { } previousTerm || entries is null)
        {
            OfferSnapshot(peer);
            return false;
        }
        Send(new AppendEntries
        {
            From = Id,
            To = peer.Node,
            Term = Term,
            PreviousIndex = new(previous),
            PreviousTerm = previousTerm,
            Entries = entries,
            Commit = CommitIndex,
        });
        var bytes = 0L;
        foreach (ref readonly var entry in entries.AsSpan()) bytes += entry.Data.Length;
        peer.Sent(previous + (ulong)entries.Length, entries.Length, bytes);
        if (peer.State == ProgressState.Probe) peer.ProgressTick = _now;
        return true;
    }

    /// <summary>
    /// Offers the snapshot to a peer that was heard from lately. It must hold the entry that removed the peer
    /// last: by an older one a node that had deleted its replica would be the voter that it was before,
    /// without what it acknowledged then, and could elect a leader by the configuration of that time.
    /// </summary>
    private void OfferSnapshot(Progress peer)
    {
        if (!IsActive(peer)) return;
        var snapshot = _log.Snapshot;
        peer.BecomeSnapshot(snapshot.Index.Value);
        Send(new InstallSnapshot
        {
            From = Id,
            To = peer.Node,
            Term = Term,
            Snapshot = snapshot,
            LeastIndex = NewestWithout(peer.Node),
        });
    }

    /// <summary>
    /// The index of the newest configuration without a node, which is committed if the node is a member
    /// again; 0 if it is older than the snapshot of this log.
    /// </summary>
    public LogIndex NewestWithout(NodeId node) => new(_configurations.NewestWithout(node));

    private Progress CreateProgress(NodeId node)
    {
        var window = new Inflights(_options.InflightMessagesMax, _options.InflightBytesMax);
        var progress = new Progress(node, _log.LastIndex + 1, window)
        {
            HeardTick = _now,
            ProgressTick = _now,
        };
        if (node == Id) progress.SelfStable(_log.Stable, _log.LastIndex);
        return progress;
    }

    private void SendHeartbeat(Progress peer, ulong round, bool quiesce) => Send(new Heartbeat
    {
        From = Id,
        To = peer.Node,
        Term = Term,
        Commit = new(Math.Min(peer.Match, _log.Commit)),
        ReadRound = round,
        Quiesce = quiesce,
    });
}
