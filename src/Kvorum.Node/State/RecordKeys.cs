using System.Buffers.Binary;

namespace Kvorum.Node.State;

/// <summary>
/// How a partition's tree is laid out. All integers of keys are big endian, so that they sort.
/// <code>
/// 'd' key                              -> version:u64 expires:u64 value        a user's key
/// 's' length:u8 client requestId:u64   -> index:u64 time:u64 status:u8 found:u8 version:u64 value
///                                                                              the answer to a client's request
/// 'x' expires:u64 key                  ->                                      a user's key that ends then
/// 'f' client                           -> index:u64 requestId:u64              newest forgotten request of a client
/// </code>
/// </summary>
internal static class RecordKeys
{
    public const byte Data = (byte)'d';
    public const byte Session = (byte)'s';
    public const byte Expiry = (byte)'x';
    public const byte Floor = (byte)'f';

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

    public static ReadOnlySpan<byte> ForSession(ReadOnlySpan<byte> client, ulong requestId, Span<byte> room)
    {
        room[0] = Session;
        room[1] = (byte)client.Length;
        client.CopyTo(room[2..]);
        BinaryPrimitives.WriteUInt64BigEndian(room[(2 + client.Length)..], requestId);
        return room[..(10 + client.Length)];
    }

    public static ReadOnlySpan<byte> ForFloor(ReadOnlySpan<byte> client, Span<byte> room)
    {
        room[0] = Floor;
        client.CopyTo(room[1..]);
        return room[..(1 + client.Length)];
    }
}
