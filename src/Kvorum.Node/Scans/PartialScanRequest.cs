using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.Scans;

/// <summary>What a page of a scan is to hold.</summary>
/// <param name="Range">The keys: what is left of the scan's range.</param>
/// <param name="Reverse">Greatest key first.</param>
/// <param name="KeysOnly">Without values.</param>
/// <param name="Limit">Entries at most.</param>
/// <param name="PageBytes">Bytes at most, except for a first entry that is larger.</param>
/// <param name="Consistency">How fresh, in each partition.</param>
internal sealed record ScanSpec(
    KeyRange Range, bool Reverse, bool KeysOnly, uint Limit, uint PageBytes, ReadConsistency Consistency)
{
    /// <summary>
    /// What a request asks for. <see cref="FormatException"/> if its token is none of its own.
    /// </summary>
    public static ScanSpec Of(ScanRequest scan) => new(
        ScanToken.RangeOf(scan),
        scan.Reverse,
        scan.KeysOnly,
        scan.Limit == 0 ? uint.MaxValue : scan.Limit,
        scan.PageBytes == 0 ? Protocol.Limits.ScanPageBytesDefault : scan.PageBytes,
        scan.Consistency);
}

/// <summary>A question for some groups' share of a page.</summary>
/// <param name="Id">The asking loop's number for it.</param>
/// <param name="TimeoutMs">How long the answer is waited for.</param>
/// <param name="Order">What the page is to hold.</param>
/// <param name="GroupCount">Groups that the page is put together from.</param>
/// <param name="Groups">Those that are asked for, ascending.</param>
internal sealed record PartialScanRequest(
    ulong Id, uint TimeoutMs, ScanSpec Order, uint GroupCount, AskedGroup[] Groups)
{
    /// <summary>
    /// Asked of replicas of a quorum keyspace: the time by which records have ended, the same for all of
    /// them. Null: asked of leaders.
    /// </summary>
    public long? RecordTimeMs { get; init; }

    /// <summary>
    /// Bytes that a share of so many groups should have: as keys are spread evenly by their hash, more than
    /// the groups' part of the page would mostly be thrown away.
    /// </summary>
    public long ShareBytes(int groups) => Math.Max(
        Math.Min(Order.PageBytes, Limits.ScanShareBytesMin), (long)Order.PageBytes * groups / GroupCount);
}

/// <summary>A group that is asked for.</summary>
/// <param name="Group">The group.</param>
/// <param name="Epoch">The placement that the asker knows; void where a leader is asked.</param>
internal readonly record struct AskedGroup(GroupId Group, Epoch Epoch = default);

/// <summary>A group that could not be read.</summary>
/// <param name="Group">The group.</param>
/// <param name="Leader">Its leader, if the asked node knows it.</param>
/// <param name="Reason">Why; void where a leader was asked.</param>
internal readonly record struct RefusedGroup(
    GroupId Group, NodeId? Leader, RefusalReason Reason = RefusalReason.NoReplica);

/// <summary>
/// The share of some groups of a page, all from one loop of one node: their keys in order, from the beginning
/// of the range up to a key.
/// </summary>
internal sealed record PartialScanResult
{
    /// <summary>The number of the question.</summary>
    public required ulong Id { get; init; }

    /// <summary>The groups whose keys these are.</summary>
    public GroupId[] Groups { get; init; } = [];

    /// <summary>Groups that could not be read here.</summary>
    public RefusedGroup[] Refused { get; init; } = [];

    /// <summary>
    /// True if it is of a quorum keyspace: the entries are records, and refusals have reasons.
    /// </summary>
    public bool HasRecords { get; init; }

    /// <summary>True if the groups have no more keys in the range.</summary>
    public bool IsComplete { get; init; }

    /// <summary>
    /// Unless complete: the last key looked at. Of the groups, all keys up to and with it are in the share.
    /// </summary>
    public ReadOnlyMemory<byte> Through { get; init; }

    /// <summary>Number of entries.</summary>
    public int Count { get; init; }

    /// <summary>The entries, as <see cref="ShareEntry"/> writes them, in order.</summary>
    public ReadOnlyMemory<byte> Entries { get; init; }

    /// <summary>What went wrong, for people; empty if nothing did.</summary>
    public string Error { get; init; } = "";

    /// <summary>True if the error is that no replica can serve one of the groups.</summary>
    public bool IsUnavailable { get; init; }
}
