using Kvorum.Raft;

namespace Kvorum.Node.Membership;

// One detector per node, one PeerSilence per connected peer, shared by all groups (ADR 36).
//
//  1. Any frame is a sign of life; nodes send one each heartbeat interval to each other, whatever else they
//     send. Frames only set a mark; time is counted here, in the turns of loop 0.
//  2. A peer is suspected when its silence reaches a limit: twice the longest silence of the last one to two
//     minutes that ended well, but not less than the floor and not more than the ceiling.
//  3. Silence is counted in the time in which this node ran. A turn that comes late counts only as far as an
//     ordinary one, and raises no suspicion: the loop reads its sockets first. After a pause of its own (the
//     process was stopped, the machine slept, a long collection) all silences begin anew.

/// <summary>
/// Tells which connected peers are silent for longer than they usually are (after the accrual detectors:
/// Hayashibara et al., SRDS 2004; that a node doubts itself first is Lifeguard's: Dadgar et al., DSN-W 2018).
/// A function of arrivals and of the times it is given.
/// </summary>
/// <param name="floorMs">The least limit, in milliseconds.</param>
/// <param name="ceilingMs">The greatest limit, in milliseconds.</param>
/// <param name="stepMaxMs">Most that one turn counts, in milliseconds.</param>
internal sealed class FailureDetector(long floorMs, long ceilingMs, long stepMaxMs)
{
    private readonly Lock _gate = new();
    private volatile SortedDictionary<NodeId, PeerSilence> _peers = [];
    private long? _judgedMs;

    /// <summary>A peer is connected. It is not suspected before its first sign of life. Any thread.</summary>
    public void Up(NodeId peer)
    {
        lock (_gate)
        {
            if (!_peers.ContainsKey(peer))
                _peers = new(_peers) { [peer] = new(floorMs, ceilingMs) };
        }
    }

    /// <summary>A peer is lost: its silence needs no watching. Any thread.</summary>
    public void Down(NodeId peer)
    {
        lock (_gate)
        {
            var others = new SortedDictionary<NodeId, PeerSilence>(_peers);
            others.Remove(peer);
            _peers = others;
        }
    }

    /// <summary>A frame of the peer came. Any thread.</summary>
    public void Heard(NodeId peer)
    {
        if (_peers.TryGetValue(peer, out var silence))
            silence.Heard();
    }

    /// <summary>
    /// Time has passed, in this node's monotonic milliseconds: the connected peers, by id, as they are judged
    /// now. One caller.
    /// </summary>
    public IReadOnlyCollection<KeyValuePair<NodeId, PeerSilence>> Judge(long nowMs)
    {
        var elapsedMs = nowMs - (_judgedMs ?? nowMs);
        _judgedMs = nowMs;
        var wasPaused = elapsedMs > floorMs / 2;
        var isLate = elapsedMs > stepMaxMs;
        var peers = _peers;
        foreach (var (_, silence) in peers)
        {
            if (wasPaused)
                silence.Restart();
            silence.Pass(wasPaused ? 0 : Math.Min(elapsedMs, stepMaxMs), mayRaise: !isLate);
        }

        return peers;
    }
}
