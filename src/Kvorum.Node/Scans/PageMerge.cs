using Kvorum.Node.Wire;
using Kvorum.Protocol;

namespace Kvorum.Node.Scans;

/// <summary>
/// Puts a page together from the shares of all groups. A share is complete only up to its last key, so the
/// page ends at the least of these: beyond it, a key may be missing. A function, run as a job.
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
        while (!isFull && merged.TryPeek(out var run, out var key))
        {
            if (open.Length > 0 && direction.Compare(key, cut) > 0)
                break;
            isFull = count >= order.Limit
                || (count > 0 && entries.Length + run.Bytes.Length > order.PageBytes);
            if (isFull)
                break;
            entries.Raw(run.Bytes.Span);
            count++;
            last = key;
            if (run.MoveNext())
                merged.DequeueEnqueue(run, run.Key);
            else
                merged.Dequeue();
        }

        var isEnd = !isFull && open.Length == 0;
        var token = isEnd ? [] : ScanToken.Make(scan, PositionAfter(isFull ? last : cut, order.Reverse));
        return ScanPageCodec.Join(token, count, entries.Written);
    }

    private static ReadOnlySpan<byte> PositionAfter(ReadOnlyMemory<byte> key, bool reverse) =>
        reverse ? key.Span : KeyRange.After(key.Span);

    private static PriorityQueue<Run, ReadOnlyMemory<byte>> Open(
        IReadOnlyList<PartialScanResult> shares, KeyOrder direction)
    {
        var merged = new PriorityQueue<Run, ReadOnlyMemory<byte>>(shares.Count, direction);
        foreach (var share in shares)
        {
            var run = new Run(share.Entries);
            if (run.MoveNext())
                merged.Enqueue(run, run.Key);
        }

        return merged;
    }

    /// <summary>The entries of one share, one after the other, as bytes.</summary>
    private sealed class Run(ReadOnlyMemory<byte> entries)
    {
        private int _next;

        /// <summary>The key of the present entry.</summary>
        public ReadOnlyMemory<byte> Key { get; private set; }

        /// <summary>The whole present entry.</summary>
        public ReadOnlyMemory<byte> Bytes { get; private set; }

        public bool MoveNext()
        {
            if (_next == entries.Length)
                return false;
            var at = _next;
            Key = ScanPageCodec.ReadEntry(entries, ref _next).Key;
            Bytes = entries[at.._next];
            return true;
        }
    }
}
