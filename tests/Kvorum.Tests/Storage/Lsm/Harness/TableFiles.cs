using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Caching;
using Kvorum.Storage.Lsm.Tables;

namespace Kvorum.Tests.Storage.Lsm.Harness;

/// <summary>Tables of entries on a disk.</summary>
internal static class TableFiles
{
    public static TableProperties Write(
        IFileSystem disk, string path, IEnumerable<Versioned> entries, TableOptions options)
    {
        using var file = disk.Create(path);
        using var writer = new TableWriter(file, options);
        foreach (var entry in entries)
            writer.Add(entry.Key, entry.Sequence, entry.Kind, entry.Value);
        return writer.Finish();
    }

    public static TableReader WriteAndOpen(
        IFileSystem disk,
        ulong number,
        IEnumerable<Versioned> entries,
        TableOptions options,
        BlockCache cache)
    {
        var path = $"{number:x16}.table";
        Write(disk, path, entries, options);
        return TableReader.Open(disk, path, number, cache);
    }

    public static TableOptions Options(Random random) => new()
    {
        BlockBytes = 1 << random.Next(5, 13),
        RestartInterval = 1 << random.Next(0, 6),
        FilterBitsPerKey = random.Next(3) switch { 0 => 0, 1 => 4, _ => 10 },
        WriteBytes = 1 << random.Next(0, 17),
        Compression = random.Next(2) == 0 ? BlockCompression.Lz4 : BlockCompression.None,
    };
}
