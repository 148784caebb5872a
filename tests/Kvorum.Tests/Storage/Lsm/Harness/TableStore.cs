using System.Collections.Immutable;
using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Caching;
using Kvorum.Storage.Lsm.Compaction;
using Kvorum.Storage.Lsm.Merging;
using Kvorum.Storage.Lsm.Tables;

namespace Kvorum.Tests.Storage.Lsm.Harness;

/// <summary>A tree without memory table and manifest: levels, and compactions one after another.</summary>
internal sealed class TableStore(TableOptions tableOptions, CompactionOptions options)
    : ICompactionTables, IDisposable
{
    private readonly SortedDictionary<ulong, TableReader> _readers = [];
    private readonly BlockCache _cache = new(1 << 20);
    private ulong _number;

    public CrashFileSystem Disk { get; } = new();

    public Levels Levels { get; private set; } = Levels.Empty;

    public CompactionTurns Turns { get; private set; } = CompactionTurns.None;

    public void Flush(List<Versioned> run)
    {
        var number = ++_number;
        var properties = TableFiles.Write(Disk, Path(number), run, tableOptions);
        var table = properties.ToInfo(number, Disk.ReadAll(Path(number)).Length);
        Levels = new Levels(Levels.Tables.SetItem(0, Levels.Tables[0].Insert(0, table)));
    }

    public CompactionChoice? Pick(ulong oldestView) =>
        CompactionPicker.Pick(Levels, Turns, oldestView, options);

    public Compactor Compactor(CompactionChoice choice, ulong oldestView) =>
        new(choice, Levels, oldestView, this, tableOptions, options);

    public void Apply(CompactionChoice choice, ImmutableArray<TableInfo> made)
    {
        var tables = Levels.Tables;
        tables = tables.SetItem(choice.Level, [.. tables[choice.Level].Except(choice.Inputs)]);
        var output = tables[choice.OutputLevel].Except(choice.Overlapped).Concat(made)
            .OrderBy(table => Convert.ToHexString(table.Smallest.Span), StringComparer.Ordinal);
        Levels = new Levels(tables.SetItem(choice.OutputLevel, [.. output]));
        Turns = choice.Turns;
        var live = Levels.Tables.SelectMany(level => level).Select(table => table.Number).ToHashSet();
        foreach (var old in choice.Inputs.Concat(choice.Overlapped))
        {
            if (!live.Contains(old.Number))
                Delete(old.Number);
        }

    }

    public Cursor OpenCursor() => new MergingCursor(
    [
        .. Levels.Tables[0].Select(table => Reader(table).OpenCursor()),
        .. Levels.Tables.Skip(1).Where(level => !level.IsEmpty)
            .Select(level => new LevelCursor(level, table => Reader(table).OpenCursor())),
    ]);

    public TableReader Reader(TableInfo table)
    {
        if (!_readers.TryGetValue(table.Number, out var reader))
        {
            reader = TableReader.Open(Disk, Path(table.Number), table.Number, _cache);
            _readers[table.Number] = reader;
        }

        return reader;
    }

    public (IFile File, ulong Number) Create() => (Disk.Create(Path(++_number)), _number);

    public void Delete(ulong number)
    {
        if (_readers.Remove(number, out var reader))
            reader.Dispose();
        Disk.Delete(Path(number));
    }

    public void Dispose()
    {
        foreach (var reader in _readers.Values)
            reader.Dispose();
        _cache.Dispose();
    }

    private static string Path(ulong number) => $"{number:x16}.table";
}
