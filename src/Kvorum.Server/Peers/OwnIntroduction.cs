using Kvorum.Node;

namespace Kvorum.Server.Peers;

/// <summary>
/// What this node says of itself in each new connection: it changes once, when the node learns to which
/// cluster it belongs. Any thread.
/// </summary>
internal sealed class OwnIntroduction(PeerHello self, ulong process)
{
    private volatile PeerIntroduction _now = new(self, default, process);

    /// <summary>As it is now.</summary>
    public PeerIntroduction Now => _now;

    /// <summary>The node belongs to this cluster.</summary>
    public void Identify(UInt128 clusterId) =>
        _now = _now with { Node = _now.Node with { ClusterId = clusterId } };
}
