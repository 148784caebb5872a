using Kvorum.Raft;

namespace Kvorum.Node.Membership;

/// <summary>
/// Which members are connected, which of them are heard, and which should not lead. Written by the transport
/// and by loop 0, read on any thread; what is in it is replaced as a whole.
/// </summary>
internal sealed class PeerHealth(NodeId self)
{
    private readonly Lock _gate = new();
    private volatile SortedDictionary<NodeId, Connection> _connections = [];
    private volatile SortedSet<NodeId> _accepted = [];
    private volatile SortedDictionary<NodeId, long> _slow = [];

    private sealed record Connection(bool IsUp, long SinceMs);

    /// <summary>True if the member is connected, with the data folder that this node knows.</summary>
    public bool IsUp(NodeId node) => IsUpSince(node, long.MaxValue);

    /// <summary>True if it has been so since that moment.</summary>
    public bool IsUpSince(NodeId node, long sinceMs) => node == self
        || (_connections.TryGetValue(node, out var known) && known.IsUp && known.SinceMs <= sinceMs
            && IsAccepted(node));

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

    /// <summary>The member is connected.</summary>
    public void Up(NodeId node, long nowMs)
    {
        lock (_gate)
        {
            if (!_connections.TryGetValue(node, out var present) || !present.IsUp)
                _connections = new(_connections) { [node] = new(true, nowMs) };
        }
    }

    /// <summary>The member is lost.</summary>
    public void Down(NodeId node, long nowMs)
    {
        lock (_gate)
            _connections = new(_connections) { [node] = new(false, nowMs) };
    }

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
}
