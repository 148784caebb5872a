using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Kvorum.Tests.Server.Grpc;

/// <summary>
/// One HTTP/2 connection frame by frame (RFC 9113), for what well-behaved clients never send. What comes back
/// is read in the background and remembered; nothing is answered by itself.
/// </summary>
internal sealed class RawHttp2 : IAsyncDisposable
{
    public const byte Data = 0;
    public const byte Header = 1;
    public const byte Priority = 2;
    public const byte Reset = 3;
    public const byte Settings = 4;
    public const byte Ping = 6;
    public const byte GoAway = 7;
    public const byte WindowUpdate = 8;
    public const byte Continuation = 9;

    /// <summary>Flag of DATA and HEADERS; of SETTINGS and PING it means ACK.</summary>
    public const byte EndStream = 1;

    public const byte EndHeaders = 4;

    public static readonly byte[] Preface = Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly CancellationTokenSource _closing = new();
    private Task _reading = Task.CompletedTask;
    private long _pingAcks;
    private volatile bool _isClosed;
    private volatile int _goAway = -1;

    private RawHttp2()
    {
    }

    /// <summary>The server has closed the connection.</summary>
    public bool IsClosed => _isClosed;

    /// <summary>The error code of the server's GOAWAY; -1 before there was one.</summary>
    public int GoAwayCode => _goAway;

    /// <summary>PINGs that were answered.</summary>
    public long PingAcks => Volatile.Read(ref _pingAcks);

    /// <summary>Streams that were answered to their end.</summary>
    public ConcurrentDictionary<int, bool> Ended { get; } = new();

    /// <summary>Streams that the server reset, and with which error code.</summary>
    public ConcurrentDictionary<int, int> Resets { get; } = new();

    /// <summary>True once the server has put an end to the connection, or to this stream.</summary>
    public bool HasRefused(int stream = 1) => IsClosed || GoAwayCode >= 0 || Resets.ContainsKey(stream);

    /// <summary>
    /// Connects and says nothing; <paramref name="isReading"/> false to read nothing either.
    /// </summary>
    public static async Task<RawHttp2> ConnectAsync(EndPoint endpoint, bool isReading = true)
    {
        var peer = new RawHttp2();
        await peer._socket.ConnectAsync(endpoint, TestContext.Current.CancellationToken);
        if (isReading)
            peer._reading = Task.Run(peer.ReadAsync);
        return peer;
    }

    /// <summary>Connects and opens the conversation.</summary>
    public static async Task<RawHttp2> OpenAsync(
        EndPoint endpoint, bool isReading = true, params (ushort Id, uint Value)[] settings)
    {
        var peer = await ConnectAsync(endpoint, isReading);
        var payload = new byte[settings.Length * 6];
        for (var i = 0; i < settings.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(i * 6), settings[i].Id);
            BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan((i * 6) + 2), settings[i].Value);
        }

        await peer.SendAsync([.. Preface, .. Frame(Settings, 0, 0, payload)]);
        return peer;
    }

    /// <summary>length:u24 type:u8 flags:u8 stream:u32 payload.</summary>
    public static byte[] Frame(byte type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame.AsSpan(9));
        return frame;
    }

    /// <summary>The fields of a gRPC request; HPACK literals that no table keeps (RFC 7541, 6.2.2).</summary>
    public static byte[] RequestFields(string path, params (string Name, string Value)[] more) => Fields(
    [
        (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "kvorum"),
        ("content-type", "application/grpc"), ("te", "trailers"), .. more,
    ]);

    public static byte[] Fields(params (string Name, string Value)[] fields)
    {
        var block = new MemoryStream();
        foreach (var (name, value) in fields)
        {
            block.WriteByte(0);
            WriteText(block, name);
            WriteText(block, value);
        }

        return block.ToArray();
    }

    /// <summary>A whole unary call with one message.</summary>
    public static byte[] Call(int stream, string path, byte[] message) =>
    [
        .. Frame(Header, EndHeaders, stream, RequestFields(path)),
        .. Frame(Data, EndStream, stream, Message(message)),
    ];

    /// <summary>A message with its gRPC prefix.</summary>
    public static byte[] Message(byte[] message)
    {
        byte[] prefixed = [0, 0, 0, 0, 0, .. message];
        BinaryPrimitives.WriteInt32BigEndian(prefixed.AsSpan(1), message.Length);
        return prefixed;
    }

    public Task<bool> SendAsync(byte[] bytes) => SendAsync(bytes.AsMemory());

    /// <summary>Sends; false if the server has closed the connection or does not read for so long.</summary>
    public async Task<bool> SendAsync(ReadOnlyMemory<byte> bytes, int patienceMs = 5000)
    {
        using var patience = new CancellationTokenSource(patienceMs);
        try
        {
            while (!bytes.IsEmpty)
                bytes = bytes[await _socket.SendAsync(bytes, SocketFlags.None, patience.Token)..];
            return true;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        _socket.Dispose();
        await _reading;
        _closing.Dispose();
    }

    private static void WriteText(MemoryStream block, string text)
    {
        // A length with a prefix of seven bits (RFC 7541, 5.1), no Huffman.
        var length = text.Length;
        if (length < 127)
        {
            block.WriteByte((byte)length);
        }
        else
        {
            block.WriteByte(127);
            for (length -= 127; length >= 128; length >>= 7)
                block.WriteByte((byte)(length | 128));
            block.WriteByte((byte)length);
        }

        block.Write(Encoding.ASCII.GetBytes(text));
    }

    private async Task ReadAsync()
    {
        try
        {
            await using var stream = new NetworkStream(_socket);
            var head = new byte[9];
            while (true)
            {
                await stream.ReadExactlyAsync(head, _closing.Token);
                var payload = new byte[BinaryPrimitives.ReadInt32BigEndian(head) >>> 8];
                await stream.ReadExactlyAsync(payload, _closing.Token);
                Take(head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)), payload);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            _isClosed = true;
        }
    }

    private void Take(byte type, byte flags, int stream, byte[] payload)
    {
        if (type == Ping && flags == EndStream)
            Interlocked.Increment(ref _pingAcks);
        else if (type == GoAway)
            _goAway = BinaryPrimitives.ReadInt32BigEndian(payload.AsSpan(4));
        else if (type == Reset)
            Resets[stream] = BinaryPrimitives.ReadInt32BigEndian(payload);
        else if (type is Header or Data && (flags & EndStream) != 0)
            Ended[stream] = true;
    }
}
