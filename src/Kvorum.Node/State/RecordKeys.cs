using System.Buffers.Binary;

namespace Kvorum.Node.State;

/// <summary>
/// How a partition's tree is laid out. All integers of keys are big endian, so that they sort.
/// <code>
/// 'd' key              -> version:u64 expires:u64 value   a user's key
/// 'f' client           -> index:u64 requestId:u64         newest forgotten request of a client
/// 'm'                  -> marks                           of a quorum keyspace; see ReplicaMarks
/// 'o'                  -> first:u64 next:u64              places of the answers that are kept
/// 'r' page:u64         -> first:u64 record+               answers to requests, from a place on
/// 'v' place:u64        -> value                           of an answer that has one
/// 'x' expires:u64 key  ->                                 a user's key that ends then, or was deleted then
///
/// record = status:u8 flags:u8 requestId:u64 time:u64 version:u64 [length:u8 client]
/// flags    1: found, 2: has a value, 4: of the client of the record before, and so without length and client
/// </code>
/// Answers have places, counted from the first one ever, and a page has 256 of them. The range of those that
/// are kept, and the last page if it is not full, are as of the checkpoint.
/// </summary>
internal static class RecordKeys
{
    public const byte Data = (byte)'d';
    public const byte Floor = (byte)'f';
    public const byte Marks = (byte)'m';
    public const byte SessionRange = (byte)'o';
    public const byte SessionPage = (byte)'r';
    public const byte SessionValue = (byte)'v';
    public const byte Expiry = (byte)'x';

    /// <summary>Room for any key of this layout whose user part has <paramref name="bytes"/> bytes.</summary>
    public static int Size(int bytes) => bytes + 10;

    public static ReadOnlySpan<byte> ForData(ReadOnlySpan<byte> key, Span<byte> room)
    {
        room[0] = Data;
        key.CopyTo(room[1..]);
        return room[..(1 + key.Length)];
    }

    public static ReadOnlySpan<byte> ForExpiry(ulong expiresMs, ReadOnlySpan<byte> key, Span<byte> room)
    {
        room[0] = Expiry;
        BinaryPrimitives.WriteUInt64BigEndian(room[1..], expiresMs);
        key.CopyTo(room[9..]);
        return room[..(9 + key.Length)];
    }

    /// <summary>When the key of an <see cref="Expiry"/> record ends, and the key.</summary>
    public static (ulong ExpiresMs, ReadOnlyMemory<byte> Key) ReadExpiry(ReadOnlyMemory<byte> record) =>
        (BinaryPrimitives.ReadUInt64BigEndian(record.Span[1..]), record[9..]);

    public static ReadOnlySpan<byte> ForSessionPage(ulong page, Span<byte> room) =>
        Numbered(SessionPage, page, room);

    /// <summary>The number of the page whose key this is.</summary>
    public static ulong ReadSessionPage(ReadOnlyMemory<byte> key) =>
        BinaryPrimitives.ReadUInt64BigEndian(key.Span[1..]);

    public static ReadOnlySpan<byte> ForSessionValue(ulong place, Span<byte> room) =>
        Numbered(SessionValue, place, room);

    public static ReadOnlySpan<byte> ForFloor(ReadOnlySpan<byte> client, Span<byte> room)
    {
        room[0] = Floor;
        client.CopyTo(room[1..]);
        return room[..(1 + client.Length)];
    }

    private static ReadOnlySpan<byte> Numbered(byte kind, ulong number, Span<byte> room)
    {
        room[0] = kind;
        BinaryPrimitives.WriteUInt64BigEndian(room[1..], number);
        return room[..9];
    }
}
