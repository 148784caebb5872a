using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Kvorum.Protocol;

namespace Kvorum.Tests.Server.Native;

/// <summary>A native client that says exactly what a test wants.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly Socket _socket;
    private byte[] _received = [];

    public RawClient(IPEndPoint server)
    {
        _socket = new(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 10_000 };
        _socket.Connect(server);
    }

    public Socket Socket => _socket;

    public static RawClient Greeted(IPEndPoint server)
    {
        var client = new RawClient(server);
        client.Greet();
        return client;
    }

    public void Greet()
    {
        Send(NativeCodec.Magic.ToArray());
        Send(writer => NativeCodec.WriteHello(writer, "raw"));
        Assert.Equal(NativeFrameKind.HelloReply, Read().Kind);
    }

    public void Send(byte[] bytes) => _socket.Send(bytes);

    public void Send(Action<ArrayBufferWriter<byte>> write)
    {
        var writer = new ArrayBufferWriter<byte>();
        write(writer);
        _socket.Send(writer.WrittenSpan);
    }

    public void Get(ulong correlation, string key = "k", uint timeoutMs = 1000) => Send(writer =>
        NativeCodec.WriteRequest(
            writer, correlation, timeoutMs, new GetRequest { Key = Encoding.UTF8.GetBytes(key) }));

    /// <summary>The next frame. <see cref="EndOfStreamException"/> if the server closed.</summary>
    public NativeFrame Read()
    {
        NativeFrame frame;
        int size;
        while (!NativeCodec.TryRead(_received, out size, out frame))
        {
            var more = new byte[65536];
            var count = _socket.Receive(more);
            if (count == 0)
                throw new EndOfStreamException();
            _received = [.. _received, .. more[..count]];
        }

        _received = _received[size..];
        return frame;
    }

    public (ulong Correlation, Reply Reply) ReadReply()
    {
        var frame = Read();
        Assert.Equal(NativeFrameKind.Reply, frame.Kind);
        return (frame.Correlation, RequestCodec.DecodeReply(frame.Body));
    }

    /// <summary>What the server complains about before it closes.</summary>
    public string ReadError()
    {
        var frame = Read();
        while (frame.Kind != NativeFrameKind.Error)
            frame = Read();
        Assert.Throws<EndOfStreamException>(() => Read());
        return Encoding.UTF8.GetString(frame.Body.Span);
    }

    public void Dispose() => _socket.Dispose();
}
