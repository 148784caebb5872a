using Kvorum.Node;
using Kvorum.Raft;

namespace Kvorum.Simulator.Network;

/// <summary>One process on the network. A process that starts anew is another endpoint.</summary>
internal sealed class Endpoint(SimulatedNetwork network, int machine) : ITransport
{
    private readonly Link?[] _links = new Link?[network.Machines];

    /// <summary>Number of the machine, from 0.</summary>
    public int Machine => machine;

    /// <summary>What the process says of itself.</summary>
    public PeerHello Hello { get; private set; } = null!;

    /// <summary>Where frames go; null before the start.</summary>
    public IPeerReceiver? Receiver { get; private set; }

    /// <summary>False once the process is gone.</summary>
    public bool IsAlive { get; private set; } = true;

    /// <summary>The process does not run before this moment, in microseconds.</summary>
    public long PausedUntilUs { get; set; }

    /// <inheritdoc/>
    public void Start(PeerHello self, IReadOnlyList<MemberSeed> peers, IPeerReceiver receiver)
    {
        Hello = self;
        Receiver = receiver;
        for (var peer = 0; peer < _links.Length; peer++)
        {
            if (peer != machine)
                _links[peer] = new(network, this, peer);
        }

        foreach (var link in _links)
            link?.Dial();
    }

    /// <inheritdoc/>
    public void Identify(UInt128 clusterId) => Hello = Hello with { ClusterId = clusterId };

    /// <inheritdoc/>
    public void Moved(NodeId peer, string address)
    {
        // Machines do not move.
    }

    /// <summary>Told of each frame before it is sent.</summary>
    public Action<PeerFrameKind> Sending { get; set; } = static _ => { };

    /// <inheritdoc/>
    public bool Send(NodeId to, PeerFrameKind kind, ReadOnlySpan<byte> payload)
    {
        Sending(kind);
        return _links[network.MachineOf(to)] is { } link && link.Send(kind, payload);
    }

    /// <summary>The link to a machine.</summary>
    public Link? LinkTo(int peer) => _links[peer];

    /// <summary>The process is gone.</summary>
    public void End(bool isPowerLost)
    {
        IsAlive = false;
        foreach (var link in _links)
            link?.SenderGone(isPowerLost);
    }
}
