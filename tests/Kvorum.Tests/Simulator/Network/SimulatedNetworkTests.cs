using Kvorum.Node;
using Kvorum.Raft;
using Kvorum.Simulator.Network;
using Kvorum.Simulator.World;

namespace Kvorum.Tests.Simulator.Network;

/// <summary>The network gives what the transport's contract promises.</summary>
public class SimulatedNetworkTests
{
    private readonly SimulatedWorld _world = new(1, Verbosity.Outcome, null);
    private readonly SimulatedNetwork _network;
    private readonly Peer[] _peers = [new(), new(), new()];
    private readonly Endpoint[] _ends = new Endpoint[3];

    public SimulatedNetworkTests()
    {
        _network = new(_world, 3, new());
        Start(0, 1);
        Start(1, 0);
        Run(500);
    }

    private sealed class Peer : IPeerReceiver
    {
        public List<string> Heard { get; } = [];

        public void PeerUp(PeerHello peer) => Heard.Add($"up {peer.Id}");

        public void PeerDown(NodeId peer, PeerLoss loss) => Heard.Add($"down {peer} {loss}");

        public void Receive(NodeId from, PeerFrameKind kind, ReadOnlyMemory<byte> payload) =>
            Heard.Add($"{payload.Span[0]}");

        public void JoinAsked(ReadOnlyMemory<byte> ask, Action<ReadOnlyMemory<byte>> answer)
        {
            Heard.Add($"asked {ask.Span[0]}");
            answer(new byte[] { (byte)(ask.Span[0] + 1) });
        }

        public void JoinAnswered(string address, ReadOnlyMemory<byte> answer, string? failure) =>
            Heard.Add($"{address} {failure ?? $"{answer.Span[0]}"}");
    }

    [Fact]
    public void Frames_arrive_in_order_once()
    {
        Assert.Equal("up 2", _peers[0].Heard[^1]);
        _peers[1].Heard.Clear();
        for (byte i = 0; i < 100; i++)
            Assert.True(_ends[0].Send(new(2), PeerFrameKind.Forward, [i]));
        Run(100);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i}"), _peers[1].Heard);
    }

    [Fact]
    public void A_process_that_is_gone_is_told_at_once_and_one_without_power_after_a_silence()
    {
        _network.Disconnect(1, isPowerLost: false);
        Run(50);
        Assert.Equal("down 2 ProcessGone", _peers[0].Heard[^1]);
        Assert.False(_ends[0].Send(new(2), PeerFrameKind.Raft, [1]));

        Start(1, 0);
        Run(3000);
        Assert.Equal("up 2", _peers[0].Heard[^1]);
        _network.Disconnect(1, isPowerLost: true);
        Run(1000);
        Assert.Equal("up 2", _peers[0].Heard[^1]);
        Run(4000);
        Assert.Equal("down 2 Silent", _peers[0].Heard[^1]);
    }

    [Fact]
    public void A_short_cut_delays_and_a_long_one_ends_the_connection()
    {
        _peers[1].Heard.Clear();
        _network.Cut(0, 1);
        _ends[0].Send(new(2), PeerFrameKind.Forward, [7]);
        Run(1000);
        Assert.Empty(_peers[1].Heard);
        _network.Mend(0, 1);
        Run(100);
        Assert.Equal(["7"], _peers[1].Heard);

        _network.Cut(0, 1);
        _ends[0].Send(new(2), PeerFrameKind.Forward, [8]);
        Run(5000);
        Assert.Contains("down 2 Silent", _peers[0].Heard);
        Assert.DoesNotContain("8", _peers[1].Heard);
        _network.Mend(0, 1);
        Run(5000);
        Assert.Equal("up 2", _peers[0].Heard[^1]);
    }

    [Fact]
    public void A_queue_has_a_bound()
    {
        _network.Slow(0, 1, 100_000);
        var sent = 0;
        while (_ends[0].Send(new(2), PeerFrameKind.Raft, new byte[1 << 20]))
            sent++;
        Assert.Equal(8, sent);
    }

    [Fact]
    public void A_node_has_links_to_those_alone_that_it_follows_and_that_follow_it()
    {
        Start(2, 0, 1);
        Run(3000);
        Assert.DoesNotContain("up 3", _peers[0].Heard);
        Assert.Equal(["down 1 Silent", "down 2 Silent"], _peers[2].Heard.Order());

        _ends[0].Follow([Seed(1), Seed(2)]);
        Run(3000);
        Assert.Equal("up 3", _peers[0].Heard[^1]);
        Assert.Equal("up 1", _peers[2].Heard[^1]);
        Assert.True(_ends[2].Send(new(1), PeerFrameKind.Forward, [9]));
        Run(100);
        Assert.Equal("9", _peers[0].Heard[^1]);

        _ends[0].Follow([Seed(1)]);
        Run(100);
        Assert.Equal("down 3 ProcessGone", _peers[0].Heard[^1]);
        Assert.Equal("down 1 ProcessGone", _peers[2].Heard[^1]);
        Assert.False(_ends[0].Send(new(3), PeerFrameKind.Forward, [9]));
        Run(10_000);
        Assert.Equal("down 3 ProcessGone", _peers[0].Heard[^1]);
        Assert.Equal("down 1 ProcessGone", _peers[2].Heard[^1]);
        Assert.True(_ends[0].Send(new(2), PeerFrameKind.Forward, [9]));
    }

    [Fact]
    public void A_node_that_is_no_member_asks_and_hears_one_outcome()
    {
        Start(2);
        _ends[2].AskToJoin(SimulatedNetwork.AddressOf(0), new byte[] { 5 });
        Run(100);
        Assert.Equal("asked 5", _peers[0].Heard[^1]);
        _network.Disconnect(0, isPowerLost: false);
        _ends[2].AskToJoin(SimulatedNetwork.AddressOf(0), new byte[] { 5 });
        Run(100);
        _network.Cut(1, 2);
        _ends[2].AskToJoin(SimulatedNetwork.AddressOf(1), new byte[] { 5 });
        Run(10_000);
        Assert.Equal(
            ["127.0.0.1:60050 6", "127.0.0.1:60050 connection refused", "127.0.0.2:60050 no answer in time"],
            _peers[2].Heard);
    }

    private static MemberSeed Seed(int machine) =>
        new(new((UInt128)machine + 1), "", SimulatedNetwork.AddressOf(machine));

    private void Start(int machine, params int[] peers)
    {
        var self = Seed(machine);
        _ends[machine] = _network.Connect(machine);
        _ends[machine].Start(
            new(self.Id, "", self.PeerAddress, "", ""), [.. peers.Select(Seed)], _peers[machine]);
    }

    private void Run(int ms)
    {
        var end = _world.NowUs + (ms * 1000);
        _world.Scheduler.At(end, static () => { });
        while (_world.Scheduler.RunNext(end))
        {
        }
    }
}
