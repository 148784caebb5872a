using Kvorum.Node;

namespace Kvorum.Server.Peers;

/// <summary>
/// What this node says of itself in each new connection: it changes when the node learns to which cluster
/// it belongs, and which format version that has. Any thread.
/// </summary>
internal sealed class OwnIntroduction(PeerHello self, ulong process)
{
    private readonly Lock _gate = new();
    private volatile PeerIntroduction _now = new(self, default, process);

    /// <summary>As it is now.</summary>
    public PeerIntroduction Now => _now;

    /// <summary>The node belongs to this cluster.</summary>
    public void Identify(UInt128 clusterId) =>
        Change(node => node with { ClusterId = clusterId });

    /// <summary>The cluster has this format version.</summary>
    public void Activate(int format) => Change(node => node with { ActiveFormat = format });

    private void Change(Func<PeerHello, PeerHello> change)
    {
        lock (_gate)
            _now = _now with { Node = change(_now.Node) };
    }
}
