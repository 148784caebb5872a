using Kvorum.Node.Scans;

namespace Kvorum.Node.Leaderless;

/// <summary>
/// Keys of a quorum keyspace, deletions and ended ones as well: they win over what another replica has.
/// </summary>
/// <param name="nowMs">
/// The asker's hybrid clock: all replicas of a page say of the same moment what has ended.
/// </param>
internal sealed class RecordForm(long nowMs) : IRecordForm
{
    /// <inheritdoc/>
    public ShareEntry? Read(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> record)
    {
        var stored = StoredRecord.Read(record);
        var isThere = stored.IsPresent(nowMs);
        return new(key, stored.Version, !isThere, isThere ? stored.Value : default);
    }
}
