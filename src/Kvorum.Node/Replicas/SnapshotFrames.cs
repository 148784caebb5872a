using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>A piece of a checkpoint on its way to another replica.</summary>
/// <param name="Group">The group.</param>
/// <param name="Transfer">Number of the transfer, unique at the sender: pieces of an older one are
/// void.</param>
/// <param name="Term">The leader's term.</param>
/// <param name="Identity">Of the bytes, among all that this sender ever sends.</param>
/// <param name="Total">Size of the checkpoint in bytes.</param>
/// <param name="Offset">Where the piece belongs.</param>
/// <param name="Tag">The checkpoint's tag, with every piece.</param>
/// <param name="Bytes">The piece; none is an offer, whose answer says where to begin.</param>
internal readonly record struct SnapshotChunk(
    GroupId Group, ulong Transfer, Term Term, ulong Identity, long Total, long Offset, ReadOnlyMemory<byte> Tag,
    ReadOnlyMemory<byte> Bytes);

/// <summary>What a follower says to a piece or an offer.</summary>
internal enum SnapshotAnswer : byte
{
    /// <summary>So much is stored: the next piece, please.</summary>
    Received,

    /// <summary>The transfer ends; it may be tried again.</summary>
    Refused,

    /// <summary>The same: what came is damaged, perhaps already where it came from.</summary>
    Damaged,

    /// <summary>Work is being done: an answer will come.</summary>
    Busy,
}

/// <summary>How far a transfer has come.</summary>
internal readonly record struct SnapshotAck(GroupId Group, ulong Transfer, long Received, SnapshotAnswer Answer);

/// <summary>A damaged replica needs a checkpoint that holds everything up to an index, or more.</summary>
internal readonly record struct RebuildAsk(GroupId Group, ulong Index);

/// <summary>
/// Bytes of all, little endian.
/// <code>
/// chunk = group:u32 transfer:u64 term:u64 identity:u64 total:u64 offset:u64 tagLength:u32 tag bytes
/// ack   = group:u32 transfer:u64 received:u64 answer:u8 (0 received, 1 refused, 2 damaged, 3 busy)
/// ask   = group:u32 index:u64
/// </code>
/// </summary>
internal static class SnapshotCodec
{
    public static void Encode(in SnapshotChunk chunk, ByteWriter into)
    {
        into.Group(chunk.Group);
        into.U64(chunk.Transfer);
        into.U64(chunk.Term.Value);
        into.U64(chunk.Identity);
        into.U64((ulong)chunk.Total);
        into.U64((ulong)chunk.Offset);
        into.Bytes32(chunk.Tag.Span);
        into.Raw(chunk.Bytes.Span);
    }

    public static SnapshotChunk DecodeChunk(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        return new(
            from.Group(), from.U64(), new(from.U64()), from.U64(), checked((long)from.U64()),
            checked((long)from.U64()), from.Bytes32(), from.Rest());
    }

    public static void Encode(in SnapshotAck ack, ByteWriter into)
    {
        into.Group(ack.Group);
        into.U64(ack.Transfer);
        into.U64((ulong)ack.Received);
        into.U8((byte)ack.Answer);
    }

    public static void Encode(in RebuildAsk ask, ByteWriter into)
    {
        into.Group(ask.Group);
        into.U64(ask.Index);
    }

    public static RebuildAsk DecodeAsk(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        return new(from.Group(), from.U64());
    }

    public static SnapshotAck DecodeAck(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        return new(
            from.Group(), from.U64(), checked((long)from.U64()), (SnapshotAnswer)from.U8());
    }
}
