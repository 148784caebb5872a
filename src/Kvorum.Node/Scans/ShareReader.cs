using Kvorum.Node.Wire;

namespace Kvorum.Node.Scans;

/// <summary>
/// Reads the share of some groups of a page from their views, merged in the order of the scan, within the
/// bounds of the question and of the work: a function, run as a job.
/// </summary>
internal static class ShareReader
{
    /// <summary>The share; the views stay open.</summary>
    public static PartialScanResult Read(
        PartialScanRequest ask, IReadOnlyList<(GroupId Group, PartitionView View)> parts)
    {
        var sources = parts.Select(part => new Source(
            part.View, part.View.Keys(ask.Order.Range, ask.Order.Reverse).GetEnumerator())).ToArray();
        try
        {
            var share = Read(ask, sources);
            return share with { Groups = [.. parts.Select(part => part.Group)] };
        }
        finally
        {
            foreach (var source in sources)
                source.Keys.Dispose();
        }
    }

    private static PartialScanResult Read(PartialScanRequest ask, Source[] sources)
    {
        var order = ask.Order;
        var merged = Merge(sources, KeyOrder.Of(order.Reverse));
        var entries = new ByteWriter();
        var shareBytes = ask.ShareBytes(sources.Length);
        ReadOnlyMemory<byte> through = default;
        long records = 0, recordBytes = 0;
        var hasRecords = ask.RecordTimeMs is not null;
        var (count, wanted) = (0, 0);
        while (merged.TryPeek(out var source, out var key))
        {
            if (records >= Limits.ScannedRecordsMax || recordBytes >= Limits.ScannedBytesMax)
                break;
            var (_, record) = source.Keys.Current;
            if (source.View.Read(key, record) is { } entry)
            {
                if (order.KeysOnly)
                    entry = entry with { Value = default };
                var isOver = count > 0 && entries.Length + entry.PageBytes > shareBytes;
                if (isOver || (wanted >= order.Limit && !entry.IsGone))
                    break;
                entry.Write(entries, hasRecords);
                count++;
                wanted += entry.IsGone ? 0 : 1;
            }

            records++;
            recordBytes += key.Length + record.Length;
            through = key;
            if (source.Keys.MoveNext())
                merged.DequeueEnqueue(source, source.Keys.Current.Key);
            else
                merged.Dequeue();
        }

        return new()
        {
            Id = ask.Id,
            IsComplete = merged.Count == 0,
            Through = merged.Count == 0 ? default : through,
            HasRecords = hasRecords,
            Count = count,
            Entries = entries.ToArray(),
        };
    }

    private static PriorityQueue<Source, ReadOnlyMemory<byte>> Merge(Source[] sources, KeyOrder direction)
    {
        var merged = new PriorityQueue<Source, ReadOnlyMemory<byte>>(sources.Length, direction);
        foreach (var source in sources)
        {
            if (source.Keys.MoveNext())
                merged.Enqueue(source, source.Keys.Current.Key);
        }

        return merged;
    }

    private sealed record Source(
        PartitionView View, IEnumerator<(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Record)> Keys);
}
