using System.Buffers;
using System.Diagnostics;

namespace Kvorum.Protocol;

/// <summary>
/// Bytes of requests and replies, shared by native clients and by nodes that forward. Integers are
/// little-endian; nothing is optional except what a flag announces; every message is read to its last byte.
/// <code>
/// request  := put | get | delete | scan
/// put      := 0x01 head write ttlMs:u64 value:bytes32
/// get      := 0x02 head consistency:u8                    consistency: 0 linearizable, 1 lease, 2 stale
/// delete   := 0x03 head write
/// scan     := 0x04 head end:bytes32 limit:u32 pageBytes:u32 consistency:u8 token:bytes32
/// head     := flags:u8 keyspace:text8 key:bytes32 [more]  flags: 1 no redirect, 128 more; only in writes:
/// write    := clientId:text8 requestId:u64 [version:u64]         2 return previous, 4 version is given;
///                                                                only in scans: 8 reverse, 16 keys only
/// more     := more:u8 [quorum:u8] [after:u64] [time:u64 writer:u64] [timestamp:u64]
///                                                         more:  1 quorum is given, 2 receipt is wanted;
///                                                                only in writes: 4 after is given,
///                                                                8 the version that was tried is given,
///                                                                16 timestamp is given
///
/// reply    := status:u8 flags:u8 partition:u32 epoch:u64 version:u64
///             [message:text16] [leader:text8] [extra] value:bytes32
///                                                         flags: 1 found, 2 stale, 4 replayed,
///                                                                8 message is given, 16 leader is given,
///                                                                128 extra
/// extra    := extra:u8 [writer:u64] [receipt]             extra: 1 of a quorum keyspace, 2 writer is given,
///                                                                4 receipt is given: see ReceiptCodec
/// text8    := length:u8 UTF-8         text16 := length:u16 UTF-8         bytes32 := length:u32 bytes
/// </code>
/// Bounds: a keyspace <see cref="Limits.KeyspaceBytesMax"/>, a client id
/// <see cref="Limits.ClientIdBytesMax"/>, a message <see cref="MessageBytesMax"/> (a longer one is cut), a
/// leader's address <see cref="AddressBytesMax"/>. Keys and values are bounded by the frame around and by the
/// node: whether a key is empty or too long is the node's to judge.
/// </summary>
public static class RequestCodec
{
    /// <summary>
    /// Bound of a reply's message in UTF-8 bytes; what is longer is cut when it is written.
    /// </summary>
    public const int MessageBytesMax = 4096;

    /// <summary>Bound of an address in UTF-8 bytes.</summary>
    public const int AddressBytesMax = 255;

    private const byte NoRedirectFlag = 1;
    private const byte ReturnPreviousFlag = 2;
    private const byte IfVersionFlag = 4;
    private const byte ReverseFlag = 8;
    private const byte KeysOnlyFlag = 16;

    private const byte MoreFlag = 128;

    private const byte QuorumMore = 1;
    private const byte ReceiptMore = 2;
    private const byte AfterMore = 4;
    private const byte TriedMore = 8;
    private const byte TimestampMore = 16;

    private const byte FoundFlag = 1;
    private const byte StaleFlag = 2;
    private const byte ReplayedFlag = 4;
    private const byte MessageFlag = 8;
    private const byte LeaderFlag = 16;
    private const byte ExtraFlag = 128;

    private const byte QuorumExtra = 1;
    private const byte WriterExtra = 2;
    private const byte ReceiptExtra = 4;

    /// <summary>
    /// Appends a request. <see cref="ArgumentException"/> if a name in it is over its bound; then nothing was
    /// appended.
    /// </summary>
    public static void Encode(Request request, IBufferWriter<byte> into)
    {
        var size = SizeOf(request);
        Write(request, into.GetSpan(size));
        into.Advance(size);
    }

    /// <summary>
    /// Appends a reply. Never fails on a reply that a node makes: a message that is too long is cut.
    /// <see cref="ArgumentException"/> if the leader's address is over its bound.
    /// </summary>
    public static void Encode(Reply reply, IBufferWriter<byte> into)
    {
        var size = SizeOf(reply);
        Write(reply, into.GetSpan(size));
        into.Advance(size);
    }

    /// <summary>
    /// How many bytes a request takes. <see cref="ArgumentException"/> if a name in it is over its bound.
    /// </summary>
    public static int SizeOf(Request request)
    {
        var keyspace = TextSize(request.Keyspace, Limits.KeyspaceBytesMax, "keyspace");
        var head = 2 + keyspace + 4 + request.Key.Length + MoreSize(request);
        return request switch
        {
            PutRequest put => checked(head + WriteSize(put) + 8 + 4 + put.Value.Length),
            DeleteRequest delete => head + WriteSize(delete),
            ScanRequest scan => checked(head + 4 + scan.End.Length + 4 + 4 + 1 + 4 + scan.Token.Length),
            GetRequest => head + 1,
            _ => throw Unreachable(request),
        };
    }

    /// <summary>
    /// How many bytes a reply takes. <see cref="ArgumentException"/> if the leader's address is over its
    /// bound.
    /// </summary>
    public static int SizeOf(Reply reply)
    {
        var message = reply.Message.Length == 0 ? 0 : 2 + Utf8Text.CountOf(Cut(reply.Message));
        var leader = reply.Leader.Length == 0
            ? 0
            : TextSize(reply.Leader, AddressBytesMax, "leader's address");
        return checked(2 + 4 + 8 + 8 + message + leader + ExtraSize(reply) + 4 + reply.Value.Length);
    }

    /// <summary>
    /// Writes a request into the <see cref="SizeOf(Request)"/> first bytes of <paramref name="into"/>.
    /// </summary>
    public static void Write(Request request, Span<byte> into)
    {
        var writer = new SpanWriter(into);
        writer.U8((byte)request.Kind);
        switch (request)
        {
            case PutRequest put:
                WriteHead(ref writer, put, FlagsOf(put));
                WriteWrite(ref writer, put);
                writer.U64(put.TtlMs);
                writer.Bytes32(put.Value.Span);
                break;
            case DeleteRequest delete:
                WriteHead(ref writer, delete, FlagsOf(delete));
                WriteWrite(ref writer, delete);
                break;
            case GetRequest get:
                WriteHead(ref writer, get, 0);
                writer.U8((byte)get.Consistency);
                break;
            case ScanRequest scan:
                WriteHead(ref writer, scan, FlagsOf(scan));
                writer.Bytes32(scan.End.Span);
                writer.U32(scan.Limit);
                writer.U32(scan.PageBytes);
                writer.U8((byte)scan.Consistency);
                writer.Bytes32(scan.Token.Span);
                break;
            default:
                throw Unreachable(request);
        }
    }

    /// <summary>
    /// Writes a reply into the <see cref="SizeOf(Reply)"/> first bytes of <paramref name="into"/>.
    /// </summary>
    public static void Write(Reply reply, Span<byte> into)
    {
        var writer = new SpanWriter(into);
        writer.U8((byte)reply.Status);
        writer.U8((byte)((reply.Found ? FoundFlag : 0) | (reply.Stale ? StaleFlag : 0)
            | (reply.Replayed ? ReplayedFlag : 0) | (reply.Message.Length > 0 ? MessageFlag : 0)
            | (reply.Leader.Length > 0 ? LeaderFlag : 0) | (ExtraOf(reply) != 0 ? ExtraFlag : 0)));
        writer.U32(reply.Partition);
        writer.U64(reply.Epoch);
        writer.U64(reply.Version);
        if (reply.Message.Length > 0)
            writer.Text16(Cut(reply.Message));
        if (reply.Leader.Length > 0)
            writer.Text8(reply.Leader);
        WriteExtra(ref writer, reply);
        writer.Bytes32(reply.Value.Span);
    }

    /// <summary>
    /// Reads a request that fills <paramref name="bytes"/>; key and value refer to the same memory.
    /// <see cref="FormatException"/> if it is not one.
    /// </summary>
    public static Request DecodeRequest(ReadOnlyMemory<byte> bytes) => DecodeRequest(bytes, "");

    /// <summary>
    /// As <see cref="DecodeRequest(ReadOnlyMemory{byte})"/>; if the client id is
    /// <paramref name="likelyClientId"/>, that very string is used and no new one made.
    /// </summary>
    public static Request DecodeRequest(ReadOnlyMemory<byte> bytes, string likelyClientId)
    {
        var reader = new ByteReader(bytes);
        var kind = (RequestKind)reader.U8("kind of request");
        var flags = Flags(ref reader, NoRedirectFlag | MoreFlag | FlagsOf(kind));
        var noRedirect = (flags & NoRedirectFlag) != 0;
        var keyspace = reader.Text8("keyspace", Limits.KeyspaceBytesMax, KeyspaceName.Default);
        var key = reader.Bytes32("key");
        var more = (flags & MoreFlag) != 0 ? ReadMore(ref reader, kind) : default;
        Request request;
        switch (kind)
        {
            case RequestKind.Put:
                var put = ReadWrite(ref reader, flags, likelyClientId);
                request = new PutRequest
                {
                    Keyspace = keyspace,
                    Key = key,
                    NoRedirect = noRedirect,
                    Quorum = more.Quorum,
                    WantsReceipt = more.WantsReceipt,
                    ClientId = put.ClientId,
                    RequestId = put.RequestId,
                    IfVersion = put.IfVersion,
                    After = more.After,
                    Tried = more.Tried,
                    Timestamp = more.Timestamp,
                    ReturnPrevious = (flags & ReturnPreviousFlag) != 0,
                    TtlMs = reader.U64("TTL"),
                    Value = reader.Bytes32("value"),
                };
                break;
            case RequestKind.Delete:
                var delete = ReadWrite(ref reader, flags, likelyClientId);
                request = new DeleteRequest
                {
                    Keyspace = keyspace,
                    Key = key,
                    NoRedirect = noRedirect,
                    Quorum = more.Quorum,
                    WantsReceipt = more.WantsReceipt,
                    ClientId = delete.ClientId,
                    RequestId = delete.RequestId,
                    IfVersion = delete.IfVersion,
                    After = more.After,
                    Tried = more.Tried,
                    Timestamp = more.Timestamp,
                    ReturnPrevious = (flags & ReturnPreviousFlag) != 0,
                };
                break;
            case RequestKind.Get:
                request = new GetRequest
                {
                    Keyspace = keyspace,
                    Key = key,
                    NoRedirect = noRedirect,
                    Quorum = more.Quorum,
                    WantsReceipt = more.WantsReceipt,
                    Consistency = Consistency(ref reader),
                };
                break;
            case RequestKind.Scan:
                request = new ScanRequest
                {
                    Keyspace = keyspace,
                    Key = key,
                    NoRedirect = noRedirect,
                    Quorum = more.Quorum,
                    WantsReceipt = more.WantsReceipt,
                    Reverse = (flags & ReverseFlag) != 0,
                    KeysOnly = (flags & KeysOnlyFlag) != 0,
                    End = reader.Bytes32("end"),
                    Limit = reader.U32("limit"),
                    PageBytes = reader.U32("bound of the page"),
                    Consistency = Consistency(ref reader),
                    Token = reader.Bytes32("token"),
                };
                break;
            default:
                throw new UnreachableException($"The flags of kind {kind} are known, its fields are not.");
        }

        reader.End("request");
        return request;
    }

    /// <summary>
    /// Reads a reply that fills <paramref name="bytes"/>; the value refers to the same memory.
    /// <see cref="FormatException"/> if it is not one.
    /// </summary>
    public static Reply DecodeReply(ReadOnlyMemory<byte> bytes) => DecodeReply(bytes, "");

    /// <summary>
    /// As <see cref="DecodeReply(ReadOnlyMemory{byte})"/>; if the leader's address is
    /// <paramref name="likelyLeader"/>, that very string is used and no new one made.
    /// </summary>
    public static Reply DecodeReply(ReadOnlyMemory<byte> bytes, string likelyLeader)
    {
        var reader = new ByteReader(bytes);
        var status = reader.U8("status");
        if (status > (byte)ReplyStatus.PermissionDenied)
            throw new FormatException($"Status {status} is unknown.");
        var flags = Flags(
            ref reader, FoundFlag | StaleFlag | ReplayedFlag | MessageFlag | LeaderFlag | ExtraFlag);
        var reply = new Reply
        {
            Status = (ReplyStatus)status,
            Found = (flags & FoundFlag) != 0,
            Stale = (flags & StaleFlag) != 0,
            Replayed = (flags & ReplayedFlag) != 0,
            Partition = reader.U32("partition"),
            Epoch = reader.U64("epoch"),
            Version = reader.U64("version"),
            Message = (flags & MessageFlag) != 0 ? reader.Text16("message", MessageBytesMax) : "",
            Leader = (flags & LeaderFlag) != 0
                ? reader.Text8("leader's address", AddressBytesMax, likelyLeader)
                : "",
        };
        if ((flags & ExtraFlag) != 0)
            reply = ReadExtra(ref reader, reply);
        reply = reply with { Value = reader.Bytes32("value") };
        reader.End("reply");
        return reply;
    }

    private static byte FlagsOf(WriteRequest write) =>
        (byte)((write.ReturnPrevious ? ReturnPreviousFlag : 0)
            | (write.IfVersion is null ? 0 : IfVersionFlag));

    private static byte FlagsOf(ScanRequest scan) =>
        (byte)((scan.Reverse ? ReverseFlag : 0) | (scan.KeysOnly ? KeysOnlyFlag : 0));

    // Those that a kind knows beside "no redirect".
    private static int FlagsOf(RequestKind kind) => kind switch
    {
        RequestKind.Get => 0,
        RequestKind.Scan => ReverseFlag | KeysOnlyFlag,
        RequestKind.Put or RequestKind.Delete => ReturnPreviousFlag | IfVersionFlag,
        _ => throw new FormatException($"Kind {(byte)kind} is no request."),
    };

    private static void WriteHead(ref SpanWriter writer, Request request, byte flags)
    {
        var more = MoreOf(request);
        writer.U8((byte)(flags | (request.NoRedirect ? NoRedirectFlag : 0) | (more != 0 ? MoreFlag : 0)));
        writer.Text8(request.Keyspace);
        writer.Bytes32(request.Key.Span);
        if (more == 0)
            return;
        writer.U8(more);
        if (request.Quorum is { } quorum)
            writer.U8(quorum.Code);
        if (request is WriteRequest { After: > 0 and var after })
            writer.U64(after);
        if (request is WriteRequest { Tried: { } tried })
        {
            writer.U64(tried.Time);
            writer.U64(tried.Writer);
        }

        if (request is WriteRequest { Timestamp: > 0 and var timestamp })
            writer.U64(timestamp);
    }

    private static byte MoreOf(Request request)
    {
        var more = (request.Quorum is null ? 0 : QuorumMore) | (request.WantsReceipt ? ReceiptMore : 0);
        if (request is WriteRequest write)
        {
            more |= (write.After > 0 ? AfterMore : 0) | (write.Tried is null ? 0 : TriedMore)
                | (write.Timestamp > 0 ? TimestampMore : 0);
        }

        return (byte)more;
    }

    private static int MoreSize(Request request) => MoreOf(request) switch
    {
        0 => 0,
        var more => 1 + ((more & QuorumMore) != 0 ? 1 : 0) + ((more & AfterMore) != 0 ? 8 : 0)
            + ((more & TriedMore) != 0 ? 16 : 0) + ((more & TimestampMore) != 0 ? 8 : 0),
    };

    private readonly record struct More(
        QuorumLevel? Quorum, bool WantsReceipt, ulong After, WriteVersion? Tried, ulong Timestamp);

    private static More ReadMore(ref ByteReader reader, RequestKind kind)
    {
        var known = QuorumMore | ReceiptMore
            | (kind is RequestKind.Put or RequestKind.Delete ? AfterMore | TriedMore | TimestampMore : 0);
        var more = Flags(ref reader, known);
        return new(
            (more & QuorumMore) != 0 ? QuorumLevel.OfCode(reader.U8("quorum")) : null,
            (more & ReceiptMore) != 0,
            (more & AfterMore) != 0 ? reader.U64("version seen") : 0,
            (more & TriedMore) != 0 ? new(reader.U64("time tried"), reader.U64("writer tried")) : null,
            (more & TimestampMore) != 0 ? reader.U64("timestamp") : 0);
    }

    private static byte ExtraOf(Reply reply) => (byte)(
        (reply.Mode == ReplicationMode.Quorum ? QuorumExtra : 0) | (reply.Writer > 0 ? WriterExtra : 0)
            | (reply.Receipt is null ? 0 : ReceiptExtra));

    private static int ExtraSize(Reply reply) => ExtraOf(reply) == 0 ? 0
        : 1 + (reply.Writer > 0 ? 8 : 0) + (reply.Receipt is { } receipt ? ReceiptCodec.SizeOf(receipt) : 0);

    private static void WriteExtra(ref SpanWriter writer, Reply reply)
    {
        if (ExtraOf(reply) is not (not 0 and var extra))
            return;
        writer.U8(extra);
        if (reply.Writer > 0)
            writer.U64(reply.Writer);
        if (reply.Receipt is { } receipt)
            ReceiptCodec.Write(receipt, ref writer);
    }

    private static Reply ReadExtra(ref ByteReader reader, Reply reply)
    {
        var extra = Flags(ref reader, QuorumExtra | WriterExtra | ReceiptExtra);
        return reply with
        {
            Mode = (extra & QuorumExtra) != 0 ? ReplicationMode.Quorum : ReplicationMode.Strong,
            Writer = (extra & WriterExtra) != 0 ? reader.U64("writer") : 0,
            Receipt = (extra & ReceiptExtra) != 0 ? ReceiptCodec.Read(ref reader) : null,
        };
    }

    private static void WriteWrite(ref SpanWriter writer, WriteRequest write)
    {
        writer.Text8(write.ClientId);
        writer.U64(write.RequestId);
        if (write.IfVersion is { } version)
            writer.U64(version);
    }

    private static (string ClientId, ulong RequestId, ulong? IfVersion) ReadWrite(
        ref ByteReader reader, byte flags, string likelyClientId) => (
        reader.Text8("client id", Limits.ClientIdBytesMax, likelyClientId),
        reader.U64("request id"),
        (flags & IfVersionFlag) != 0 ? reader.U64("version condition") : null);

    private static int WriteSize(WriteRequest write) =>
        TextSize(write.ClientId, Limits.ClientIdBytesMax, "client id")
            + 8 + (write.IfVersion is null ? 0 : 8);

    private static int TextSize(string text, int bytesMax, string field)
    {
        var count = Utf8Text.CountOf(text);
        return count <= bytesMax
            ? 1 + count
            : throw new ArgumentException(
                $"The {field} has {count} bytes in UTF-8; at most {bytesMax} are allowed.");
    }

    private static UnreachableException Unreachable(Request request) =>
        new($"A {request.GetType().Name} has no bytes.");

    private static string Cut(string message) => Utf8Text.Message(message, MessageBytesMax);

    private static byte Flags(ref ByteReader reader, int known)
    {
        var flags = reader.U8("flags");
        return (flags & ~known) == 0 ? flags : throw new FormatException($"Flags 0x{flags:x2} are unknown.");
    }

    private static ReadConsistency Consistency(ref ByteReader reader)
    {
        var value = reader.U8("consistency");
        return value <= (byte)ReadConsistency.Stale
            ? (ReadConsistency)value
            : throw new FormatException($"Consistency {value} is unknown.");
    }
}
