using Kvorum.Node;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Harness;

/// <summary>
/// A network on one thread: frames arrive in order when the test pumps, unless a link is cut or a node is
/// gone.
/// </summary>
internal sealed class TestNetwork
{
    private readonly Queue<(NodeId From, NodeId To, PeerFrameKind Kind, byte[] Bytes)> _underWay = new();
    private readonly SortedDictionary<NodeId, (PeerHello Hello, IPeerReceiver Receiver)> _up = [];
    private readonly HashSet<(NodeId From, NodeId To)> _cut = [];
    private readonly Dictionary<(NodeId From, NodeId To), TestNetwork> _wrong = [];
    private readonly Dictionary<NodeId, IReadOnlyList<MemberSeed>> _peers = [];
    private readonly HashSet<(NodeId From, NodeId To)> _connected = [];
    private readonly Queue<Action> _joins = new();

    /// <summary>Frames delivered so far, by kind.</summary>
    public SortedDictionary<PeerFrameKind, int> Delivered { get; } = [];

    /// <summary>Told of each frame before it is delivered; false loses it.</summary>
    public Func<NodeId, NodeId, PeerFrameKind, byte[], bool> Passes { get; set; } =
        static (_, _, _, _) => true;

    /// <summary>Frames of this kind stay under way until it is null again; others overtake them.</summary>
    public PeerFrameKind? Held { get; set; }

    public ITransport For(NodeId self) => new Transport(this, self);

    /// <summary>
    /// The node has a wrong address of another one: it reaches the node of that name in another network.
    /// </summary>
    public void Misdirect(NodeId from, NodeId to, TestNetwork network) => _wrong[(from, to)] = network;

    /// <summary>The node's wrong address of another one answers: it is connected with that.</summary>
    public void Meet(NodeId from, NodeId to, TestNetwork network) =>
        _up[from].Receiver.PeerUp(network._up[to].Hello);

    /// <summary>The peers of the node, where it has said last that they are.</summary>
    public IReadOnlyList<MemberSeed> PeersOf(NodeId node) => _peers[node];

    /// <summary>Frames on the link are lost, in this direction, without a word.</summary>
    public void Cut(NodeId from, NodeId to) => _cut.Add((from, to));

    public void Heal() => _cut.Clear();

    /// <summary>The network falls apart: each side loses its connections to the other.</summary>
    public void Split(NodeId[] left, NodeId[] right)
    {
        foreach (var (here, there) in Between(left, right))
        {
            Cut(here, there);
            _up[here].Receiver.PeerDown(there, PeerLoss.Silent);
        }
    }

    /// <summary>The two sides reach each other again.</summary>
    public void Join(NodeId[] left, NodeId[] right)
    {
        Heal();
        foreach (var (here, there) in Between(left, right))
            _up[here].Receiver.PeerUp(_up[there].Hello);
    }

    private static IEnumerable<(NodeId Here, NodeId There)> Between(NodeId[] left, NodeId[] right) =>
        from one in left from other in right from link in new[] { (one, other), (other, one) } select link;

    /// <summary>A frame that was under way for long: it comes after all that is under way now.</summary>
    public void Late(NodeId from, NodeId to, PeerFrameKind kind, ReadOnlySpan<byte> bytes) =>
        _underWay.Enqueue((from, to, kind, bytes.ToArray()));

    /// <summary>
    /// The connections between two nodes are reset, and stand again: what was under way is lost.
    /// </summary>
    public void Reset(NodeId one, NodeId other)
    {
        for (var n = _underWay.Count; n > 0; n--)
        {
            var frame = _underWay.Dequeue();
            if ((frame.From, frame.To) != (one, other) && (frame.From, frame.To) != (other, one))
                _underWay.Enqueue(frame);
        }

        foreach (var (here, there) in new[] { (one, other), (other, one) })
        {
            _up[here].Receiver.PeerDown(there, PeerLoss.Silent);
            _up[here].Receiver.PeerUp(_up[there].Hello);
        }
    }

    /// <summary>The node's process is gone: the others see its connections close.</summary>
    public void Down(NodeId node)
    {
        _up.Remove(node);
        _connected.RemoveWhere(link => link.From == node);
        foreach (var (id, (_, receiver)) in _up)
        {
            if (_connected.Remove((id, node)))
                receiver.PeerDown(node, PeerLoss.ProcessGone);
        }
    }

    /// <summary>Delivers what is under way; false if nothing was.</summary>
    public bool Pump()
    {
        var moved = _joins.Count > 0;
        for (var n = _joins.Count; n > 0; n--)
            _joins.Dequeue()();
        for (var n = _underWay.Count; n > 0; n--)
        {
            var (from, to, kind, bytes) = _underWay.Dequeue();
            if (kind == Held)
            {
                _underWay.Enqueue((from, to, kind, bytes));
                continue;
            }

            var there = _wrong.GetValueOrDefault((from, to), this);
            if (!there._up.TryGetValue(to, out var target) || !_up.ContainsKey(from)
                || _cut.Contains((from, to)))
                continue;
            moved = true;
            if (!Passes(from, to, kind, bytes))
                continue;
            Delivered[kind] = Delivered.GetValueOrDefault(kind) + 1;
            target.Receiver.Receive(from, kind, bytes);
        }

        return moved;
    }

    private void Up(PeerHello hello, IPeerReceiver receiver)
    {
        _up[hello.Id] = (hello, receiver);
        Connect(hello.Id);
        foreach (var ((_, to), there) in _wrong.Where(wrong => wrong.Key.From == hello.Id))
        {
            if (there._up.TryGetValue(to, out var found))
                receiver.PeerUp(found.Hello);
        }
    }

    // Both must know each other as members; a wrong address leads elsewhere.
    private void Connect(NodeId node)
    {
        foreach (var other in _up.Keys.Where(other => other != node).ToArray())
        {
            foreach (var (here, there) in new[] { (other, node), (node, other) })
            {
                if (Knows(here, there) && Knows(there, here) && _up[here].Hello.SpeaksWith(_up[there].Hello)
                    && !_wrong.ContainsKey((here, there))
                    && _connected.Add((here, there)))
                    _up[here].Receiver.PeerUp(_up[there].Hello);
                else if (Knows(here, there) && !Knows(there, here))
                    _up[there].Receiver.DialledInVain(_up[here].Hello);
            }
        }
    }

    private bool Knows(NodeId node, NodeId other) => _peers[node].Any(peer => peer.Id == other);

    private void Follow(NodeId node, IReadOnlyList<MemberSeed> peers)
    {
        _peers[node] = peers;
        var links = _connected.Where(link => link.From == node || link.To == node).ToArray();
        foreach (var (here, there) in links)
        {
            if (!Knows(node, here == node ? there : here) && _connected.Remove((here, there)))
                _up[here].Receiver.PeerDown(there, PeerLoss.Silent);
        }

        Connect(node);
    }

    private void AskToJoin(NodeId node, string address, ReadOnlyMemory<byte> ask)
    {
        var asker = _up[node].Receiver;
        _joins.Enqueue(() =>
        {
            var asked = _up.Values.FirstOrDefault(up => up.Hello.PeerAddress == address).Receiver;
            if (asked is null)
            {
                asker.JoinAnswered(address, default, "nobody is there");
                return;
            }

            asked.JoinAsked(
                ask, answer => _joins.Enqueue(() => asker.JoinAnswered(address, answer.ToArray(), null)));
        });
    }

    // It looks at no hello but for format versions: what the node itself must refuse, no transport keeps from
    // it.
    private sealed class Transport(TestNetwork network, NodeId self) : ITransport
    {
        public void Start(PeerHello hello, IReadOnlyList<MemberSeed> peers, IPeerReceiver receiver)
        {
            self = hello.Id;
            network._peers[self] = peers;
            network.Up(hello, receiver);
        }

        public void Identify(UInt128 clusterId)
        {
            var (hello, receiver) = network._up[self];
            network._up[self] = (hello with { ClusterId = clusterId }, receiver);
        }

        public void Activate(int format)
        {
            var (hello, receiver) = network._up[self];
            network._up[self] = (hello with { ActiveFormat = format }, receiver);
        }

        public void Follow(IReadOnlyList<MemberSeed> peers) => network.Follow(self, peers);

        public void AskToJoin(string address, ReadOnlyMemory<byte> ask) =>
            network.AskToJoin(self, address, ask);

        public bool Send(NodeId to, PeerFrameKind kind, ReadOnlySpan<byte> payload)
        {
            network._underWay.Enqueue((self, to, kind, payload.ToArray()));
            return true;
        }
    }
}
