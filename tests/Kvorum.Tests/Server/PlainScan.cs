using System.Buffers;
using Kvorum.Protocol;

namespace Kvorum.Tests.Server;

/// <summary>What a node without partitions answers to a scan: for the nodes that tests stand in.</summary>
internal static class PlainScan
{
    public static Reply Answer(ScanRequest scan, IEnumerable<ScanEntry> all)
    {
        KeyRange range;
        try
        {
            range = ScanToken.RangeOf(scan);
        }
        catch (FormatException e)
        {
            return new() { Status = ReplyStatus.InvalidArgument, Message = e.Message };
        }

        if (range.IsReversed)
            return new() { Status = ReplyStatus.InvalidArgument, Message = "the range is reversed" };
        ScanEntry[] found = [.. all.Where(entry => IsIn(range, entry.Key.Span))];
        Array.Sort(found, static (a, b) => a.Key.Span.SequenceCompareTo(b.Key.Span));
        if (scan.Reverse)
            Array.Reverse(found);
        var pageBytes = scan.PageBytes == 0 ? Limits.ScanPageBytesDefault : (int)scan.PageBytes;
        var entries = new ArrayBufferWriter<byte>();
        var count = 0;
        while (count < found.Length && (scan.Limit == 0 || count < scan.Limit)
            && entries.WrittenCount < pageBytes)
        {
            var entry = found[count++];
            ScanPageCodec.WriteEntry(
                entries, entry.Key.Span, entry.Version, scan.KeysOnly ? default : entry.Value.Span);
        }

        return new()
        {
            Status = ReplyStatus.Ok,
            Value = ScanPageCodec.Join(
                count == found.Length ? [] : TokenAfter(scan, found[count - 1].Key.Span),
                    count, entries.WrittenSpan),
        };
    }

    private static byte[] TokenAfter(ScanRequest scan, ReadOnlySpan<byte> key) =>
        ScanToken.Make(scan, scan.Reverse ? key : KeyRange.After(key));

    private static bool IsIn(KeyRange range, ReadOnlySpan<byte> key) =>
        key.SequenceCompareTo(range.From.Span) >= 0
        && (range.End.IsEmpty || key.SequenceCompareTo(range.End.Span) < 0);
}
