using Kvorum.Node;
using Kvorum.Raft;

namespace Kvorum.Simulator.Network;

/// <summary>
/// One process on the network: it dials the peers that its node follows, and hears no others. A process that
/// starts anew is another endpoint.
/// </summary>
internal sealed class Endpoint(SimulatedNetwork network, int machine) : ITransport
{
    // In the order of machines, so that a run does not depend on ids.
    private Link[] _links = [];

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

    /// <summary>The peers that it follows.</summary>
    public IEnumerable<NodeId> Followed => _links.Select(static link => link.Peer);

    /// <inheritdoc/>
    public void Start(PeerHello self, IReadOnlyList<MemberSeed> peers, IPeerReceiver receiver)
    {
        Hello = self;
        Receiver = receiver;
        Follow(peers);
    }

    /// <inheritdoc/>
    public void Identify(UInt128 clusterId) => Hello = Hello with { ClusterId = clusterId };

    /// <inheritdoc/>
    public void Activate(int format)
    {
        if (Hello.ActiveFormat == format)
            return;
        Hello = Hello with { ActiveFormat = format };
        foreach (var link in _links)
        {
            link.Check();
            network.At(link.To)?.LinkTo(Hello.Id)?.Check();
        }
    }

    /// <inheritdoc/>
    public void Follow(IReadOnlyList<MemberSeed> peers)
    {
        var wanted = peers.Where(peer => peer.Id != Hello.Id)
            .ToDictionary(
                static peer => peer.Id, static peer => SimulatedNetwork.MachineAt(peer.PeerAddress));
        var gone = _links.Where(link => wanted.GetValueOrDefault(link.Peer, -1) != link.To).ToArray();
        var added = wanted.Where(one => LinkTo(one.Key)?.To != one.Value)
            .Select(one => new Link(network, this, one.Key, one.Value)).ToArray();
        _links = [.. _links.Except(gone).Concat(added).OrderBy(static link => (link.To, link.Peer))];
        foreach (var link in gone)
        {
            link.Close();
            // What the other has dialled is closed too.
            network.At(link.To)?.LinkTo(Hello.Id)?.ReceiverGone();
        }

        foreach (var link in _links.Where(added.Contains))
            link.Dial();
    }

    /// <inheritdoc/>
    public void AskToJoin(string address, ReadOnlyMemory<byte> ask) =>
        new JoinQuestion(network, this, address).Ask(ask.ToArray());

    /// <summary>Told of each frame before it is sent.</summary>
    public Action<PeerFrameKind> Sending { get; set; } = static _ => { };

    /// <inheritdoc/>
    public bool Send(NodeId to, PeerFrameKind kind, ReadOnlySpan<byte> payload)
    {
        Sending(kind);
        return LinkTo(to) is { } link && link.Send(kind, payload);
    }

    /// <summary>True if it hears this peer.</summary>
    public bool Follows(NodeId peer) => LinkTo(peer) is not null;

    /// <summary>The link to a peer; null if the node does not follow it.</summary>
    public Link? LinkTo(NodeId peer)
    {
        foreach (var link in _links)
        {
            if (link.Peer == peer)
                return link;
        }

        return null;
    }

    /// <summary>The links to a machine: one, unless another node ran on it before.</summary>
    public IEnumerable<Link> LinksTo(int to) => _links.Where(link => link.To == to);

    /// <summary>The process is gone.</summary>
    public void End(bool isPowerLost)
    {
        IsAlive = false;
        foreach (var link in _links)
            link.SenderGone(isPowerLost);
    }
}
