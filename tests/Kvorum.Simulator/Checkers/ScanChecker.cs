using System.Text;
using Kvorum.Protocol;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.Workloads;
using Kvorum.Simulator.World;
using Kvorum.Verification;

namespace Kvorum.Simulator.Checkers;

// Theorem (ADR 13, docs/consistency.md), for each page that a client was answered:
//   1. reads       it reads each key that it covers at a moment between question and answer: such reads are
//                  in the history, where linearizability is checked. A page covers what its own token does
//                  not lead to; so the pages of a scan cover its range without a gap and without overlap;
//   2. order       its keys are in the range asked for, in the order of bytes or its reverse, each once and
//                  behind those of the pages before; no more of them than the limit; no values if only keys
//                  were asked for;
//   3. one moment  the keys of one partition are as they were at one index of its log. Let m be the greatest
//                  version among those shown: a key is not shown older than an acknowledged write of a
//                  version up to m, and not absent if such a write set it, no delete may have removed it
//                  since, and its life had no end. This holds for stale pages too.
// In quorum keyspaces 1 is judged as all reads there are (QuorumChecker), 2 holds as it is, and 3 is not
// promised.

/// <summary>What pages of scans promise. The theorem is at the top of its file.</summary>
internal sealed class ScanChecker(SimulatedWorld world, Notebook notes, Func<string, int> partitionsOf)
{
    private readonly SortedDictionary<string, Operation[]> _writes = new(StringComparer.Ordinal);

    /// <summary>Checks all pages.</summary>
    public void CheckAll()
    {
        foreach (var (key, operations) in notes.History.ByKey())
            _writes.Add(key, [.. operations.Where(one => one.Invocation.Kind != OperationKind.Get)]);
        var last = new SortedDictionary<(int Client, int Scan), ReadOnlyMemory<byte>>();
        foreach (var page in notes.Pages)
        {
            var scan = (page.Asked.Invocation.Client, page.Asked.Scan);
            last[scan] = CheckOrder(page, last.GetValueOrDefault(scan));
            // Replicas of quorum keyspaces have no moment in common; their pages are reads of single keys.
            if (!QuorumKeyspace.Is(page.Scan.Keyspace))
                CheckMoments(page);
        }
    }

    // Returns the last key.
    private ReadOnlyMemory<byte> CheckOrder(ScannedPage page, ReadOnlyMemory<byte> last)
    {
        if (page.Scan.Limit > 0 && page.Entries.Count > page.Scan.Limit)
            Fail(page, $"it has {page.Entries.Count} entries");
        foreach (var entry in page.Entries)
        {
            var key = Encoding.UTF8.GetString(entry.Key.Span);
            var order = last.Span.SequenceCompareTo(entry.Key.Span);
            if (!last.IsEmpty && (page.Scan.Reverse ? order <= 0 : order >= 0))
                Fail(page, $"{key} comes after {Encoding.UTF8.GetString(last.Span)}");
            if (!page.Covers(key))
                Fail(page, $"{key} is beyond what it covers");
            if (page.Scan.KeysOnly && !entry.Value.IsEmpty)
                Fail(page, $"{key} has a value");
            last = entry.Key;
        }

        return last;
    }

    private void CheckMoments(ScannedPage page)
    {
        var partitions = partitionsOf(page.Scan.Keyspace);
        var newest = new ulong[partitions];
        foreach (var entry in page.Entries)
        {
            ref var version = ref newest[PartitionOf(entry.Key.Span, partitions)];
            version = Math.Max(version, entry.Version);
        }

        foreach (var (name, writes) in _writes)
        {
            var (keyspace, key) = KeyspaceKey.Read(name);
            if (keyspace != page.Scan.Keyspace || !page.Covers(key))
                continue;
            var shown = page[key]?.Version;
            var moment = newest[PartitionOf(Encoding.UTF8.GetBytes(key), partitions)];
            if (NewestUpTo(writes, moment) is not { } write || write.Outcome.Version <= shown)
                continue;
            if (shown is not null)
                Fail(page, $"of one partition, it shows version {moment}, and {key} without\n  {write}");
            else if (write.Invocation.Kind == OperationKind.Put && !MayBeGone(writes, write))
                Fail(page, $"of one partition, it shows version {moment}, and {key} absent after\n  {write}");
        }
    }

    private static Operation? NewestUpTo(Operation[] writes, ulong version) => writes
        .Where(write => write.Outcome is { Kind: OutcomeKind.Ok, Version: not null })
        .Where(write => write.Outcome.Version <= version)
        .MaxBy(write => write.Outcome.Version);

    // By now or later: the moment may be far behind the newest version that is shown.
    private static bool MayBeGone(Operation[] writes, Operation write) => writes.Any(other =>
        other.Invocation.Kind == OperationKind.Expire
            ? other.Invocation.OfVersion >= write.Outcome.Version
            : other.Invocation.Kind == OperationKind.Delete
                && (other.Outcome.Kind is OutcomeKind.Unknown or OutcomeKind.Pending
                    || other.Outcome.Version > write.Outcome.Version));

    private static uint PartitionOf(ReadOnlySpan<byte> key, int partitions) =>
        KeySlot.PartitionOf(KeySlot.Of(key), partitions);

    private void Fail(ScannedPage page, string what) => world.Fail(
        $"scans: client {page.Asked.Invocation.Client}, request {page.Asked.Invocation.Request}, "
            + $"{page.Asked}: {what}");
}
