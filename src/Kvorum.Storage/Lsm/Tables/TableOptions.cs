namespace Kvorum.Storage.Lsm.Tables;

/// <summary>How a table is written; a reader needs none of it.</summary>
internal sealed record TableOptions
{
    /// <summary>A block ends before it would become larger, trailer included; a single entry may.</summary>
    public int BlockBytes { get; init; } = 4096;

    /// <summary>A key is stored whole this often in a data block, so that a search can start there.</summary>
    public int RestartInterval { get; init; } = 8;

    /// <summary>
    /// Bits of the bloom filter per key; 0: no filters. With 10, about one lookup in 100 of an absent key
    /// reads a block.
    /// </summary>
    public int FilterBitsPerKey { get; init; } = 10;

    /// <summary>How data blocks are stored, where that saves enough.</summary>
    public BlockCompression Compression { get; init; }

    /// <summary>Bytes handed to the file at once.</summary>
    public int WriteBytes { get; init; } = 256 << 10;
}
