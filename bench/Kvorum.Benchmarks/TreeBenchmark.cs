using System.Diagnostics;
using System.Security.Cryptography;
using Kvorum.Storage.Encryption;
using Kvorum.Storage.Files;
using Kvorum.Storage.Keys;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Benchmarks;

/// <summary>
/// Whole trees, as db_bench measures RocksDB: a random fill, then, when all is compacted and the cache is
/// warm, reads and scans. With several threads each writes a tree of its own, as node loops do, with its
/// share of the keys; all threads read all trees. Flushes and compactions have a thread each.
/// </summary>
internal sealed class TreeBenchmark : IMeasuredStore
{
    private const int NextAfterSeek = 10;

    private readonly CountingFileSystem _disk;
    private readonly TreeShare _share;
    private readonly JobThread _flushes = new();
    private readonly JobThread _compactions = new();
    private readonly TreeWriter[] _trees;
    private readonly long _range;

    /// <summary>Opens empty trees, one per thread.</summary>
    public TreeBenchmark(BenchmarkOptions options)
    {
        IFileSystem files = new DiskFileSystem(options.Folder);
        if (options.IsEncrypted)
        {
            var master = new MasterKey(RandomNumberGenerator.GetBytes(MasterKey.Bytes));
            files = KeyFile.Open(files, new([master], true, static into => RandomNumberGenerator.Fill(into)));
        }

        _disk = new CountingFileSystem(files);
        _share = new TreeShare(_disk, options.CacheBytes);
        var settings = new TreeOptions { Compression = options.Compression };
        _trees = [.. Enumerable.Range(0, options.Threads)
            .Select(i => new TreeWriter(_share, $"tree{i}", _flushes, _compactions, settings))];
        // As db_bench --num: each of T threads writes N/T pairs, and draws their keys from N/T numbers.
        _range = options.Keys / options.Threads;
    }

    /// <inheritdoc/>
    public double BytesWritten => _disk.BytesWritten;

    /// <inheritdoc/>
    public long DiskBytes => _trees.Sum(static tree => tree.Tree.DiskBytes);

    /// <inheritdoc/>
    public void Settle()
    {
        foreach (var tree in _trees)
            tree.Settle();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _flushes.Dispose();
        _compactions.Dispose();
        foreach (var tree in _trees)
            tree.Dispose();
        _share.Dispose();
    }

    /// <inheritdoc/>
    public void Fill(int thread, Measurement counted)
    {
        var random = new Random(100 + thread);
        for (long i = 0; i < _range; i++)
            PutOne(thread, random, counted);
    }

    /// <inheritdoc/>
    public void PutOne(Random random, Measurement counted) => PutOne(0, random, counted);

    private void PutOne(int thread, Random random, Measurement counted)
    {
        Span<byte> key = stackalloc byte[BenchmarkKeys.KeyBytes];
        var number = (random.NextInt64(_range / _trees.Length) * _trees.Length) + thread;
        BenchmarkKeys.Write(key, number);
        var begun = Stopwatch.GetTimestamp();
        _trees[thread].Put(key, BenchmarkKeys.Value(number));
        counted.Add(Stopwatch.GetTimestamp() - begun);
    }

    /// <inheritdoc/>
    public void ReadRandom(Random random, Measurement counted, Func<bool> goesOn)
    {
        Span<byte> key = stackalloc byte[BenchmarkKeys.KeyBytes];
        long found = 0;
        while (goesOn())
        {
            var number = random.NextInt64(_range);
            BenchmarkKeys.Write(key, number);
            var begun = Stopwatch.GetTimestamp();
            if (_trees[number % _trees.Length].Tree.TryGet(key, out _))
                found++;
            counted.Add(Stopwatch.GetTimestamp() - begun);
        }

        if (found == 0 && counted.Count > 1000)
            throw new InvalidDataException("not one key was found");
    }

    /// <inheritdoc/>
    public void SeekRandom(Random random, Measurement counted, Func<bool> goesOn)
    {
        ReadView[] views = [.. _trees.Select(tree => tree.Tree.OpenView())];
        ViewCursor[] cursors = [.. views.Select(view => view.OpenCursor())];
        Span<byte> key = stackalloc byte[BenchmarkKeys.KeyBytes];
        Span<byte> pair = stackalloc byte[BenchmarkKeys.KeyBytes + BenchmarkKeys.ValueBytes];
        while (goesOn())
        {
            var number = random.NextInt64(_range);
            BenchmarkKeys.Write(key, number);
            var cursor = cursors[number % cursors.Length];
            var begun = Stopwatch.GetTimestamp();
            cursor.Seek(key);
            for (var i = 0; i < NextAfterSeek && cursor.IsValid; i++)
            {
                // As db_bench does: the bytes are looked at.
                cursor.Key.CopyTo(pair);
                cursor.Value.CopyTo(pair[BenchmarkKeys.KeyBytes..]);
                cursor.Next();
            }

            counted.Add(Stopwatch.GetTimestamp() - begun);
        }

        for (var i = 0; i < views.Length; i++)
        {
            cursors[i].Dispose();
            views[i].Dispose();
        }
    }

    /// <inheritdoc/>
    public long ScanAll()
    {
        long count = 0;
        foreach (var tree in _trees)
        {
            using var view = tree.Tree.OpenView();
            using var cursor = view.OpenCursor();
            for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
                count++;
        }

        return count;
    }
}
