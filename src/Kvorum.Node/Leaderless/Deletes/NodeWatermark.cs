using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Quorum;

namespace Kvorum.Node.Leaderless.Deletes;

/// <summary>
/// What a node says of all its coordinators and hints: nothing older than this will come from it.
/// <code>
/// watermark = low:u64 held:u8 (group:u32 oldest:u64){to the end}       little endian
/// </code>
/// </summary>
/// <param name="Low">No write older than this will be sent by it, and no older hint be taken.</param>
/// <param name="IsHeld">True if a write under way holds it there.</param>
/// <param name="OldestHints">Of partitions for which it keeps hints: no hint is older.</param>
internal sealed record NodeWatermark(
    HybridTimestamp Low, bool IsHeld, IReadOnlyDictionary<GroupId, HybridTimestamp> OldestHints)
{
    /// <summary>The least for one partition.</summary>
    public HybridTimestamp Of(GroupId group) =>
        OldestHints.TryGetValue(group, out var oldest) && oldest < Low ? oldest : Low;

    /// <summary>Writes it.</summary>
    public void Write(ByteWriter into)
    {
        into.U64(Low.Value);
        into.U8(IsHeld ? (byte)1 : (byte)0);
        foreach (var (group, oldest) in OldestHints.OrderBy(static pair => pair.Key))
        {
            into.Group(group);
            into.U64(oldest.Value);
        }
    }

    /// <summary>Reads one that fills the frame. A <see cref="FormatException"/> if it is none.</summary>
    public static NodeWatermark Read(ReadOnlyMemory<byte> payload)
    {
        var from = new ByteReader(payload);
        var (low, isHeld) = (new HybridTimestamp(from.U64()), from.U8() != 0);
        var oldest = new Dictionary<GroupId, HybridTimestamp>(); // looked up, and sorted when written
        while (!from.AtEnd)
            oldest[from.Group()] = new(from.U64());
        return new(low, isHeld, oldest);
    }
}
