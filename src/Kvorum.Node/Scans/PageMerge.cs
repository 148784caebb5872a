using Kvorum.Node.Wire;
using Kvorum.Protocol;

namespace Kvorum.Node.Scans;

/// <summary>
/// Puts a page together from the shares of all groups. A share is complete only up to its last key, so the
/// page ends at the least of these: beyond it, a key may be missing. Where several replicas have told of a
/// key, the newest version counts. A function, run as a job.
/// </summary>
internal static class PageMerge
{
    /// <summary>The bytes of the page, for <see cref="Reply.Value"/>.</summary>
    public static byte[] Merge(ScanRequest scan, ScanSpec order, IReadOnlyList<PartialScanResult> shares)
    {
        var direction = KeyOrder.Of(order.Reverse);
        var open = shares.Where(share => !share.IsComplete).Select(share => share.Through).ToArray();
        var cut = open.Length > 0 ? open.Min(direction) : default;
        var entries = new ByteWriter();
        var count = 0;
        ReadOnlyMemory<byte> last = default;
        var isFull = false;
        var merged = Open(shares, direction);
        while (!isFull && merged.TryPeek(out _, out var key))
        {
            if (open.Length > 0 && direction.Compare(key, cut) > 0)
                break;
            var entry = TakeNewest(merged);
            if (entry.IsGone)
                continue;
            isFull = count >= order.Limit
                || (count > 0 && entries.Length + entry.PageBytes > order.PageBytes);
            if (isFull)
                break;
            entry.WriteToPage(entries);
            count++;
            last = key;
        }

        var isEnd = !isFull && open.Length == 0;
        var token = isEnd ? [] : ScanToken.Make(scan, PositionAfter(isFull ? last : cut, order.Reverse));
        return ScanPageCodec.Join(token, count, entries.Written);
    }

    private static ReadOnlySpan<byte> PositionAfter(ReadOnlyMemory<byte> key, bool reverse) =>
        reverse ? key.Span : KeyRange.After(key.Span);

    // Of the next key.
    private static ShareEntry TakeNewest(PriorityQueue<Run, ReadOnlyMemory<byte>> merged)
    {
        var newest = merged.Peek().Entry;
        while (merged.TryPeek(out var run, out var key) && key.Span.SequenceEqual(newest.Key.Span))
        {
            if (run.Entry.Version > newest.Version)
                newest = run.Entry;
            if (run.MoveNext())
                merged.DequeueEnqueue(run, run.Entry.Key);
            else
                merged.Dequeue();
        }

        return newest;
    }

    private static PriorityQueue<Run, ReadOnlyMemory<byte>> Open(
        IReadOnlyList<PartialScanResult> shares, KeyOrder direction)
    {
        var merged = new PriorityQueue<Run, ReadOnlyMemory<byte>>(shares.Count, direction);
        foreach (var share in shares)
        {
            var run = new Run(share.Entries, share.HasRecords);
            if (run.MoveNext())
                merged.Enqueue(run, run.Entry.Key);
        }

        return merged;
    }

    /// <summary>The entries of one share, one after the other.</summary>
    private sealed class Run(ReadOnlyMemory<byte> entries, bool hasRecords)
    {
        private int _next;

        /// <summary>The present entry.</summary>
        public ShareEntry Entry { get; private set; }

        public bool MoveNext()
        {
            if (_next == entries.Length)
                return false;
            Entry = ShareEntry.Read(entries, ref _next, hasRecords);
            return true;
        }
    }
}
