using System.Buffers;
using System.Net.Sockets;
using Kvorum.Protocol;

namespace Kvorum.Cli.Commands;

/// <summary>One request to one node over the native protocol: no map, no retry, no other node.</summary>
internal static class NodeCall
{
    /// <summary>
    /// The node's own answer. <see cref="SocketException"/>, <see cref="IOException"/> or
    /// <see cref="OperationCanceledException"/> if there is none in time.
    /// </summary>
    public static async Task<Reply> Ask(string address, Request request, TimeSpan timeout, CancellationToken cancel)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(timeout);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(Server.HostPort.Parse(address), deadline.Token).ConfigureAwait(false);
        await using var stream = new NetworkStream(socket);
        var question = new ArrayBufferWriter<byte>();
        question.Write(NativeCodec.Magic);
        NativeCodec.WriteHello(question, "kvorum-cli");
        NativeCodec.WriteRequest(question, 1, (uint)timeout.TotalMilliseconds, request);
        await stream.WriteAsync(question.WrittenMemory, deadline.Token).ConfigureAwait(false);
        return await ReadReply(stream, deadline.Token).ConfigureAwait(false);
    }

    private static async Task<Reply> ReadReply(NetworkStream stream, CancellationToken cancel)
    {
        var received = new byte[64 << 10];
        int start = 0, end = 0;
        while (true)
        {
            while (NativeCodec.TryRead(received.AsMemory(start, end - start), out int size, out var frame))
            {
                start += size;
                if (frame.Kind == NativeFrameKind.Reply)
                    return RequestCodec.DecodeReply(frame.Body);
                if (frame.Kind == NativeFrameKind.Error)
                    throw new IOException(System.Text.Encoding.UTF8.GetString(frame.Body.Span));
            }

            if (end == received.Length)
                Array.Resize(ref received, received.Length * 2);
            int count = await stream.ReadAsync(received.AsMemory(end), cancel).ConfigureAwait(false);
            if (count == 0)
                throw new IOException("the node has closed the connection.");
            end += count;
        }
    }
}
