using Kvorum.Node.State;

namespace Kvorum.Node.Scans;

/// <summary>Keys of a strong keyspace, at a log time: all replicas agree on which have ended.</summary>
internal sealed class ValueForm(ulong logTimeMs) : IRecordForm
{
    /// <inheritdoc/>
    public ShareEntry? Read(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> record)
    {
        var value = ValueRecord.Read(record);
        return value.HasExpired(logTimeMs)
            ? null : new(key, new(new(value.Version), default), IsGone: false, value.Value);
    }
}
