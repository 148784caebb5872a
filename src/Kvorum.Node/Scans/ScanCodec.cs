using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Scans;

/// <summary>
/// Bytes of the questions and answers about shares of a page between nodes. Integers are little-endian.
/// <code>
/// ask    := id:u64 timeoutMs:u32 flags:u8 consistency:u8 limit:u32 pageBytes:u32 from:bytes end:bytes
///           groupCount:u32 groups                                 flags: 1 reverse, 2 keys only
/// share  := id:u64 flags:u8 groups refusals through:bytes error:text count:u32 entry*
///                                                                 flags: 1 complete, 2 unavailable
/// groups := count:u32 group:u32*       refusals := count:u32 (group:u32 leader:u128)*    leader: 0 unknown
/// entry  := as in ScanPageCodec        bytes := length:u32 bytes  text := length:u32 UTF-8
/// </code>
/// </summary>
internal static class ScanCodec
{
    private const byte ReverseFlag = 1;
    private const byte KeysOnlyFlag = 2;
    private const byte CompleteFlag = 1;
    private const byte UnavailableFlag = 2;

    public static void Encode(PartialScanRequest ask, ByteWriter into)
    {
        into.U64(ask.Id);
        into.U32(ask.TimeoutMs);
        into.U8((byte)((ask.Order.Reverse ? ReverseFlag : 0) | (ask.Order.KeysOnly ? KeysOnlyFlag : 0)));
        into.U8((byte)ask.Order.Consistency);
        into.U32(ask.Order.Limit);
        into.U32(ask.Order.PageBytes);
        into.Bytes32(ask.Order.Range.From.Span);
        into.Bytes32(ask.Order.Range.End.Span);
        into.U32(ask.GroupCount);
        Encode(ask.Groups, into);
    }

    public static void Encode(PartialScanResult share, ByteWriter into)
    {
        into.U64(share.Id);
        into.U8((byte)((share.IsComplete ? CompleteFlag : 0) | (share.IsUnavailable ? UnavailableFlag : 0)));
        Encode(share.Groups, into);
        into.U32((uint)share.Refused.Length);
        foreach (var (group, leader) in share.Refused)
        {
            into.Group(group);
            into.U128(leader?.Value ?? 0);
        }

        into.Bytes32(share.Through.Span);
        into.Text32(share.Error);
        into.U32((uint)share.Count);
        into.Raw(share.Entries.Span);
    }

    public static PartialScanRequest DecodeAsk(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        var (id, timeoutMs, flags, consistency) = (reader.U64(), reader.U32(), reader.U8(), reader.U8());
        if ((flags & ~(ReverseFlag | KeysOnlyFlag)) != 0 || consistency > (byte)ReadConsistency.Stale)
            throw new FormatException($"flags {flags} or consistency {consistency} are unknown");
        var (limit, pageBytes) = (reader.U32(), reader.U32());
        var order = new ScanSpec(
            new(reader.Bytes32(), reader.Bytes32()), (flags & ReverseFlag) != 0,
                (flags & KeysOnlyFlag) != 0, limit,
            pageBytes, (ReadConsistency)consistency);
        var groupCount = reader.U32();
        var ask = new PartialScanRequest(id, timeoutMs, order, groupCount, DecodeGroups(ref reader));
        if (!reader.AtEnd || groupCount < ask.Groups.Length || limit == 0)
            throw new FormatException(
                $"{ask.Groups.Length} of {groupCount} groups, {limit} entries, more bytes");
        return ask;
    }

    /// <summary>
    /// Reads a share; its entries, which are all checked to be there, refer to the same memory.
    /// </summary>
    public static PartialScanResult DecodeShare(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        var (id, flags) = (reader.U64(), reader.U8());
        if ((flags & ~(CompleteFlag | UnavailableFlag)) != 0)
            throw new FormatException($"flags {flags} are unknown");
        var share = new PartialScanResult
        {
            Id = id,
            IsComplete = (flags & CompleteFlag) != 0,
            IsUnavailable = (flags & UnavailableFlag) != 0,
            Groups = DecodeGroups(ref reader),
            Refused = DecodeRefused(ref reader),
            Through = reader.Bytes32(),
            Error = reader.Text32(),
            Count = (int)Math.Min(reader.U32(), int.MaxValue),
            Entries = reader.Rest(),
        };
        var at = 0;
        for (var i = 0; i < share.Count; i++)
            ScanPageCodec.ReadEntry(share.Entries, ref at);
        if (at != share.Entries.Length
            || (!share.IsComplete && share.Groups.Length > 0 && share.Through.IsEmpty))
            throw new FormatException($"{share.Count} entries end at {at} of {share.Entries.Length}");
        return share;
    }

    private static void Encode(GroupId[] groups, ByteWriter into)
    {
        into.U32((uint)groups.Length);
        foreach (var group in groups)
            into.Group(group);
    }

    private static GroupId[] DecodeGroups(ref ByteReader reader)
    {
        var groups = new GroupId[reader.Count32("groups", bytesEach: 4)];
        for (var i = 0; i < groups.Length; i++)
            groups[i] = reader.Group();
        return groups;
    }

    private static (GroupId Group, NodeId? Leader)[] DecodeRefused(ref ByteReader reader)
    {
        var refused = new (GroupId Group, NodeId? Leader)[reader.Count32("groups", bytesEach: 4 + 16)];
        for (var i = 0; i < refused.Length; i++)
        {
            var (group, leader) = (reader.Group(), reader.U128());
            refused[i] = (group, leader == 0 ? null : new NodeId(leader));
        }

        return refused;
    }
}
