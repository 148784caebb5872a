using System.Collections.Immutable;
using System.Diagnostics;
using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Caching;
using Kvorum.Storage.Lsm.Merging;
using Kvorum.Storage.Lsm.Tables;

namespace Kvorum.Benchmarks;

/// <summary>Sorted tables alone, one level of them: what the tree above can reach at best.</summary>
internal sealed class TableBenchmark(BenchmarkOptions options) : IDisposable
{
    private const long TableBytes = 16 << 20;

    private readonly BlockCache _cache = new(options.CacheBytes);
    private readonly List<TableReader> _tables = [];
    private ImmutableArray<TableInfo> _level = [];
    private readonly DiskFileSystem _disk = new(options.Folder);

    /// <summary>Fills, reads and scans; one result each.</summary>
    public IEnumerable<BenchmarkResult> Run()
    {
        yield return Fill();
        _level = [.. _tables.Select(table => table.Info)];
        BenchmarkRun.Timed("warm-up", options, ReadRandom);
        yield return BenchmarkRun.Timed("table read random", options, ReadRandom);
        yield return BenchmarkRun.Timed("table read missing", options, ReadMissing);
        yield return Scan(readAheadBytes: 0);
        yield return Scan(readAheadBytes: 256 << 10);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var table in _tables)
            table.Dispose();
        _cache.Dispose();
    }

    private BenchmarkResult Fill()
    {
        var begun = Stopwatch.GetTimestamp();
        var key = new byte[BenchmarkKeys.KeyBytes];
        for (long number = 0; number < options.Keys;)
        {
            var path = $"{_tables.Count:x16}.table";
            using (var file = _disk.Create(path))
            using (var writer = new TableWriter(file, new TableOptions()))
            {
                for (; number < options.Keys && writer.Bytes < TableBytes; number++)
                {
                    BenchmarkKeys.Write(key, number);
                    var sequence = (ulong)(number * 7919 % options.Keys) + 1;
                    writer.Add(key, sequence, EntryKind.Put, BenchmarkKeys.Value(number));
                }

                writer.Finish();
            }

            _tables.Add(TableReader.Open(_disk, path, (ulong)_tables.Count, _cache));
        }

        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        var user = options.Keys * (BenchmarkKeys.KeyBytes + BenchmarkKeys.ValueBytes);
        return new BenchmarkResult("table fill sorted", 1, options.Keys, seconds)
        {
            SpaceAmplification = (double)_tables.Sum(table => table.Bytes) / user,
        };
    }

    private void ReadRandom(Random random, Measurement counted, Func<bool> goesOn)
    {
        Span<byte> key = stackalloc byte[BenchmarkKeys.KeyBytes];
        var value = new byte[BenchmarkKeys.ValueBytes];
        while (goesOn())
        {
            var number = random.NextInt64(options.Keys);
            BenchmarkKeys.Write(key, number);
            var begun = Stopwatch.GetTimestamp();
            if (!TryGet(key, value))
                throw new InvalidDataException($"key {number} is missing");
            counted.Add(Stopwatch.GetTimestamp() - begun);
        }
    }

    private void ReadMissing(Random random, Measurement counted, Func<bool> goesOn)
    {
        Span<byte> key = stackalloc byte[BenchmarkKeys.KeyBytes];
        while (goesOn())
        {
            BenchmarkKeys.Write(key, random.NextInt64(options.Keys - 1));
            key[^1]++;
            var begun = Stopwatch.GetTimestamp();
            if (TryGet(key, default))
                throw new InvalidDataException("a key that was never written");
            counted.Add(Stopwatch.GetTimestamp() - begun);
        }
    }

    private bool TryGet(ReadOnlySpan<byte> key, Span<byte> value)
    {
        var index = LevelCursor.FirstNotBefore(_level, key);
        if (index == _level.Length || !_tables[index].TryGet(key, ulong.MaxValue, out var found))
            return false;
        found.Value.CopyTo(value);
        found.Dispose();
        return true;
    }

    private BenchmarkResult Scan(int readAheadBytes)
    {
        var begun = Stopwatch.GetTimestamp();
        long count = 0;
        using var cursor = new LevelCursor(
            _level, table => _tables[(int)table.Number].OpenCursor(readAheadBytes));
        for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
            count++;
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        var name = readAheadBytes == 0 ? "table scan" : "table scan ahead";
        return new BenchmarkResult(name, 1, count, seconds);
    }
}
