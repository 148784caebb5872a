using Kvorum.Node.Leaderless;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.Workloads;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Checkers;

// Theorem. A request of a quorum keyspace that asks for a receipt and is answered gets one, and it is true at
// the moment at which the node gives it:
//   numbers    it names no node twice, and as many as W, or R, of the keyspace at least; only in a sloppy
//              keyspace may hints have counted instead;
//   version    it is that of the reply;
//   durable    each node that it names for a write has this version of the key, or a newer one, in its log on
//              disk, as long as no disk has been damaged.

/// <summary>The receipts of quorum keyspaces. The theorem is at the top of its file.</summary>
internal sealed class ReceiptChecker(Cluster cluster)
{
    private static readonly FaultKind[] Damages =
    [
        FaultKind.BitFlip, FaultKind.BadSector, FaultKind.ReadError, FaultKind.WipedDisk, FaultKind.OldFolder,
        FaultKind.ZeroedLogEnd, FaultKind.NodeLost,
    ];

    private SimulatedWorld World => cluster.World;

    /// <summary>A node gives an answer.</summary>
    public void Look(Asked asked, Reply reply)
    {
        if (reply.Status != ReplyStatus.Ok || !asked.Request.WantsReceipt || AsksForNothing(asked.Request)
            || cluster.Options.Quorums.FirstOrDefault(one => one.Name == asked.Request.Keyspace)
                is not { } keyspace)
            return;
        if (reply.Receipt is not { } receipt)
        {
            World.Fail($"receipts: {asked} asked for one and got none");
            return;
        }

        Require(WhyWrong(asked, reply, receipt, keyspace), asked, receipt);
        if (asked.Request is WriteRequest write && !World.HasForgotten
            && Damages.All(kind => World.CountOf(kind) == 0))
            Require(WhyNotDurable(write, receipt, keyspace), asked, receipt);
    }

    // No replica is asked about an empty range.
    private static bool AsksForNothing(Request request) => request is ScanRequest scan
        && ScanToken.RangeOf(scan) is { End.IsEmpty: false } range
        && range.From.Span.SequenceCompareTo(range.End.Span) >= 0;

    private static string? WhyWrong(Asked asked, Reply reply, Receipt receipt, QuorumKeyspace keyspace)
    {
        var isStale = asked.Request is ReadRequest { Consistency: ReadConsistency.Stale };
        var needed = asked.Request.IsWrite ? keyspace.Write : isStale ? 1 : keyspace.Read;
        var version = new WriteVersion(reply.Version, reply.Writer);
        var hasVersion = asked.Request.IsWrite || reply.Version > 0;
        return receipt.Mode != ReplicationMode.Quorum || !receipt.IsDurable ? "it does not say what it is of"
            : receipt.Needed != needed ? $"{needed} are needed"
            : receipt.Nodes.Distinct().Count() != receipt.Nodes.Count ? "it names a node twice"
            : receipt.IsByHints && !keyspace.IsSloppy ? "hints count for nothing"
            : receipt.Nodes.Count < needed && !receipt.IsByHints ? "it names fewer nodes than are needed"
            : hasVersion && receipt.Version != version ? $"the reply has version {version}"
            : null;
    }

    private string? WhyNotDurable(WriteRequest write, Receipt receipt, QuorumKeyspace keyspace)
    {
        var key = write.Key.Span;
        var group = cluster.GroupsOf(keyspace.Name).Of(
            new(KeySlot.PartitionOf(KeySlot.Of(key), keyspace.Partitions)));
        var version = new RecordVersion(new(receipt.Version!.Value.Time), new(receipt.Version.Value.Writer));
        foreach (var process in cluster.TakingPart.Where(one => receipt.Nodes.Contains(one.Name)))
        {
            // One whose disk is about to fail is not asked: that would move the fault.
            var machine = process.Machine;
            if (machine.DiskFault is not null || machine.HasNoDescriptors
                || machine.Disk.PowerOffAfter is not null
                || process.QuorumOf(group) is not { IsDamaged: false } replica)
                continue;
            if (LatestOf(replica, key) < version && replica.Marks.Horizon <= version.Time)
                return $"{process.Name} has {LatestOf(replica, key)} on disk";
        }

        return null;
    }

    private static RecordVersion LatestOf(QuorumReplica replica, ReadOnlySpan<byte> key) =>
        replica.Machine.Get(key)?.Version ?? RecordVersion.None;

    private void Require(string? wrong, Asked asked, Receipt receipt) => World.Require(
        wrong is null,
        $"receipts: {asked}: {wrong}; it says: {receipt.Needed} of {receipt.Replicas}, nodes "
            + $"{string.Join(' ', receipt.Nodes)}, version {receipt.Version}");
}
