using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Kvorum.Protocol;

/// <summary>
/// What native clients and servers say on a connection. Frames are those of <see cref="FrameCodec"/>, their
/// kinds <see cref="NativeFrameKind"/>; integers are little-endian.
/// <code>
/// client      := magic frame(Hello) frame*               magic := "KVRM"
/// server      := frame(HelloReply) frame*
/// rest        := correlation:u64 body                    the rest of every frame
///
/// Hello       := version:u16 clientName:text8
/// HelloReply  := version:u16 clusterId:16 bytes nodeName:text8
/// Request     := timeoutMs:u32 request             Reply      := reply         (both of RequestCodec)
/// MapRequest  :=                                   MapReply   := map           (of ClusterMapCodec)
/// StatusRequest :=                                 StatusReply := JSON in UTF-8
/// AdminRequest := timeoutMs:u32 JSON in UTF-8      AdminReply := JSON in UTF-8
/// Cancel      :=                                   Goodbye    :=         Error := UTF-8
/// Credential  := token in ASCII
/// </code>
/// A client need not wait for HelloReply: it may pipeline at once. Frames of kinds
/// that are unknown are an error; a new version is negotiated by Hello and HelloReply, the lower one is
/// spoken. A MapRequest or StatusRequest that is refused is answered with a Reply, which says why.
/// </summary>
public static class NativeCodec
{
    /// <summary>The version spoken here.</summary>
    public const ushort Version = 1;

    /// <summary>Bound of the names in Hello and HelloReply in UTF-8 bytes.</summary>
    public const int NameBytesMax = 128;

    /// <summary>Bound of a token in bytes.</summary>
    public const int TokenBytesMax = 8192;

    /// <summary>Bytes before the body.</summary>
    public const int PrefixBytes = FrameCodec.PrefixBytes + 8;

    /// <summary>
    /// The first bytes of a connection. No other protocol at the same door begins with a K.
    /// </summary>
    public static ReadOnlySpan<byte> Magic => "KVRM"u8;

    /// <summary>Appends a frame whose body is <paramref name="body"/>.</summary>
    public static void Write(
        IBufferWriter<byte> into, NativeFrameKind kind, ulong correlation, ReadOnlySpan<byte> body = default)
    {
        var frame = into.GetSpan(PrefixBytes + body.Length)[..(PrefixBytes + body.Length)];
        body.CopyTo(frame[PrefixBytes..]);
        Seal(into, frame, kind, correlation);
    }

    /// <summary>Appends a Hello. A name that is too long is cut.</summary>
    public static void WriteHello(IBufferWriter<byte> into, string clientName)
    {
        Span<byte> body = stackalloc byte[2 + 1 + NameBytesMax];
        var writer = new SpanWriter(body);
        writer.U16(Version);
        writer.Text8(Utf8Text.Message(clientName, NameBytesMax));
        Write(into, NativeFrameKind.Hello, 0, body[..writer.Position]);
    }

    /// <summary>Appends a HelloReply. A name that is too long is cut.</summary>
    public static void WriteHelloReply(IBufferWriter<byte> into, Guid clusterId, string nodeName)
    {
        Span<byte> body = stackalloc byte[2 + 16 + 1 + NameBytesMax];
        var writer = new SpanWriter(body);
        writer.U16(Version);
        writer.Guid(clusterId);
        writer.Text8(Utf8Text.Message(nodeName, NameBytesMax));
        Write(into, NativeFrameKind.HelloReply, 0, body[..writer.Position]);
    }

    /// <summary>
    /// Appends a Credential. <see cref="ArgumentException"/> if the token cannot be one; nothing was appended
    /// then.
    /// </summary>
    public static void WriteCredential(IBufferWriter<byte> into, string token)
    {
        if (WhyNoToken(token) is { } why)
            throw new ArgumentException(why);
        Write(into, NativeFrameKind.Credential, 0, Encoding.ASCII.GetBytes(token));
    }

    /// <summary>Why a text cannot be a token; null if it can.</summary>
    public static string? WhyNoToken(string token) => token.Length is > 0 and <= TokenBytesMax
        && token.AsSpan().IndexOfAnyExceptInRange('!', '~') < 0 ? null
        : $"a token has 1 to {TokenBytesMax} letters, digits and signs of ASCII without blanks; this text of "
            + $"{token.Length} characters cannot be one";

    /// <summary>Reads the body of a Credential. <see cref="FormatException"/> if it is not one.</summary>
    public static string ReadCredential(ReadOnlyMemory<byte> body) =>
        Encoding.Latin1.GetString(body.Span) is var token && WhyNoToken(token) is { } why
            ? throw new FormatException(why) : token;

    /// <summary>
    /// Appends a Request. <see cref="ArgumentException"/> if a name in it is over its bound or the whole is
    /// too large for a frame; then nothing was appended.
    /// </summary>
    public static void WriteRequest(
        IBufferWriter<byte> into, ulong correlation, uint timeoutMs, Request request)
    {
        var size = PrefixBytes + 4 + (long)RequestCodec.SizeOf(request);
        if (size > Limits.FrameBytesMax)
            throw new ArgumentException(
                $"The request takes {size} bytes; at most {Limits.FrameBytesMax} are allowed.");
        var frame = into.GetSpan((int)size)[..(int)size];
        BinaryPrimitives.WriteUInt32LittleEndian(frame[PrefixBytes..], timeoutMs);
        RequestCodec.Write(request, frame[(PrefixBytes + 4)..]);
        Seal(into, frame, NativeFrameKind.Request, correlation);
    }

    /// <summary>
    /// Appends an AdminRequest. <see cref="ArgumentException"/> if it is too large for a frame; then nothing
    /// was appended.
    /// </summary>
    public static void WriteAdminRequest(
        IBufferWriter<byte> into, ulong correlation, uint timeoutMs, ReadOnlySpan<byte> json)
    {
        var size = PrefixBytes + 4 + (long)json.Length;
        if (size > Limits.FrameBytesMax)
            throw new ArgumentException(
                $"The request takes {size} bytes; at most {Limits.FrameBytesMax} are allowed.");
        var frame = into.GetSpan((int)size)[..(int)size];
        BinaryPrimitives.WriteUInt32LittleEndian(frame[PrefixBytes..], timeoutMs);
        json.CopyTo(frame[(PrefixBytes + 4)..]);
        Seal(into, frame, NativeFrameKind.AdminRequest, correlation);
    }

    /// <summary>
    /// Appends a Reply. <see cref="ArgumentException"/> if it is too large for a frame; then nothing was
    /// appended.
    /// </summary>
    public static void WriteReply(IBufferWriter<byte> into, ulong correlation, Reply reply)
    {
        var size = PrefixBytes + (long)RequestCodec.SizeOf(reply);
        if (size > Limits.FrameBytesMax)
            throw TooLarge(size);
        var frame = into.GetSpan((int)size)[..(int)size];
        RequestCodec.Write(reply, frame[PrefixBytes..]);
        Seal(into, frame, NativeFrameKind.Reply, correlation);
    }

    /// <summary>
    /// A Reply in two pieces, so that a large value need not be copied: what is before the value, and the
    /// value itself. <see cref="ArgumentException"/> if it is too large for a frame.
    /// </summary>
    public static (byte[] Head, ReadOnlyMemory<byte> Value) ReplyInPieces(ulong correlation, Reply reply)
    {
        var size = PrefixBytes + (long)RequestCodec.SizeOf(reply);
        if (size > Limits.FrameBytesMax)
            throw TooLarge(size);
        var value = reply.Value;
        var head = new byte[size - value.Length];
        RequestCodec.Write(reply with { Value = default }, head.AsSpan(PrefixBytes));
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(head.Length - 4), value.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(head.AsSpan(FrameCodec.PrefixBytes), correlation);
        FrameCodec.Seal(head, (byte)NativeFrameKind.Reply, value.Span);
        return (head, value);
    }

    /// <summary>
    /// Looks for a whole frame at the start of <paramref name="bytes"/>; false while more are needed. Then
    /// <paramref name="size"/> is how many bytes the frame takes if that is known yet, else 0.
    /// <see cref="FormatException"/> if this is no frame.
    /// </summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out int size, out NativeFrame frame)
    {
        frame = default;
        if (!FrameCodec.TryRead(bytes.Span, Limits.FrameBytesMax, out size, out var kind))
            return false;
        if (size < PrefixBytes)
            throw new FormatException($"A frame of {size} bytes has no room for its correlation.");
        var correlation = BinaryPrimitives.ReadUInt64LittleEndian(bytes.Span[FrameCodec.PrefixBytes..]);
        frame = new((NativeFrameKind)kind, correlation, bytes[PrefixBytes..size]);
        return true;
    }

    /// <summary>Reads the body of a Hello. <see cref="FormatException"/> if it is not one.</summary>
    public static (ushort Version, string ClientName) ReadHello(ReadOnlyMemory<byte> body)
    {
        var reader = new ByteReader(body);
        var version = reader.U16("version");
        if (version == 0)
            throw new FormatException("Version 0 of the protocol does not exist.");
        var name = reader.Text8("client's name", NameBytesMax);
        reader.End("hello");
        return (version, name);
    }

    /// <summary>Reads the body of a HelloReply. <see cref="FormatException"/> if it is not one.</summary>
    public static (ushort Version, Guid ClusterId, string NodeName) ReadHelloReply(ReadOnlyMemory<byte> body)
    {
        var reader = new ByteReader(body);
        var version = reader.U16("version");
        var cluster = reader.Guid("cluster id");
        var name = reader.Text8("node's name", NameBytesMax);
        reader.End("hello's reply");
        return (version, cluster, name);
    }

    /// <summary>
    /// Splits the body of a Request, or of an AdminRequest, into the caller's patience and the rest: for a
    /// Request what <see cref="RequestCodec.DecodeRequest(ReadOnlyMemory{byte})"/> reads.
    /// <see cref="FormatException"/> if it is
    /// too short.
    /// </summary>
    public static (uint TimeoutMs, ReadOnlyMemory<byte> Request) ReadRequest(ReadOnlyMemory<byte> body) =>
        body.Length >= 4
        ? (BinaryPrimitives.ReadUInt32LittleEndian(body.Span), body[4..])
        : throw new FormatException("A request has no timeout.");

    private static ArgumentException TooLarge(long size) =>
        new($"The reply takes {size} bytes; at most {Limits.FrameBytesMax} are allowed.");

    private static void Seal(
        IBufferWriter<byte> into, Span<byte> frame, NativeFrameKind kind, ulong correlation)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(frame[FrameCodec.PrefixBytes..], correlation);
        FrameCodec.Seal(frame, (byte)kind);
        into.Advance(frame.Length);
    }
}
