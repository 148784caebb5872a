namespace Kvorum.Storage.Lsm;

/// <summary>The manifest's entry for a table, whose file is never changed.</summary>
/// <param name="Number">Names the file; grows with every file of the tree, never used twice.</param>
/// <param name="Bytes">Size of the file.</param>
/// <param name="Entries">Entries, deletes included.</param>
/// <param name="Deletes">Entries that are deletes.</param>
/// <param name="Smallest">The least key in it.</param>
/// <param name="Largest">The greatest key in it.</param>
/// <param name="SmallestSequence">The least sequence number in it.</param>
/// <param name="LargestSequence">The greatest sequence number in it.</param>
internal sealed record TableInfo(
    ulong Number,
    long Bytes,
    long Entries,
    long Deletes,
    ReadOnlyMemory<byte> Smallest,
    ReadOnlyMemory<byte> Largest,
    ulong SmallestSequence,
    ulong LargestSequence);
