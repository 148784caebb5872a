using System.Diagnostics;

namespace Kvorum.Benchmarks.RocksDB;

/// <summary>
/// What <see cref="TreeBenchmark"/> measures, of RocksDB: one database, which all threads write and read, as
/// db_bench has it.
/// </summary>
internal sealed unsafe class RocksBenchmark : IMeasuredStore
{
    private const int NextAfterSeek = 10;

    private readonly string _folder;
    private readonly RocksDatabase _database;
    private readonly long _range;

    /// <summary>Opens an empty database.</summary>
    public RocksBenchmark(BenchmarkOptions options)
    {
        _folder = options.Folder;
        _database = new RocksDatabase(options.Folder, options.CacheBytes);
        _range = options.Keys / options.Threads;
    }

    /// <inheritdoc/>
    public double BytesWritten => _database.BytesWritten;

    /// <inheritdoc/>
    public long DiskBytes => new DirectoryInfo(_folder).EnumerateFiles("*.sst")
        .Sum(static file => file.Length);

    /// <inheritdoc/>
    public void Settle() => _database.Settle();

    /// <inheritdoc/>
    public void Dispose() => _database.Dispose();

    /// <inheritdoc/>
    public void Fill(int thread, Measurement counted)
    {
        var random = new Random(100 + thread);
        for (long i = 0; i < _range; i++)
            PutOne(random, counted);
    }

    /// <inheritdoc/>
    public void PutOne(Random random, Measurement counted)
    {
        Span<byte> key = stackalloc byte[BenchmarkKeys.KeyBytes];
        var number = random.NextInt64(_range);
        BenchmarkKeys.Write(key, number);
        var begun = Stopwatch.GetTimestamp();
        _database.Put(key, BenchmarkKeys.Value(number));
        counted.Add(Stopwatch.GetTimestamp() - begun);
    }

    /// <inheritdoc/>
    public void ReadRandom(Random random, Measurement counted, Func<bool> goesOn)
    {
        Span<byte> key = stackalloc byte[BenchmarkKeys.KeyBytes];
        long found = 0;
        while (goesOn())
        {
            BenchmarkKeys.Write(key, random.NextInt64(_range));
            var begun = Stopwatch.GetTimestamp();
            if (_database.TryGet(key))
                found++;
            counted.Add(Stopwatch.GetTimestamp() - begun);
        }

        if (found == 0 && counted.Count > 1000)
            throw new InvalidDataException("not one key was found");
    }

    /// <inheritdoc/>
    public void SeekRandom(Random random, Measurement counted, Func<bool> goesOn)
    {
        var iterator = _database.OpenIterator();
        var key = stackalloc byte[BenchmarkKeys.KeyBytes];
        var pair = stackalloc byte[BenchmarkKeys.KeyBytes + BenchmarkKeys.ValueBytes];
        while (goesOn())
        {
            BenchmarkKeys.Write(new(key, BenchmarkKeys.KeyBytes), random.NextInt64(_range));
            var begun = Stopwatch.GetTimestamp();
            RocksNative.Seek(iterator, key, BenchmarkKeys.KeyBytes);
            for (var i = 0; i < NextAfterSeek && RocksNative.IsValid(iterator) != 0; i++)
            {
                // As db_bench does: the bytes are looked at.
                var found = RocksNative.Key(iterator, out var bytes);
                Buffer.MemoryCopy(found, pair, BenchmarkKeys.KeyBytes, bytes);
                found = RocksNative.Value(iterator, out bytes);
                Buffer.MemoryCopy(found, pair + BenchmarkKeys.KeyBytes, BenchmarkKeys.ValueBytes, bytes);
                RocksNative.Next(iterator);
            }

            counted.Add(Stopwatch.GetTimestamp() - begun);
        }

        RocksNative.IteratorDestroy(iterator);
    }

    /// <inheritdoc/>
    public long ScanAll()
    {
        var iterator = _database.OpenIterator();
        long count = 0;
        RocksNative.SeekToFirst(iterator);
        for (; RocksNative.IsValid(iterator) != 0; RocksNative.Next(iterator))
            count++;
        RocksNative.IteratorDestroy(iterator);
        return count;
    }
}
