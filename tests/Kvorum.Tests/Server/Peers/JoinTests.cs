using System.Net;
using System.Net.Sockets;
using System.Text;
using Kvorum.Server.Native;
using Kvorum.Server.Peers;
using Kvorum.Tests.Server.Native;
using Kvorum.Tests.Server.Sockets;

namespace Kvorum.Tests.Server.Peers;

/// <summary>A node that is no member asks one that is.</summary>
public class JoinTests
{
    private readonly NodeAddress[] _at = NodeAddress.Free(2);

    [Theory]
    [InlineData(0, 0)]
    [InlineData(5, 9)]
    [InlineData(PeerWire.JoinAskBytesMax, PeerWire.JoinAnswerBytesMax)]
    public async Task An_ask_is_answered_over_the_wire(int askBytes, int answerBytes)
    {
        await using var asked = Node(0);
        await using var asker = Node(1);
        byte[] ask = [.. Enumerable.Range(0, askBytes).Select(n => (byte)n)];
        byte[] answer = [.. Enumerable.Range(0, answerBytes).Select(n => (byte)(n * 3))];
        asked.OnAsk = (_, reply) => ThreadPool.QueueUserWorkItem(_ =>
        {
            reply(answer);
            reply(new byte[] { 1 });
        });
        asker.AskToJoin(_at[0].Address, ask);
        await Eventually.Holds(() => !asker.Answers.IsEmpty);
        Assert.Equal(ask, asked.Asks.Single().ToArray());
        var got = asker.Answers.Single();
        Assert.Null(got.Failure);
        Assert.Equal(_at[0].Address, got.Address);
        Assert.Equal(answer, got.Bytes.ToArray());
        Assert.Empty(asked.Ups);
    }

    [Fact]
    public async Task An_answer_over_the_bound_is_a_failure()
    {
        await using var asked = Node(0);
        await using var asker = Node(1);
        asked.OnAsk = (_, reply) => reply(new byte[PeerWire.JoinAnswerBytesMax + 1]);
        asker.AskToJoin(_at[0].Address, 1);
        await Fails(asker, "has an answer of 65537 bytes, over the bound of 65536");
    }

    [Fact]
    public async Task An_ask_over_the_bound_is_a_failure()
    {
        await using var asked = Node(0);
        await using var asker = Node(1);
        asker.AskToJoin(_at[0].Address, new byte[PeerWire.JoinAskBytesMax + 1]);
        await Fails(asker, "the question of 4097 bytes is over the bound of 4096");
        using var rude = Dial(_at[0]);
        rude.Send(PeerWire.EncodeOpening(PeerWire.Join, new byte[PeerWire.JoinAskBytesMax + 1]));
        Assert.Contains("a frame of 4097 bytes is over the bound", await ReadToEnd(rude),
            StringComparison.Ordinal);
        Assert.Empty(asked.Asks);
    }

    [Fact]
    public async Task No_answer_in_time_is_a_failure_that_the_asked_node_explains()
    {
        // The asked node must have given up first, however busy the machine is.
        await using var asked = new PeerNode(
            _at[0], _at, PeerNode.Fast with { JoinTimeout = TimeSpan.FromSeconds(4) }).Start();
        await using var asker = new PeerNode(
            _at[1], _at, PeerNode.Fast with { JoinTimeout = TimeSpan.FromSeconds(40) }).Start();
        asker.AskToJoin(_at[0].Address, 1);
        await Fails(asker, "refused: node-1", "had no answer within 3 s", "no contact with a majority");
    }

    [Fact]
    public async Task A_late_answer_does_no_harm()
    {
        await using var asked = Node(0);
        await using var asker = Node(1);
        Action<ReadOnlyMemory<byte>>? late = null;
        asked.OnAsk = (_, reply) => late = reply;
        asker.AskToJoin(_at[0].Address, 1);
        await Eventually.Holds(() => !asker.Answers.IsEmpty);
        late!(new byte[] { 1 });
        asked.OnAsk = static (_, reply) => reply(new byte[] { 2 });
        asker.AskToJoin(_at[0].Address, 1);
        await Eventually.Holds(() => asker.Answers.Count == 2);
        Assert.Equal([2], asker.Answers.Last().Bytes.ToArray());
    }

    [Theory]
    [InlineData("nowhere", "'nowhere' is no host:port")]
    [InlineData("::1:5", "an IPv6 address goes in brackets")]
    [InlineData("127.0.0.1:0", "")]
    [InlineData("no-such-host.invalid:5", "")]
    public async Task An_address_that_cannot_be_dialled_is_a_failure(string address, string expected)
    {
        await using var asker = Node(1);
        asker.AskToJoin(address, 1);
        await Eventually.Holds(() => !asker.Answers.IsEmpty);
        var failure = asker.Answers.Single().Failure!;
        Assert.StartsWith($"{address}: ", failure, StringComparison.Ordinal);
        Assert.Contains(expected, failure, StringComparison.Ordinal);
        Assert.Contains("name with --join the --peer-addr of members", failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_own_address_and_one_where_nothing_listens_are_failures()
    {
        await using var asker = Node(1);
        asker.AskToJoin(_at[1].Address, 1);
        await Fails(asker, "it is this node's own address");
        asker.Answers.Clear();
        asker.AskToJoin(NodeAddress.Free(1)[0].Address, 1);
        await Fails(asker, "connection refused: no process listens there");
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak the protocol between nodes")]
    [InlineData("KVRM\u0001\0\0\0", "does not speak the protocol between nodes")]
    [InlineData("KVPEER\u0008\0", "it speaks version 8 of the protocol between nodes, and this node 9")]
    [InlineData("KVPEER\u0009\0\u0000\u0000\u0001\u0001\0\0\0\0\u00f5", "over the bound of 65536")]
    [InlineData("KVPEER\u0009\0\u0000\0\0\0\0\0\0\0\u00f5", "the checksum of a frame of 0 bytes is wrong")]
    [InlineData("KVPEER\u0009\0\0\0\0\0\u00b4\u00ea\u004c\u00a5\u00f3", "a frame of kind 243 in place of")]
    [InlineData("KVPEER", "closed the connection")]
    [InlineData("", "closed the connection")]
    public async Task Garbage_in_answer_is_a_failure(string garbage, string expected)
    {
        using var other = TcpTransport.Listen(new(IPAddress.Loopback, 0));
        await using var asker = Node(1);
        asker.AskToJoin($"{other.LocalEndPoint}", 1, 2, 3);
        using (var dialled = await other.AcceptAsync(TestContext.Current.CancellationToken))
        {
            var ask = new byte[PeerWire.EncodeOpening(PeerWire.Join, [1, 2, 3]).Length];
            for (var read = 0; read < ask.Length;)
                read += await dialled.ReceiveAsync(
                    ask.AsMemory(read), TestContext.Current.CancellationToken);
            Assert.Equal(PeerWire.EncodeOpening(PeerWire.Join, [1, 2, 3]), ask);
            dialled.Send(Encoding.Latin1.GetBytes(garbage));
        }

        await Fails(asker, expected);
    }

    [Fact]
    public async Task A_server_that_says_nothing_is_a_failure_in_time()
    {
        using var mute = TcpTransport.Listen(new(IPAddress.Loopback, 0));
        await using var asker = Node(1);
        asker.AskToJoin($"{mute.LocalEndPoint}", 1);
        await Fails(asker, "no answer in time");
    }

    [Fact]
    public async Task Many_asks_at_once_are_bounded_and_peers_still_come_in()
    {
        var patient = PeerNode.Fast with { JoinTimeout = TimeSpan.FromSeconds(30) };
        var at = NodeAddress.Free(3);
        await using var asked = new PeerNode(at[0], at, patient).Start();
        var replies = new List<Action<ReadOnlyMemory<byte>>>();
        asked.OnAsk = (_, reply) =>
        {
            lock (replies)
                replies.Add(reply);
        };
        await using var asker = new PeerNode(at[2], [at[2]], patient).Start();
        for (var n = 0; n < 30; n++)
            asker.AskToJoin(at[0].Address, (byte)n);
        await Eventually.Holds(() => asker.Answers.Count == 30 - JoinDesk.AsksMax);
        Assert.All(asker.Answers, answer => Assert.Contains(
            "is asked by more than 16 nodes at once: ask again", answer.Failure!, StringComparison.Ordinal));
        await using var peer = new PeerNode(at[1], at).Start();
        await Eventually.Holds(() => peer.IsUp(asked));
        lock (replies)
            replies.ForEach(static reply => reply(new byte[] { 7 }));
        await Eventually.Holds(() => asker.Answers.Count == 30);
        Assert.Equal(JoinDesk.AsksMax, asker.Answers.Count(answer => answer.Failure is null));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_node_may_ask_at_the_port_of_clients_and_do_nothing_else(bool isPolled)
    {
        await using var polled = isPolled ? new PolledPair().Started() : null;
        await using var asked =
            new PeerNode(_at[0], _at, PeerNode.Fast with { Poller = polled?.Poller }).Start();
        asked.OnAsk = static (_, reply) => reply(new byte[] { 7 });
        await using var clients = new ClientListener(new()
        {
            EndPoint = new(IPAddress.Loopback, 0),
            NodeName = "node-1",
            ClusterId = static () => Guid.Empty,
            Poller = polled?.Poller,
            Nodes = asked.TakeAsker,
        });
        clients.Start(new DoubleNode());
        await using (var asker = Node(1))
        {
            asker.AskToJoin($"{clients.EndPoint}", 1, 2);
            await Eventually.Holds(() => !asker.Answers.IsEmpty);
            Assert.Equal([7], asker.Answers.Single().Bytes.ToArray());
            Assert.Equal([1, 2], asked.Asks.Single().ToArray());
        }

        await using var peer = new PeerNode(
            _at[1], [_at[0] with { Address = $"{clients.EndPoint}" }, _at[1]]).Start();
        // Each attempt has half a second, which is little while other tests have the processors.
        await Eventually.Holds(
            () => peer.LogLines.Any(line => line.StartsWith("103 ", StringComparison.Ordinal)
                && line.Contains($"serves clients: correct the address in --peers to {_at[0].Address}",
                    StringComparison.Ordinal)),
            seconds: 60);
    }

    [Fact]
    public async Task Whoever_stops_ends_what_is_under_way()
    {
        var patient = PeerNode.Fast with { JoinTimeout = TimeSpan.FromMinutes(5) };
        await using var asked = new PeerNode(_at[0], _at, patient).Start();
        await using var asker = new PeerNode(_at[1], _at, patient).Start();
        asker.AskToJoin(_at[0].Address, 1);
        await Eventually.Holds(() => asked.Asks.Count == 1);
        await asked.DisposeAsync();
        await Fails(asker, "");
        using var mute = TcpTransport.Listen(new(IPAddress.Loopback, 0));
        asker.Answers.Clear();
        asker.AskToJoin($"{mute.LocalEndPoint}", 1);
        await asker.DisposeAsync();
        Assert.Contains("this node stops", asker.Answers.Single().Failure, StringComparison.Ordinal);
        asker.AskToJoin(_at[0].Address, 1);
        Assert.Single(asker.Answers);
    }

    private PeerNode Node(int n) => new PeerNode(_at[n], [_at[n]]).Start();

    private static async Task Fails(PeerNode asker, params string[] expected)
    {
        await Eventually.Holds(() => !asker.Answers.IsEmpty);
        var (address, bytes, failure) = asker.Answers.Single();
        Assert.NotNull(failure);
        Assert.True(bytes.IsEmpty);
        Assert.StartsWith(address, failure, StringComparison.Ordinal);
        Assert.All(expected, words => Assert.Contains(words, failure, StringComparison.Ordinal));
    }

    private static Socket Dial(NodeAddress to)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPEndPoint.Parse(to.Address));
        return socket;
    }

    private static async Task<string> ReadToEnd(Socket socket)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var bytes = new byte[64 << 10];
        int length = 0, count;
        try
        {
            while ((count = await socket.ReceiveAsync(bytes.AsMemory(length), deadline.Token)) > 0)
                length += count;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
        }

        return Encoding.UTF8.GetString(bytes, 0, length);
    }
}
