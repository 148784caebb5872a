using System.Collections.Immutable;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Caching;
using Kvorum.Storage.Lsm.Versions;
using Kvorum.Tests.Storage.Lsm.Harness;

namespace Kvorum.Tests.Storage.Lsm;

public class AscendingLookupTests
{
    private readonly CrashFileSystem _disk = new();
    private readonly Dictionary<ulong, TableFile> _files = [];
    private int _folders;

    [Fact]
    public void Finds_what_single_lookups_find()
    {
        var found = 0;
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            using var cache = new BlockCache(random.Next(3) switch { 0 => 0, 1 => 4 << 10, _ => 1 << 20 });
            var tables = Tables(random, cache);
            using (var lookup = tables.OpenLookup())
            {
                foreach (var key in AscendingKeys(random))
                {
                    EntryKind? expected = null;
                    if (tables.TryGet(key, out var one))
                    {
                        expected = one.Kind;
                        one.Dispose();
                        found++;
                    }

                    Assert.Equal(expected, lookup.TryFind(key, out var kind) ? kind : null);
                }
            }

            tables.Release();
            _files.Clear();
        }

        Assert.True(found > 1000);
    }

    private static IEnumerable<byte[]> AscendingKeys(Random random)
    {
        var count = random.Next(1, 400);
        return Enumerable.Range(0, count).Select(_ => Versions.Key(random))
            .OrderBy(Convert.ToHexString, StringComparer.Ordinal);
    }

    // A few tables in level 0, and disjoint ones below.
    private TableSet Tables(Random random, BlockCache cache)
    {
        var folder = new TreeFolder(_disk, $"tree{_folders++}");
        _disk.CreateFolder(folder.Path);
        var options = TableFiles.Options(random);
        var levels = Levels.Empty.Tables;
        levels = levels.SetItem(
            0, [.. Enumerable.Range(0, random.Next(4))
                .Select(_ => Write(Versions.Run(random, random.Next(1, 80))))]);
        for (var level = 1; level < 3; level++)
        {
            var byKey = Versions.Run(random, random.Next(200))
                .GroupBy(entry => Convert.ToHexString(entry.Key));
            ImmutableArray<TableInfo> tables =
                [.. byKey.Chunk(random.Next(1, 60)).Select(some => Write([.. some.SelectMany(one => one)]))];
            levels = levels.SetItem(level, tables);
        }

        var made = new TableSet(new Levels(levels), null, _files);
        foreach (var file in _files.Values)
            file.Release();
        return made;

        TableInfo Write(List<Versioned> run)
        {
            var number = (ulong)_files.Count + 1;
            TableFiles.Write(_disk, folder.TablePath(number), run, options);
            _files[number] = TableFile.Open(folder, number, cache);
            return _files[number].Info;
        }
    }
}
