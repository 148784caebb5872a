namespace Kvorum.Node.Scans;

/// <summary>How a keyspace keeps its keys, to those that walk over them. Any thread.</summary>
internal interface IRecordForm
{
    /// <summary>What a share says of a key; null if nothing.</summary>
    ShareEntry? Read(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> record);
}
