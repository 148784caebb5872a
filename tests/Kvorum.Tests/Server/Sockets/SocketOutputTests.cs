using System.Buffers;
using System.Text;
using Kvorum.Server.Sockets;

namespace Kvorum.Tests.Server.Sockets;

public sealed class SocketOutputTests
{
    private readonly Lock _gate = new();
    private readonly List<Exception> _failures = [];
    private int _idles;

    [Fact]
    public void Nothing_gathered_sends_nothing()
    {
        var stream = new SlowStream();
        Output(stream).Flush();
        Assert.Empty(stream.Sent);
        Assert.Equal(0, _idles);
    }

    [Fact]
    public void What_was_gathered_leaves_together()
    {
        var stream = new SlowStream { IsReady = true };
        var output = Output(stream);
        Gather(output, "ab");
        Gather(output, "cd");
        Assert.Equal(4, output.Waiting);
        output.Flush();
        Assert.Equal(["abcd"], stream.Sent);
        Assert.Equal((0, 1), (output.Waiting, _idles));
    }

    [Fact]
    public void What_comes_while_the_socket_is_full_leaves_when_it_is_not()
    {
        var stream = new SlowStream();
        var output = Output(stream);
        Gather(output, "ab");
        output.Flush();
        Gather(output, "cd");
        output.Flush();
        Gather(output, "ef");
        output.Flush();
        Assert.Equal(["ab"], stream.Sent);
        Assert.Equal((6, 0), (output.Waiting, _idles));
        stream.Complete();
        Assert.Equal(["ab", "cdef"], stream.Sent);
        Assert.Equal((4, 0), (output.Waiting, _idles));
        stream.Complete();
        Assert.Equal((0, 1), (output.Waiting, _idles));
    }

    [Fact]
    public void A_loss_is_told_at_once_or_later()
    {
        var stream = new SlowStream();
        var output = Output(stream);
        Gather(output, "ab");
        output.Flush();
        stream.Fail(new IOException("gone"));
        Assert.Equal("gone", Assert.Single(_failures).Message);

        var broken = new SlowStream { Refusal = new ObjectDisposedException("it") };
        output = Output(broken);
        Gather(output, "ab");
        output.Flush();
        Assert.IsType<ObjectDisposedException>(_failures[1]);
        Assert.Equal(0, _idles);
    }

    private SocketOutput Output(Stream stream) =>
        new(stream, _gate, 1 << 20, _failures.Add, () => _idles++);

    private void Gather(SocketOutput output, string text)
    {
        lock (_gate)
            output.Gathered.Write(Encoding.ASCII.GetBytes(text));
    }

    // A socket that is full until the test says otherwise.
    private sealed class SlowStream : MemoryStream
    {
        private TaskCompletionSource _room = new();

        public List<string> Sent { get; } = [];

        public bool IsReady { get; init; }

        public Exception? Refusal { get; init; }

        public override ValueTask WriteAsync(
            ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Refusal is not null)
                throw Refusal;
            Sent.Add(Encoding.ASCII.GetString(buffer.Span));
            _room = new();
            return IsReady ? ValueTask.CompletedTask : new(_room.Task);
        }

        public void Complete() => _room.SetResult();

        public void Fail(Exception why) => _room.SetException(why);
    }
}
