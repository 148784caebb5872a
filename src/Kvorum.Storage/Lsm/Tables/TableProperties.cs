namespace Kvorum.Storage.Lsm.Tables;

/// <summary>The description that a table file has of itself.</summary>
/// <param name="Entries">Entries, deletes included.</param>
/// <param name="Deletes">Entries that are deletes.</param>
/// <param name="SmallestSequence">The least sequence number.</param>
/// <param name="LargestSequence">The greatest sequence number.</param>
/// <param name="DataBlocks">Number of data blocks.</param>
/// <param name="DataBytes">Bytes of the data blocks.</param>
/// <param name="Smallest">The least key.</param>
/// <param name="Largest">The greatest key.</param>
internal sealed record TableProperties(
    long Entries,
    long Deletes,
    ulong SmallestSequence,
    ulong LargestSequence,
    long DataBlocks,
    long DataBytes,
    ReadOnlyMemory<byte> Smallest,
    ReadOnlyMemory<byte> Largest)
{
    /// <summary>What the manifest keeps of a table with these properties.</summary>
    public TableInfo ToInfo(ulong number, long bytes) =>
        new(number, bytes, Entries, Deletes, Smallest, Largest, SmallestSequence, LargestSequence);
}
