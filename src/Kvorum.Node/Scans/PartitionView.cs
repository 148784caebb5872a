using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Scans;

/// <summary>
/// A partition's keys at one moment: a view of its tree, and how its records are read. The only place where
/// scans touch a tree. Opened on the node loop, read and disposed by one job.
/// </summary>
internal sealed class PartitionView(ReadView view, IRecordForm form) : IDisposable
{
    /// <summary>Keys in order, also those of which nothing is said: what is skipped costs too.</summary>
    public IEnumerable<(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Record)> Keys(
        KeyRange range, bool reverse)
    {
        byte[] from = [RecordKeys.Data, .. range.From.Span];
        byte[] end = range.End.IsEmpty ? [RecordKeys.Data + 1] : [RecordKeys.Data, .. range.End.Span];
        foreach (var (key, record) in view.Scan(from, end, reverse))
            yield return (key[1..], record);
    }

    /// <summary>What a share says of a key; null if nothing.</summary>
    public ShareEntry? Read(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> record) => form.Read(key, record);

    /// <inheritdoc/>
    public void Dispose() => view.Dispose();
}
