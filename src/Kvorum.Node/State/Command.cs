using System.Buffers.Binary;
using System.Diagnostics;
using Kvorum.Protocol;

namespace Kvorum.Node.State;

/// <summary>What a partition's log entries say. Values are on disk: never renumber.</summary>
internal enum CommandKind : byte
{
    Put = 1,
    Delete = 2,

    /// <summary>Moves log time forward, so that keys expire on all replicas at the same entry.</summary>
    AdvanceTime = 3,
}

/// <summary>
/// One command of a partition's log, decoded. Key, value and client id refer to the entry's bytes.
/// </summary>
internal readonly record struct Command
{
    public required CommandKind Kind { get; init; }

    /// <summary>
    /// The proposing leader's clock, in Unix milliseconds; log time is the greatest so far.
    /// </summary>
    public required ulong TimeMs { get; init; }

    public ReadOnlyMemory<byte> ClientId { get; init; }

    public ulong RequestId { get; init; }

    public ulong? IfVersion { get; init; }

    public bool ReturnPrevious { get; init; }

    public ulong TtlMs { get; init; }

    public ReadOnlyMemory<byte> Key { get; init; }

    public ReadOnlyMemory<byte> Value { get; init; }
}

/// <summary>
/// Commands as bytes, little endian.
/// <code>
/// command  = kind:u8 time:u64 rest
/// rest     = kind 1 Put:    flags:u8 client [ifVersion:u64] [ttl:u64] keyLength:u32 key value
///          | kind 2 Delete: flags:u8 client [ifVersion:u64]           keyLength:u32 key
///          | kind 3 AdvanceTime
/// client   = length:u8 id [requestId:u64 if length > 0]
/// flags    = 1 ifVersion present, 2 return previous, 4 ttl present
/// </code>
/// </summary>
internal static class CommandCodec
{
    private const byte IfVersionFlag = 1;
    private const byte ReturnPreviousFlag = 2;
    private const byte TtlFlag = 4;

    public static byte[] Encode(WriteRequest request, ulong timeMs)
    {
        var (kind, ttlMs, value) = request switch
        {
            PutRequest put => (CommandKind.Put, put.TtlMs, put.Value),
            DeleteRequest => (CommandKind.Delete, 0ul, ReadOnlyMemory<byte>.Empty),
            _ => throw new UnreachableException($"There is no command for a {request.Kind}."),
        };
        var clientBytes = Utf8Text.CountOf(request.ClientId);
        var size = 10 + 1 + clientBytes + (clientBytes > 0 ? 8 : 0) + (request.IfVersion is null ? 0 : 8)
            + (ttlMs > 0 ? 8 : 0) + 4 + request.Key.Length + value.Length;
        var bytes = GC.AllocateUninitializedArray<byte>(size);
        var rest = bytes.AsSpan();
        rest[0] = (byte)kind;
        BinaryPrimitives.WriteUInt64LittleEndian(rest[1..], timeMs);
        rest[9] = (byte)((request.IfVersion is null ? 0 : IfVersionFlag) | (request.ReturnPrevious ? ReturnPreviousFlag : 0)
            | (ttlMs > 0 ? TtlFlag : 0));
        rest[10] = (byte)clientBytes;
        Utf8Text.Write(request.ClientId, rest[11..]);
        rest = rest[(11 + clientBytes)..];
        if (clientBytes > 0)
            rest = Write(rest, request.RequestId);
        if (request.IfVersion is { } ifVersion)
            rest = Write(rest, ifVersion);
        if (ttlMs > 0)
            rest = Write(rest, ttlMs);
        BinaryPrimitives.WriteUInt32LittleEndian(rest, (uint)request.Key.Length);
        request.Key.Span.CopyTo(rest[4..]);
        value.Span.CopyTo(rest[(4 + request.Key.Length)..]);
        return bytes;
    }

    public static byte[] EncodeAdvanceTime(ulong timeMs)
    {
        var bytes = new byte[9];
        bytes[0] = (byte)CommandKind.AdvanceTime;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(1), timeMs);
        return bytes;
    }

    /// <summary>
    /// Reads a command. A kind from the future is a <see cref="FormatException"/>: it stops the replica,
    /// never is it skipped.
    /// </summary>
    public static Command Decode(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        var kind = (CommandKind)from.U8();
        var time = from.U64();
        if (kind == CommandKind.AdvanceTime)
            return new() { Kind = kind, TimeMs = time };
        if (kind is not (CommandKind.Put or CommandKind.Delete))
            throw new FormatException($"unknown command kind {(byte)kind}: written by a newer version?");
        var flags = from.U8();
        var client = from.Raw(from.U8());
        var request = client.Length > 0 ? from.U64() : 0;
        ulong? ifVersion = (flags & IfVersionFlag) != 0 ? from.U64() : null;
        var ttl = (flags & TtlFlag) != 0 ? from.U64() : 0;
        var key = from.Bytes32();
        return new()
        {
            Kind = kind,
            TimeMs = time,
            ClientId = client,
            RequestId = request,
            IfVersion = ifVersion,
            ReturnPrevious = (flags & ReturnPreviousFlag) != 0,
            TtlMs = ttl,
            Key = key,
            Value = from.Rest(),
        };
    }

    private static Span<byte> Write(Span<byte> into, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(into, value);
        return into[8..];
    }
}
