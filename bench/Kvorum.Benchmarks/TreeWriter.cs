using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Benchmarks;

/// <summary>
/// One tree and its writer, with the upkeep that a node gives it: a flush when the memtable is full,
/// compactions when the tree asks for them, and writes that wait when these cannot keep up.
/// </summary>
internal sealed class TreeWriter : IDisposable
{
    // As RocksDB by default: a second memtable while the first is flushed; stop when level 0 has grown too
    // long.
    private const long MemTableBytesMax = 64 << 20;
    private const int Level0TablesMax = 20;
    private const int WritesBetweenLooks = 256;

    private readonly JobThread _flushes;
    private readonly JobThread _compactions;
    private readonly WriteBatch _batch = new();
    private CheckpointJob? _flush;
    private CompactionJob? _compaction;
    private volatile bool _isFlushed;
    private volatile bool _isCompacted;
    private ulong _index;

    /// <summary>Opens an empty tree.</summary>
    public TreeWriter(
        TreeShare share, string folder, JobThread flushes, JobThread compactions, TreeOptions? options = null)
    {
        Tree = Tree.Open(share, folder, options ?? new TreeOptions());
        (_flushes, _compactions) = (flushes, compactions);
    }

    /// <summary>The tree; any thread may read it.</summary>
    public Tree Tree { get; }

    /// <summary>Writes one pair, after whatever has to be waited for.</summary>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        _batch.Clear();
        _batch.Put(key, value);
        Tree.Write(_batch, ++_index);
        if (_index % WritesBetweenLooks == 0)
            Look();
    }

    /// <summary>Flushes everything and waits until nothing is left to compact.</summary>
    public void Settle()
    {
        while (_flush is not null)
            WaitAndComplete();
        BeginFlush();
        while (_flush is not null || _compaction is not null)
            WaitAndComplete();
    }

    /// <inheritdoc/>
    public void Dispose() => Tree.Dispose();

    private void Look()
    {
        Complete();
        var limit = _flush is null ? MemTableBytesMax : 2 * MemTableBytesMax;
        while (Tree.MemTableBytes >= limit)
        {
            if (_flush is null)
            {
                BeginFlush();
                break;
            }

            WaitAndComplete();
        }

        while (Tree.Levels[0].Tables >= Level0TablesMax)
            WaitAndComplete();
    }

    private void BeginFlush()
    {
        _isFlushed = false;
        var flush = _flush = Tree.BeginCheckpoint(default);
        _flushes.Run(() =>
        {
            flush.Write();
            _isFlushed = true;
        });
    }

    private void WaitAndComplete()
    {
        Thread.Sleep(1);
        Complete();
        _flushes.Run(static () => { }); // throws what a job has thrown
        _compactions.Run(static () => { });
    }

    private void Complete()
    {
        if (_flush is not null && _isFlushed)
        {
            _flush.Complete();
            _flush = null;
        }

        if (_compaction is not null && _isCompacted)
        {
            _compaction.Complete();
            _compaction = null;
        }

        if (_compaction is not null || Tree.PickCompaction() is not { } picked)
            return;
        _isCompacted = false;
        _compaction = picked;
        _compactions.Run(() => Compact(picked));
    }

    private void Compact(CompactionJob picked)
    {
        picked.Run();
        _isCompacted = true;
    }
}
