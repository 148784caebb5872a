using Kvorum.Raft;

namespace Kvorum.Node.Membership;

/// <summary>
/// Which members are connected, which of them are heard, which are suspected, and which should not lead.
/// Written by the transport and by loop 0, read on any thread; what is in it is replaced as a whole.
/// </summary>
internal sealed class PeerHealth(NodeId self, long startedMs = 0)
{
    private readonly Lock _gate = new();
    private volatile SortedDictionary<NodeId, Connection> _connections = [];
    private volatile SortedSet<NodeId> _accepted = [];
    private volatile SortedDictionary<NodeId, long> _slow = [];

    private sealed record Connection(
        PeerState State, long SinceMs, string Reason, bool IsRefused = false);

    /// <summary>
    /// True if the member is connected, with the data folder that this node knows, and not suspected.
    /// </summary>
    public bool IsUp(NodeId node) => IsUpSince(node, long.MaxValue);

    /// <summary>True if it has been so since that moment.</summary>
    public bool IsUpSince(NodeId node, long sinceMs) => node == self
        || (_connections.TryGetValue(node, out var known) && known.State == PeerState.Up
            && known.SinceMs <= sinceMs && IsAccepted(node));

    /// <summary>True if the member is connected, suspected or not.</summary>
    public bool IsConnected(NodeId node) =>
        _connections.TryGetValue(node, out var known) && known.State != PeerState.Down;

    /// <summary>True if the member is connected, and silent for too long.</summary>
    public bool IsSuspect(NodeId node) =>
        _connections.TryGetValue(node, out var known) && known.State == PeerState.Suspect;

    /// <summary>
    /// How the connection to another member stands, since when in the node's milliseconds, and why.
    /// </summary>
    public (PeerState State, long SinceMs, string Reason) StateOf(NodeId node) =>
        _connections.TryGetValue(node, out var known) ? (known.State, known.SinceMs, known.Reason)
            : (PeerState.Down, startedMs, "not reached yet");

    /// <summary>
    /// True if the member has introduced itself with the data folder that this node knows: only then it is
    /// heard. It stays so when it is lost and comes again.
    /// </summary>
    public bool IsAccepted(NodeId node) => _accepted.Contains(node);

    /// <summary>
    /// True if the member has said lately that its log is slow: it should not lead.
    /// </summary>
    public bool IsSlow(NodeId node, long nowMs) =>
        _slow.TryGetValue(node, out var heard) && nowMs - heard < Limits.SlowNewsMs;

    /// <summary>The member is connected, and has just been heard.</summary>
    public void Up(NodeId node, long nowMs)
    {
        lock (_gate)
        {
            if (!_connections.TryGetValue(node, out var present) || present.State != PeerState.Up)
                _connections = new(_connections) { [node] = new(PeerState.Up, nowMs, "") };
        }
    }

    /// <summary>The member is lost.</summary>
    public void Down(NodeId node, PeerLoss loss, long nowMs)
    {
        var reason = loss == PeerLoss.ProcessGone ? "its process is gone" : "it is silent";
        lock (_gate)
            _connections = new(_connections) { [node] = new(PeerState.Down, nowMs, reason) };
    }

    /// <summary>The member, which is down, refuses this node or is refused by it: that is why.</summary>
    public void Refused(NodeId node, string why)
    {
        lock (_gate)
        {
            if (_connections.TryGetValue(node, out var present) && present.State == PeerState.Down)
                _connections = new(_connections) { [node] = present with { Reason = why, IsRefused = true } };
        }
    }

    /// <summary>Why the member, which is down, and this node do not talk; null if they would.</summary>
    public string? RefusalOf(NodeId node) =>
        _connections.TryGetValue(node, out var known) && known.IsRefused ? known.Reason : null;

    /// <summary>The member is silent for too long; false if it was suspected before, or is lost.</summary>
    public bool Suspect(NodeId node, string reason, long nowMs) =>
        TryChange(node, PeerState.Up, new(PeerState.Suspect, nowMs, reason));

    /// <summary>The suspected member was heard; false if it was not suspected.</summary>
    public bool Unsuspect(NodeId node, long nowMs) =>
        TryChange(node, PeerState.Suspect, new(PeerState.Up, nowMs, ""));

    /// <summary>The member says that its log is slow.</summary>
    public void HeardSlow(NodeId node, long nowMs)
    {
        lock (_gate)
            _slow = new(_slow) { [node] = nowMs };
    }

    /// <summary>The member is heard from now on; false if it was before.</summary>
    public bool Accept(NodeId node)
    {
        if (IsAccepted(node))
            return false;
        lock (_gate)
            _accepted = [.. _accepted, node];
        return true;
    }

    /// <summary>Nothing of the member is heard from now on.</summary>
    public void Refuse(NodeId node)
    {
        lock (_gate)
            _accepted = [.. _accepted.Where(accepted => accepted != node)];
    }

    private bool TryChange(NodeId node, PeerState from, Connection to)
    {
        lock (_gate)
        {
            if (!_connections.TryGetValue(node, out var present) || present.State != from)
                return false;
            _connections = new(_connections) { [node] = to };
            return true;
        }
    }
}

/// <summary>How a member stands with this node.</summary>
internal enum PeerState
{
    /// <summary>Connected and heard.</summary>
    Up,

    /// <summary>Connected, and silent for longer than it usually is.</summary>
    Suspect,

    /// <summary>Not connected.</summary>
    Down,
}
