using System.Collections.Immutable;

namespace Kvorum.Storage.Lsm.Compaction;

/// <summary>The result of a compaction.</summary>
/// <param name="Tables">The new tables of the output level, by key; none if nothing was left.</param>
/// <param name="BytesRead">Bytes of the inputs.</param>
/// <param name="BytesWritten">Bytes of the new tables.</param>
/// <param name="EntriesRead">Entries of the inputs.</param>
/// <param name="EntriesWritten">Entries of the new tables; the others were dropped.</param>
internal sealed record CompactionResult(
    ImmutableArray<TableInfo> Tables,
    long BytesRead,
    long BytesWritten,
    long EntriesRead,
    long EntriesWritten);
