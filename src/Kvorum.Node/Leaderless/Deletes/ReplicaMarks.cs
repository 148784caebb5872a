using System.Buffers.Binary;
using Kvorum.Quorum;
using Kvorum.Quorum.Deletes;

namespace Kvorum.Node.Leaderless.Deletes;

/// <summary>
/// Below which times a replica takes no more writes, lacks none, and needs no tombstones. None of them ever
/// goes back, and each is durable before it is told. See <see cref="CompletenessRound"/>.
/// <code>
/// marks = gate:u64 complete:u64 horizon:u64       little endian
/// </code>
/// </summary>
/// <param name="Gate">It refuses writes and hints below this.</param>
/// <param name="CompleteBelow">It lacks nothing below this.</param>
/// <param name="Horizon">Its tombstones below this may be collected.</param>
internal readonly record struct ReplicaMarks(
    HybridTimestamp Gate, HybridTimestamp CompleteBelow, HybridTimestamp Horizon)
{
    /// <summary>Bytes of all three.</summary>
    public const int Size = 24;

    /// <summary>Writes the first <see cref="Size"/> bytes.</summary>
    public void Write(Span<byte> into)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(into, Gate.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(into[8..], CompleteBelow.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(into[16..], Horizon.Value);
    }

    /// <summary>Reads the first <see cref="Size"/> bytes.</summary>
    public static ReplicaMarks Read(ReadOnlySpan<byte> from) => new(
        new(BinaryPrimitives.ReadUInt64LittleEndian(from)),
        new(BinaryPrimitives.ReadUInt64LittleEndian(from[8..])),
        new(BinaryPrimitives.ReadUInt64LittleEndian(from[16..])));

    /// <summary>The later one of each.</summary>
    public static ReplicaMarks Latest(in ReplicaMarks left, in ReplicaMarks right) => new(
        Later(left.Gate, right.Gate), Later(left.CompleteBelow, right.CompleteBelow),
        Later(left.Horizon, right.Horizon));

    private static HybridTimestamp Later(HybridTimestamp left, HybridTimestamp right) =>
        left > right ? left : right;
}
