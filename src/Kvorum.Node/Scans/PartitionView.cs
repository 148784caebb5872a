using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Scans;

/// <summary>
/// A partition's keys at one moment: a view of its tree and the log time that decides which keys have ended.
/// The only place where scans touch a tree. Opened on the node loop, read and disposed by one job.
/// </summary>
internal sealed class PartitionView(ReadView view, ulong logTimeMs) : IDisposable
{
    /// <summary>
    /// Keys in order, also those that have ended (<see cref="HasEnded"/>): what is skipped costs too.
    /// </summary>
    public IEnumerable<(ReadOnlyMemory<byte> Key, ValueRecord Record)> Keys(KeyRange range, bool reverse)
    {
        byte[] from = [RecordKeys.Data, .. range.From.Span];
        byte[] end = range.End.IsEmpty ? [RecordKeys.Data + 1] : [RecordKeys.Data, .. range.End.Span];
        foreach (var (key, record) in view.Scan(from, end, reverse))
            yield return (key[1..], ValueRecord.Read(record));
    }

    /// <summary>True if the key reads as absent.</summary>
    public bool HasEnded(in ValueRecord record) => record.HasExpired(logTimeMs);

    /// <inheritdoc/>
    public void Dispose() => view.Dispose();
}
