using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Kvorum.Client;
using Kvorum.Protocol;

namespace Kvorum.Tests.Client;

public sealed class NodeConnectionTests
{
    private const int Calls = 5;

    private static CancellationToken Deadline => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Questions_that_answers_lead_to_leave_together_for_each_node()
    {
        using var first = new RawNode();
        using var second = new RawNode();
        using var asking = await first.Connected();
        using var asked = await second.Connected();
        // A loop of callers: each asks one node, and when it has answered the other one.
        var callers = Enumerable.Range(0, Calls).Select(number => AskBoth(asking, asked, number)).ToArray();
        var questions = new List<NativeFrame>();
        while (questions.Count < Calls)
            questions.AddRange(await first.Receive());
        first.Send(writer =>
        {
            foreach (var question in questions)
                NativeCodec.WriteReply(writer, question.Correlation, new Reply { Status = ReplyStatus.Ok });
        });
        var together = await second.Receive();
        Assert.Equal(Calls, together.Count);
        second.Send(writer =>
        {
            foreach (var question in together)
                NativeCodec.WriteReply(writer, question.Correlation, new Reply { Status = ReplyStatus.Ok });
        });
        await Task.WhenAll(callers).WaitAsync(Deadline);
    }

    [Fact]
    public async Task Who_speaks_something_else_is_told_from_a_node()
    {
        using var web = new RawNode();
        var met = await Assert.ThrowsAsync<IOException>(
            () => web.Connected(static writer => writer.Write("HTTP/1.1 400 Bad Request\r\n\r\n"u8)));
        Assert.Contains("no node's --addr", met.Message, StringComparison.Ordinal);
    }

    private static async Task AskBoth(NodeConnection first, NodeConnection second, int number)
    {
        await Ask(first, number);
        await Ask(second, number);
    }

    private static async Task Ask(NodeConnection node, int number)
    {
        var request = new GetRequest { Key = Encoding.UTF8.GetBytes($"key {number}") };
        var now = Environment.TickCount64;
        var answer = await node.AskAsync(request, now, now + 60_000, Deadline).ConfigureAwait(false);
        Assert.Equal(AnswerKind.Reply, answer.Kind);
    }

    /// <summary>A node that is the test itself.</summary>
    private sealed class RawNode : IDisposable
    {
        private readonly Socket _listener = new(SocketType.Stream, ProtocolType.Tcp);
        private Socket? _client;

        public RawNode()
        {
            _listener.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
            _listener.Listen();
        }

        public Task<NodeConnection> Connected() =>
            Connected(static writer => NativeCodec.WriteHelloReply(writer, Guid.NewGuid(), "raw"));

        public async Task<NodeConnection> Connected(Action<ArrayBufferWriter<byte>> welcome)
        {
            var port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
            var dialling = NodeConnection.DialAsync(
                $"[::1]:{port}", new("::1", port),
                new() { Addresses = [$"[::1]:{port}"], Name = "test", InlineContinuations = true },
                static _ => { }, Deadline);
            _client = await _listener.AcceptAsync(Deadline);
            // Never blocking: this may be the very thread that serves the client's socket.
            await _client.ReceiveAsync(new byte[4096], Deadline);
            Send(welcome);
            return await dialling;
        }

        public void Send(Action<ArrayBufferWriter<byte>> write)
        {
            var writer = new ArrayBufferWriter<byte>();
            write(writer);
            _client!.Send(writer.WrittenSpan);
        }

        /// <summary>The frames that one receive brings.</summary>
        public async Task<List<NativeFrame>> Receive()
        {
            var bytes = new byte[65536];
            ReadOnlyMemory<byte> received = bytes.AsMemory(0, await _client!.ReceiveAsync(bytes, Deadline));
            var frames = new List<NativeFrame>();
            while (NativeCodec.TryRead(received, out var size, out var frame))
            {
                frames.Add(frame);
                received = received[size..];
            }

            Assert.True(received.IsEmpty);
            return frames;
        }

        public void Dispose()
        {
            _client?.Dispose();
            _listener.Dispose();
        }
    }
}
