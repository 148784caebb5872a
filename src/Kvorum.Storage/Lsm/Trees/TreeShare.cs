using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm.Caching;

namespace Kvorum.Storage.Lsm.Trees;

/// <summary>
/// What all trees of a node have in common: the disk, the cache of blocks, and the count of what their
/// memtables hold. Any thread. Dispose it after all trees, views and readers.
/// </summary>
public sealed class TreeShare : IDisposable
{
    private long _memTableBytes;

    /// <summary>A share for one node.</summary>
    /// <param name="files">The disk.</param>
    /// <param name="cacheBytes">Most bytes of blocks kept in memory.</param>
    public TreeShare(IFileSystem files, long cacheBytes)
    {
        Files = files;
        Cache = new BlockCache(cacheBytes);
    }

    /// <summary>Bytes of native memory in all memtables, until they are flushed.</summary>
    public long MemTableBytes => Volatile.Read(ref _memTableBytes);

    /// <summary>Bytes of blocks in memory.</summary>
    public long CacheBytes => Cache.Bytes;

    /// <summary>Blocks that were found in memory.</summary>
    public long CacheHits => Cache.Hits;

    /// <summary>Blocks that had to be read.</summary>
    public long CacheMisses => Cache.Misses;

    internal IFileSystem Files { get; }

    internal BlockCache Cache { get; }

    /// <inheritdoc/>
    public void Dispose() => Cache.Dispose();

    internal void AddMemTableBytes(long bytes) => Interlocked.Add(ref _memTableBytes, bytes);
}
