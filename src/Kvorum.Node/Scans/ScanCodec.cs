using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.Scans;

/// <summary>
/// Bytes of the questions and answers about shares of a page between nodes. Integers are little-endian.
/// <code>
/// ask    := id:u64 timeoutMs:u32 flags:u8 consistency:u8 limit:u32 pageBytes:u32 from:bytes end:bytes
///           groupCount:u32 groups [time:u64 epoch:u64*]
///                                               flags: 1 reverse, 2 keys only, 4 of a quorum keyspace
/// share  := id:u64 flags:u8 groups refusals through:bytes error:text count:u32 entry*
///                                               flags: 1 complete, 2 unavailable, 4 of a quorum keyspace
/// groups := count:u32 group:u32*     refusals := count:u32 (group:u32 leader:u128)*      leader: 0 unknown
/// entry  := as in ScanPageCodec      bytes := length:u32 bytes    text := length:u32 UTF-8
/// </code>
/// With flag 4, a question ends with the time by which records have ended and with the epoch of each group;
/// in a share, refusals are <c>count:u32 (group:u32 reason:u8)*</c> and entries are records, as in
/// <see cref="ShareEntry"/>.
/// </summary>
internal static class ScanCodec
{
    private const byte ReverseFlag = 1;
    private const byte KeysOnlyFlag = 2;
    private const byte QuorumFlag = 4;
    private const byte CompleteFlag = 1;
    private const byte UnavailableFlag = 2;

    public static void Encode(PartialScanRequest ask, ByteWriter into)
    {
        into.U64(ask.Id);
        into.U32(ask.TimeoutMs);
        into.U8((byte)((ask.Order.Reverse ? ReverseFlag : 0) | (ask.Order.KeysOnly ? KeysOnlyFlag : 0)
            | (ask.RecordTimeMs is null ? 0 : QuorumFlag)));
        into.U8((byte)ask.Order.Consistency);
        into.U32(ask.Order.Limit);
        into.U32(ask.Order.PageBytes);
        into.Bytes32(ask.Order.Range.From.Span);
        into.Bytes32(ask.Order.Range.End.Span);
        into.U32(ask.GroupCount);
        Encode(ask.Groups.Select(static asked => asked.Group), ask.Groups.Length, into);
        if (ask.RecordTimeMs is not { } timeMs)
            return;
        into.U64((ulong)timeMs);
        foreach (var asked in ask.Groups)
            into.U64(asked.Epoch.Value);
    }

    public static void Encode(PartialScanResult share, ByteWriter into)
    {
        into.U64(share.Id);
        into.U8((byte)((share.IsComplete ? CompleteFlag : 0) | (share.IsUnavailable ? UnavailableFlag : 0)
            | (share.HasRecords ? QuorumFlag : 0)));
        Encode(share.Groups, share.Groups.Length, into);
        into.U32((uint)share.Refused.Length);
        foreach (var (group, leader, reason) in share.Refused)
        {
            into.Group(group);
            if (share.HasRecords)
                into.U8((byte)reason);
            else
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
        if ((flags & ~(ReverseFlag | KeysOnlyFlag | QuorumFlag)) != 0
            || consistency > (byte)ReadConsistency.Stale)
            throw new FormatException($"flags {flags} or consistency {consistency} are unknown");
        var (limit, pageBytes) = (reader.U32(), reader.U32());
        var order = new ScanSpec(
            new(reader.Bytes32(), reader.Bytes32()), (flags & ReverseFlag) != 0,
                (flags & KeysOnlyFlag) != 0, limit,
            pageBytes, (ReadConsistency)consistency);
        var groupCount = reader.U32();
        AskedGroup[] groups = [.. DecodeGroups(ref reader).Select(static group => new AskedGroup(group))];
        var ask = new PartialScanRequest(id, timeoutMs, order, groupCount, groups);
        if ((flags & QuorumFlag) != 0)
        {
            ask = ask with { RecordTimeMs = (long)Math.Min(reader.U64(), long.MaxValue) };
            for (var i = 0; i < groups.Length; i++)
                groups[i] = groups[i] with { Epoch = new(reader.U64()) };
        }

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
        if ((flags & ~(CompleteFlag | UnavailableFlag | QuorumFlag)) != 0)
            throw new FormatException($"flags {flags} are unknown");
        var hasRecords = (flags & QuorumFlag) != 0;
        var share = new PartialScanResult
        {
            Id = id,
            IsComplete = (flags & CompleteFlag) != 0,
            IsUnavailable = (flags & UnavailableFlag) != 0,
            HasRecords = hasRecords,
            Groups = DecodeGroups(ref reader),
            Refused = hasRecords ? DecodeReasons(ref reader) : DecodeRefused(ref reader),
            Through = reader.Bytes32(),
            Error = reader.Text32(),
            Count = (int)Math.Min(reader.U32(), int.MaxValue),
            Entries = reader.Rest(),
        };
        var at = 0;
        for (var i = 0; i < share.Count; i++)
            ShareEntry.Read(share.Entries, ref at, hasRecords);
        if (at != share.Entries.Length
            || (!share.IsComplete && share.Groups.Length > 0 && share.Through.IsEmpty))
            throw new FormatException($"{share.Count} entries end at {at} of {share.Entries.Length}");
        return share;
    }

    private static void Encode(IEnumerable<GroupId> groups, int count, ByteWriter into)
    {
        into.U32((uint)count);
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

    private static RefusedGroup[] DecodeRefused(ref ByteReader reader)
    {
        var refused = new RefusedGroup[reader.Count32("groups", bytesEach: 4 + 16)];
        for (var i = 0; i < refused.Length; i++)
        {
            var (group, leader) = (reader.Group(), reader.U128());
            refused[i] = new(group, leader == 0 ? null : new NodeId(leader));
        }

        return refused;
    }

    private static RefusedGroup[] DecodeReasons(ref ByteReader reader)
    {
        var refused = new RefusedGroup[reader.Count32("groups", bytesEach: 4 + 1)];
        for (var i = 0; i < refused.Length; i++)
        {
            var (group, reason) = (reader.Group(), (RefusalReason)reader.U8());
            refused[i] = Enum.IsDefined(reason) ? new(group, Leader: null, reason)
                : throw new FormatException($"{(int)reason} is no reason of replicas");
        }

        return refused;
    }
}
