using System.Buffers.Binary;

namespace Kvorum.Node.State;

/// <summary>
/// How a partition's tree is laid out. All integers of keys are big endian, so that they sort.
/// <code>
/// 'd' key                              -> version:u64 expires:u64 value        a user's key
/// 's' length:u8 client requestId:u64   -> index:u64 time:u64 status:u8 found:u8 version:u64 value
///                                                                              the answer to a client's request
/// 'f' client                           -> index:u64 requestId:u64              newest forgotten request of a client
/// </code>
/// </summary>
internal static class RecordKeys
{
    public const byte Data = (byte)'d';
    public const byte Session = (byte)'s';
    public const byte Floor = (byte)'f';

    /// <summary>Room for any key of this layout whose user part has <paramref name="bytes"/> bytes.</summary>
    public static int Size(int bytes) => bytes + 10;

    public static ReadOnlySpan<byte> ForData(ReadOnlySpan<byte> key, Span<byte> room)
    {
        room[0] = Data;
        key.CopyTo(room[1..]);
        return room[..(1 + key.Length)];
    }

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
