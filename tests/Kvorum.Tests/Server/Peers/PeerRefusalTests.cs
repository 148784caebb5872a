using System.Net;
using System.Net.Sockets;
using System.Text;
using Kvorum.Node;
using Kvorum.Server.Peers;

namespace Kvorum.Tests.Server.Peers;

public class PeerRefusalTests
{
    [Fact]
    public async Task Nodes_of_two_clusters_refuse_each_other_and_both_say_why()
    {
        var at = NodeAddress.Free(2);
        await using var first = new PeerNode(at[0], at).Start();
        await using var second = new PeerNode(at[1], at, cluster: 8).Start();
        foreach (var node in new[] { first, second })
        {
            await Eventually.Holds(
                () => node.LogLines.Any(line => line.StartsWith("103 ", StringComparison.Ordinal)));
            await Eventually.Holds(
                () => node.LogLines.Any(line => line.StartsWith("104 ", StringComparison.Ordinal)));
            var refusal = node.LogLines.First(line => line.StartsWith("103 ", StringComparison.Ordinal));
            Assert.Contains("node-1", refusal, StringComparison.Ordinal);
            Assert.Contains("node-2", refusal, StringComparison.Ordinal);
            Assert.Contains("00000000-0000-0000-0000-000000000007", refusal, StringComparison.Ordinal);
            Assert.Contains("00000000-0000-0000-0000-000000000008", refusal, StringComparison.Ordinal);
            Assert.Contains("correct the address in --peers", refusal, StringComparison.Ordinal);
            Assert.Empty(node.Ups);
            Assert.Single(node.Downs);
            await Eventually.Holds(() => node.Refusals.Any(
                why => why.Contains("correct the address in --peers", StringComparison.Ordinal)));
        }

        // Each side tells once, however often they try: no flood.
        await Task.Delay(PeerNode.Fast.BackoffMax * 3, TestContext.Current.CancellationToken);
        Assert.Single(first.LogLines, line => line.StartsWith("103 ", StringComparison.Ordinal));
        Assert.Single(first.LogLines, line => line.StartsWith("104 ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Nodes_with_other_founders_refuse_each_other_while_they_have_no_cluster()
    {
        var at = NodeAddress.Free(2);
        await using var first = new PeerNode(at[0], at, cluster: 0).Start();
        await using var second = new PeerNode(at[1], at, cluster: 8, founding: 71).Start();
        foreach (var node in new[] { first, second })
        {
            await Eventually.Holds(() => node.LogLines.Any(
                line => line.StartsWith("103 ", StringComparison.Ordinal)
                && line.Contains("was founded with other members or settings", StringComparison.Ordinal)));
            Assert.Empty(node.Ups);
        }
    }

    [Fact]
    public async Task A_node_is_met_before_it_knows_its_cluster_and_refused_once_it_has_another_one()
    {
        var at = NodeAddress.Free(2);
        await using var first = new PeerNode(at[0], at).Start();
        await using (var late = new PeerNode(at[1], at, cluster: 0).Start())
        {
            await Eventually.Holds(() => first.IsUp(late) && late.IsUp(first));
            Assert.Equal((UInt128)0, first.Ups.Single().ClusterId);
            Assert.Equal((UInt128)7, late.Ups.Single().ClusterId);
        }

        await using var other = new PeerNode(at[1], at, cluster: 0).Start();
        await Eventually.Holds(() => first.Ups.Count == 2 && other.IsUp(first));
        other.Identify(8);
        first.Downs.Clear();
        var elsewhere = at[0] with { Address = NodeAddress.Free(1)[0].Address };
        await using var again = new PeerNode(elsewhere, at).Start();
        await Eventually.Holds(() => again.LogLines.Any(
            line => line.Contains("belongs to cluster", StringComparison.Ordinal)));
        Assert.Empty(again.Ups);
    }

    [Fact]
    public async Task A_node_at_the_address_of_another_is_refused()
    {
        var at = NodeAddress.Free(3);
        NodeAddress[] mistaken = [at[0], at[1] with { Address = at[2].Address }];
        await using var first = new PeerNode(at[0], mistaken).Start();
        await using var third = new PeerNode(at[2], at).Start();
        await Eventually.Holds(
            () => first.LogLines.Any(line => line.StartsWith("103 ", StringComparison.Ordinal)));
        string line = first.LogLines.First(line => line.StartsWith("103 ", StringComparison.Ordinal));
        Assert.Contains("looks for node 00000000-0000-0000-0000-000000000002 here, but this is node-3", line,
            StringComparison.Ordinal);
        await Eventually.Holds(
            () => third.LogLines.Any(line => line.StartsWith("104 ", StringComparison.Ordinal)));
        Assert.Empty(first.Ups);
    }

    [Fact]
    public async Task A_second_process_with_the_same_id_is_refused()
    {
        var at = NodeAddress.Free(2);
        await using var first = new PeerNode(at[0], at).Start();
        NodeAddress[] view = [at[0] with { Id = new(9) }, at[1] with { Id = at[0].Id }];
        await using var twin = new PeerNode(view[1], view).Start();
        await Eventually.Holds(() => first.LogLines.Any(
            line => line.Contains("has the id of this node", StringComparison.Ordinal)
            && line.Contains("give each node its own --id", StringComparison.Ordinal)));
        Assert.Empty(first.Ups);
        Assert.Empty(twin.Ups);
    }

    [Fact]
    public async Task A_stranger_with_the_right_cluster_is_refused()
    {
        var at = NodeAddress.Free(3);
        await using var first = new PeerNode(at[0], at[..2]).Start();
        await using var third = new PeerNode(at[2], at).Start();
        await Eventually.Holds(() => third.LogLines.Any(
            line => line.StartsWith("111 ", StringComparison.Ordinal)
            && line.Contains("has not joined it. To join, start it with an empty --data folder and --join "
                + at[0].Address, StringComparison.Ordinal)));
        Assert.Empty(third.Ups);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("KVPEER\u0009\0\u00ff\u00ff\u00ff\u00ff01234567890123456789")]
    [InlineData("KVPEER\u0008\0")]
    [InlineData("KVPEER\u0009\0\u0001\0\0\0\0\0\0\0\u00f0x")]
    public async Task Garbage_at_the_peer_port_ends_that_connection_only(string garbage)
    {
        await using var pair = await PeerPair.Connected();
        using var stranger = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await stranger.ConnectAsync(
            IPEndPoint.Parse(pair.First.Self.Address), TestContext.Current.CancellationToken);
        await stranger.SendAsync(Encoding.Latin1.GetBytes(garbage), TestContext.Current.CancellationToken);
        await ReadToEnd(stranger);
        Assert.Contains(pair.First.LogLines, line => line.StartsWith("104 ", StringComparison.Ordinal));
        Assert.True(pair.First.Send(pair.Second, 1));
        await Eventually.Holds(() => pair.Second.Frames.Count == 1);
    }

    [Fact]
    public async Task A_caller_that_says_nothing_is_cut_off()
    {
        await using var pair = await PeerPair.Connected();
        using var stranger = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await stranger.ConnectAsync(
            IPEndPoint.Parse(pair.First.Self.Address), TestContext.Current.CancellationToken);
        Assert.Equal(0, await ReadToEnd(stranger));
    }

    [Fact]
    public async Task A_damaged_frame_ends_the_connection_and_the_sender_hears_why()
    {
        var at = NodeAddress.Free(2);
        await using var first = new PeerNode(at[0], at).Start();
        using var peer = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await peer.ConnectAsync(IPEndPoint.Parse(at[0].Address), TestContext.Current.CancellationToken);
        var hello = new PeerHello(at[1].Id, at[1].Name, at[1].Address, "", "") { FoundingId = 70 };
        peer.Send(
            PeerWire.EncodeOpening(PeerWire.Hello, PeerWire.EncodeIntroduction(new(hello, at[0].Id, 1))));
        peer.Send(PeerWire.EncodeFrame((byte)PeerFrameKind.Raft, [1, 2, 3]));
        await Eventually.Holds(() => first.Frames.Count == 1);
        var damaged = PeerWire.EncodeFrame((byte)PeerFrameKind.Raft, [1, 2, 3]);
        damaged[^1] ^= 1;
        peer.Send(damaged);
        var answer = new byte[4096];
        int length = 0, count;
        while ((count = await peer.ReceiveAsync(
            answer.AsMemory(length), TestContext.Current.CancellationToken)) > 0)
            length += count;
        Assert.Contains("the checksum of a frame of 3 bytes is wrong",
            Encoding.UTF8.GetString(answer, 0, length), StringComparison.Ordinal);
        Assert.Single(first.Frames);
    }

    [Fact]
    public async Task A_peer_that_moved_is_found_at_its_new_address()
    {
        await using var pair = await PeerPair.Connected();
        var elsewhere = pair.Second.Self with { Address = NodeAddress.Free(1)[0].Address };
        await pair.Second.DisposeAsync();
        await Eventually.Holds(() => !pair.First.Downs.IsEmpty);
        await pair.RestartSecond(elsewhere: elsewhere);
        await Eventually.Holds(() => pair.First.Ups.Count == 2);
        Assert.Equal(elsewhere.Address, pair.First.Ups.Last().PeerAddress);
        Assert.True(pair.First.Send(pair.Second, 1));
        await Eventually.Holds(() => pair.Second.Frames.Count == 1);
    }

    [Fact]
    public async Task A_peer_is_looked_for_where_others_say_that_it_is()
    {
        var at = NodeAddress.Free(3);
        await using var first = new PeerNode(at[0], at[..2]).Start();
        await Eventually.Holds(() => !first.Downs.IsEmpty);
        // It does not know where the first one is either.
        NodeAddress[] view = [at[0] with { Address = at[1].Address }, at[1] with { Address = at[2].Address }];
        await using var second = new PeerNode(view[1], view).Start();
        Assert.Empty(first.Ups);
        first.Follow(second.Self);
        await Eventually.Holds(() => first.IsUp(second));
    }

    private static async Task<int> ReadToEnd(Socket socket)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var buffer = new byte[4096];
        var total = 0;
        try
        {
            int count;
            while ((count = await socket.ReceiveAsync(buffer, deadline.Token)) > 0)
                total += count;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
        }

        return total;
    }
}
