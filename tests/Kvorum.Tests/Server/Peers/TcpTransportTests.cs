using System.Buffers.Binary;
using System.Net;
using Kvorum.Node;
using Kvorum.Server.Peers;

namespace Kvorum.Tests.Server.Peers;

public class TcpTransportTests
{
    [Fact]
    public async Task Three_nodes_find_each_other_in_any_order_and_say_who_they_are()
    {
        var at = NodeAddress.Free(3);
        await using var third = new PeerNode(at[2], at).Start();
        await using var first = new PeerNode(at[0], at).Start();
        await using var second = new PeerNode(at[1], at).Start();
        PeerNode[] all = [first, second, third];
        foreach (var node in all)
            await Eventually.Holds(() => all.Where(other => other != node).All(node.IsUp));

        var hello = first.Ups.Single(up => up.Id == second.Self.Id);
        Assert.Equal("node-2", hello.Name);
        Assert.Equal(at[1].Address, hello.PeerAddress);
        Assert.Equal("client-of-node-2", hello.ClientAddress);
        Assert.Equal("http-of-node-2", hello.HttpAddress);
    }

    [Fact]
    public async Task Frames_arrive_whole_and_in_order_from_many_threads()
    {
        await using var pair = await PeerPair.Connected();
        const int threads = 4, each = 20_000;
        var next = new int[threads];
        int wrong = 0, refused = 0;
        long received = 0;
        pair.Second.OnFrame = (_, payload) =>
        {
            int thread = payload.Span[0], number = BinaryPrimitives.ReadInt32LittleEndian(payload.Span[1..]);
            if (next[thread]++ != number || payload.Length != 5 + (number % 300))
                Interlocked.Increment(ref wrong);
            Interlocked.Increment(ref received);
        };
        Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, thread =>
        {
            for (var number = 0; number < each; number++)
            {
                var payload = new byte[5 + (number % 300)];
                payload[0] = (byte)thread;
                BinaryPrimitives.WriteInt32LittleEndian(payload.AsSpan(1), number);
                if (!pair.First.Send(pair.Second, payload))
                    Interlocked.Increment(ref refused);
            }
        });
        await Eventually.Holds(() => Interlocked.Read(ref received) == threads * each, 30);
        Assert.Equal((0, 0), (wrong, refused));
        Assert.Equal(threads * each, pair.First.Counters.FramesSent);
        Assert.Equal(threads * each, pair.Second.Counters.FramesReceived);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData((128 << 10) - 9)]
    [InlineData((128 << 10) - 8)]
    [InlineData(16 << 20)]
    [InlineData(TransportOptions.FrameBytesMax)]
    public async Task Frames_of_any_size_arrive_as_they_were(int size)
    {
        await using var pair = await PeerPair.Connected();
        var payload = new byte[size];
        new Random(size).NextBytes(payload);
        Assert.True(pair.First.Send(pair.Second, 1, 2, 3));
        Assert.True(pair.First.Send(pair.Second, payload));
        Assert.True(pair.First.Send(pair.Second, 4, 5));
        await Eventually.Holds(() => pair.Second.Frames.Count == 3);
        var frames = pair.Second.Frames.ToArray();
        Assert.Equal([1, 2, 3], frames[0].Payload.ToArray());
        Assert.True(frames[1].Payload.Span.SequenceEqual(payload));
        Assert.Equal([4, 5], frames[2].Payload.ToArray());
        Assert.All(frames, frame =>
            Assert.Equal((pair.First.Self.Id, PeerFrameKind.Raft), (frame.From, frame.Kind)));
    }

    [Fact]
    public async Task A_frame_over_the_bound_is_the_callers_mistake()
    {
        await using var pair = await PeerPair.Connected();
        var tooLarge = new byte[TransportOptions.FrameBytesMax + 1];
        Assert.Throws<ArgumentOutOfRangeException>(() => pair.First.Send(pair.Second, tooLarge));
    }

    [Fact]
    public async Task A_peer_that_is_not_there_is_reported_once_and_found_when_it_comes()
    {
        var at = NodeAddress.Free(2);
        await using var first = new PeerNode(at[0], at).Start();
        await using var second = new PeerNode(at[1], at);
        await second.DisposeAsync();
        await Eventually.Holds(() => !first.Downs.IsEmpty);
        Assert.False(first.Send(second, 1));
        Assert.Equal(1, first.Counters.FramesDropped);
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Assert.Equal([(at[1].Id, PeerLoss.ProcessGone)], first.Downs);
        Assert.Single(first.LogLines, line => line.StartsWith("102 ", StringComparison.Ordinal));
        await using var again = new PeerNode(at[1], at).Start();
        await Eventually.Holds(() => first.IsUp(again));
    }

    [Fact]
    public async Task A_peer_that_dies_is_missed_at_once_and_welcomed_when_it_returns()
    {
        var slow = PeerNode.Fast with
        {
            PingInterval = TimeSpan.FromSeconds(30),
            SilenceMax = TimeSpan.FromSeconds(100)
        };
        await using var pair = await PeerPair.Connected(slow);
        for (var round = 1; round <= 3; round++)
        {
            await pair.Second.DisposeAsync();
            await Eventually.Holds(() => pair.First.Downs.Count == round);
            Assert.Equal((pair.Second.Self.Id, PeerLoss.ProcessGone), pair.First.Downs.Last());
            await pair.RestartSecond(slow);
            await Eventually.Holds(() => pair.First.Ups.Count == round + 1 && pair.Second.IsUp(pair.First));
            Assert.True(pair.First.Send(pair.Second, (byte)round));
            await Eventually.Holds(() => pair.Second.Frames.Count == 1);
            Assert.True(pair.Second.Send(pair.First, (byte)round));
            await Eventually.Holds(() => pair.First.Frames.Count == round);
        }
    }

    [Fact]
    public async Task An_idle_connection_stays_up()
    {
        await using var pair = await PeerPair.Connected();
        await Task.Delay(PeerNode.Fast.SilenceMax * 3, TestContext.Current.CancellationToken);
        Assert.Empty(pair.First.Downs);
        Assert.Empty(pair.Second.Downs);
        Assert.Single(pair.First.Ups);
        Assert.Empty(pair.First.Frames);
    }

    [Fact]
    public async Task A_peer_that_falls_silent_is_lost()
    {
        var at = NodeAddress.Free(2);
        using var mute = TcpTransport.Listen(IPEndPoint.Parse(at[1].Address));
        await using var first = new PeerNode(at[0], at).Start();
        using var dialled = await mute.AcceptAsync(TestContext.Current.CancellationToken);
        var hello = new PeerHello(at[1].Id, at[1].Name, at[1].Address, "", "") { FoundingId = 70 };
        dialled.Send(
            PeerWire.EncodeOpening(PeerWire.Welcome, PeerWire.EncodeIntroduction(new(hello, default, 1))));
        await Eventually.Holds(() => !first.Ups.IsEmpty);
        Assert.Empty(first.Downs);
        await Eventually.Holds(() => !first.Downs.IsEmpty);
        Assert.Equal([(at[1].Id, PeerLoss.Silent)], first.Downs);
        Assert.Contains(first.LogLines, line =>
            line.Contains("nothing came from it for 0.6 s", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_peer_that_does_not_read_fills_its_queue_and_no_more()
    {
        var at = NodeAddress.Free(2);
        using var mute = TcpTransport.Listen(IPEndPoint.Parse(at[1].Address));
        var patient = PeerNode.Fast with { QueueBytesMax = 1 << 20, SilenceMax = TimeSpan.FromSeconds(60) };
        await using var first = new PeerNode(at[0], at, patient).Start();
        await using var second = new PeerNode(at[1] with { Address = "127.0.0.1:0" }, at);
        using var dialled = await mute.AcceptAsync(TestContext.Current.CancellationToken);
        var hello = new PeerHello(at[1].Id, at[1].Name, at[1].Address, "", "") { FoundingId = 70 };
        dialled.Send(
            PeerWire.EncodeOpening(PeerWire.Welcome, PeerWire.EncodeIntroduction(new(hello, default, 1))));
        await Eventually.Holds(() => !first.Ups.IsEmpty);
        var payload = new byte[60_000];
        var taken = 0;
        while (taken < 10_000 && first.Send(second, payload))
            taken++;
        Assert.InRange(taken, 1, 9_999);
        Assert.False(first.Send(second, payload));
        var drain = new byte[1 << 20];
        for (var read = 0; read < 40 << 20 && !first.Send(second, payload);)
            read += await dialled.ReceiveAsync(drain, TestContext.Current.CancellationToken);
        Assert.Empty(first.Downs);
        Assert.Equal(taken + 1, first.Counters.FramesSent);
    }
}
