using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Kvorum.Benchmarks.RocksDB;

/// <summary>
/// A database with RocksDB's defaults, as db_bench has them, but for a filter of ten bits per key, no
/// compression and no log. Any thread.
/// </summary>
internal sealed unsafe partial class RocksDatabase : IDisposable
{
    private readonly nint _database;
    private readonly nint _writing = RocksNative.WriteOptionsCreate();
    private readonly nint _reading = RocksNative.ReadOptionsCreate();

    /// <summary>Opens an empty one.</summary>
    public RocksDatabase(string folder, long cacheBytes)
    {
        var tables = RocksNative.TablesCreate();
        RocksNative.TablesFilter(tables, RocksNative.BloomCreate(10));
        RocksNative.TablesCache(tables, RocksNative.CacheCreate((nuint)cacheBytes));
        var options = RocksNative.OptionsCreate();
        RocksNative.OptionsCreateIfMissing(options, 1);
        RocksNative.OptionsCompression(options, 0);
        RocksNative.OptionsTables(options, tables);
        RocksNative.WriteOptionsDisableLog(_writing, 1);
        _database = RocksNative.Open(options, folder, out var error);
        Check(error);
    }

    /// <summary>Bytes that flushes and compactions have written.</summary>
    public double BytesWritten
    {
        get
        {
            var text = RocksNative.Property(_database, "rocksdb.stats");
            var stats = Marshal.PtrToStringUTF8(text)!;
            RocksNative.Free(text);
            return double.Parse(Written().Match(stats).Groups[1].Value, CultureInfo.InvariantCulture)
                * (1L << 30);
        }
    }

    /// <summary>Writes one pair.</summary>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        fixed (byte* keyAt = key, valueAt = value)
        {
            RocksNative.Put(
                _database, _writing, keyAt, (nuint)key.Length, valueAt, (nuint)value.Length, out var error);
            Check(error);
        }
    }

    /// <summary>True if the key has a value, which is pinned for a moment and not copied.</summary>
    public bool TryGet(ReadOnlySpan<byte> key)
    {
        fixed (byte* keyAt = key)
        {
            var value = RocksNative.GetPinned(_database, _reading, keyAt, (nuint)key.Length, out var error);
            Check(error);
            if (value == 0)
                return false;
            RocksNative.PinnedDestroy(value);
            return true;
        }
    }

    /// <summary>An iterator; the caller destroys it.</summary>
    public nint OpenIterator() => RocksNative.IteratorCreate(_database, _reading);

    /// <summary>Flushes everything and waits until nothing is left to compact.</summary>
    public void Settle()
    {
        var options = RocksNative.WaitOptionsCreate();
        RocksNative.WaitOptionsFlush(options, 1);
        RocksNative.WaitForCompaction(_database, options, out var error);
        Check(error);
    }

    /// <inheritdoc/>
    public void Dispose() => RocksNative.Close(_database);

    private static void Check(nint error)
    {
        if (error != 0)
            throw new IOException($"RocksDB: {Marshal.PtrToStringUTF8(error)}");
    }

    [GeneratedRegex(@"Cumulative compaction: ([0-9.]+) GB write")]
    private static partial Regex Written();
}
