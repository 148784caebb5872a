namespace Kvorum.Storage.Lsm;

/// <summary>How data blocks of new tables are stored. Existing blocks are read in either form.</summary>
public enum BlockCompression
{
    /// <summary>Uncompressed.</summary>
    None,

    /// <summary>
    /// In the LZ4 block format, where that saves at least an eighth: text shrinks to about a half, and takes
    /// some microseconds per block to write and two to read.
    /// </summary>
    Lz4,
}
