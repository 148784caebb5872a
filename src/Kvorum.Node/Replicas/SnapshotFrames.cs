using Kvorum.Node.Wire;
using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>A piece of a checkpoint on its way to another replica.</summary>
/// <param name="Group">The group.</param>
/// <param name="Transfer">Number of the transfer, unique at the sender: pieces of an older one are
/// void.</param>
/// <param name="Term">The leader's term.</param>
/// <param name="Total">Size of the checkpoint in bytes.</param>
/// <param name="Offset">Where the piece belongs.</param>
/// <param name="Tag">The checkpoint's tag, with every piece.</param>
/// <param name="Bytes">The piece.</param>
internal readonly record struct SnapshotChunk(
    uint Group, ulong Transfer, Term Term, long Total, long Offset, ReadOnlyMemory<byte> Tag, ReadOnlyMemory<byte> Bytes);

/// <summary>
/// How far a transfer has come; <paramref name="Refused"/> ends it, <paramref name="Damaged"/> says that what
/// came is damaged: perhaps already where it came from.
/// </summary>
internal readonly record struct SnapshotAck(
    uint Group, ulong Transfer, long Received, bool Refused, bool Damaged = false);

/// <summary>A damaged replica needs a checkpoint that holds everything up to an index, or more.</summary>
internal readonly record struct RebuildAsk(uint Group, ulong Index);

/// <summary>
/// Bytes of all, little endian.
/// <code>
/// chunk = group:u32 transfer:u64 term:u64 total:u64 offset:u64 tagLength:u32 tag bytes
/// ack   = group:u32 transfer:u64 received:u64 refused:u8 (0 no, 1 yes, 2 for it is damaged)
/// ask   = group:u32 index:u64
/// </code>
/// </summary>
internal static class SnapshotCodec
{
    public static void Encode(in SnapshotChunk chunk, ByteWriter into)
    {
        into.U32(chunk.Group);
        into.U64(chunk.Transfer);
        into.U64(chunk.Term.Value);
        into.U64((ulong)chunk.Total);
        into.U64((ulong)chunk.Offset);
        into.Bytes(chunk.Tag.Span);
        into.Raw(chunk.Bytes.Span);
    }

    public static SnapshotChunk DecodeChunk(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        return new(from.U32(), from.U64(), new(from.U64()), checked((long)from.U64()), checked((long)from.U64()), from.Bytes(), from.Rest());
    }

    public static void Encode(in SnapshotAck ack, ByteWriter into)
    {
        into.U32(ack.Group);
        into.U64(ack.Transfer);
        into.U64((ulong)ack.Received);
        into.U8(ack.Damaged ? (byte)2 : ack.Refused ? (byte)1 : (byte)0);
    }

    public static void Encode(in RebuildAsk ask, ByteWriter into)
    {
        into.U32(ask.Group);
        into.U64(ask.Index);
    }

    public static RebuildAsk DecodeAsk(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        return new(from.U32(), from.U64());
    }

    public static SnapshotAck DecodeAck(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        var (group, transfer, received) = (from.U32(), from.U64(), checked((long)from.U64()));
        var refused = from.U8();
        return new(group, transfer, received, refused != 0, refused == 2);
    }
}
