using System.Globalization;
using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm.Tables;

namespace Kvorum.Storage.Lsm.Versions;

/// <summary>The names in a tree's folder. Any thread.</summary>
internal sealed class TreeFolder(IFileSystem files, string path)
{
    private const string TableExtension = ".table";

    private readonly List<ulong> _discarded = [];
    private volatile bool _isClosed;

    /// <summary>True for the name of a table's file.</summary>
    public static bool IsTable(string name) => name.EndsWith(TableExtension, StringComparison.Ordinal);

    /// <summary>The disk.</summary>
    public IFileSystem Files => files;

    /// <summary>The folder.</summary>
    public string Path => path;

    /// <summary>The manifest.</summary>
    public string ManifestPath => $"{path}/manifest";

    /// <summary>A manifest that is not yet whole.</summary>
    public string NewManifestPath => $"{path}/manifest.new";

    /// <summary>The file of a table.</summary>
    public string TablePath(ulong number) =>
        $"{path}/{number.ToString("D10", CultureInfo.InvariantCulture)}{TableExtension}";

    /// <summary>A new table, to be written from its beginning to its end.</summary>
    public IFile CreateTable(ulong number)
    {
        var table = TablePath(number);
        return SealedFile.Begin(files.Create(table), files.Keys, table);
    }

    /// <summary>Opens a table to be read, as bytes that are not encrypted.</summary>
    public IFile OpenTable(ulong number, bool pastCache)
    {
        var table = TablePath(number);
        var file = pastCache ? files.OpenPastCache(table) : files.Open(table, forWriting: false);
        // Where there are no keys only a table that seems to be damaged is asked whether it is encrypted.
        return files.Keys is null ? file : SealedFile.Open(file, files.Keys, table);
    }

    /// <summary>The numbers of all table files there are.</summary>
    public IEnumerable<ulong> TableNumbers() =>
        Looking(path, files.ListFiles).Select(NumberOf).Where(number => number > 0);

    /// <summary>True if there is a file for a table.</summary>
    public bool HasTable(ulong number) => Looking(TablePath(number), files.Exists);

    /// <summary>The exception for tables without a manifest.</summary>
    public TreeDamagedException ManifestMissing() => new(
        $"{ManifestPath}: the file is missing, but the folder has {TableNumbers().Count()} tables.",
        "Nothing was changed. Restore it from a copy of this folder; without one: " + Remedy.ReplaceNode);

    /// <summary>
    /// Marks a table for deletion by a later job: the thread that releases it last may be a node loop, which
    /// never waits for a disk.
    /// </summary>
    public void Discard(ulong number)
    {
        lock (_discarded)
            _discarded.Add(number);
    }

    /// <summary>Deletes what was discarded. Background lane.</summary>
    public void RemoveDiscarded()
    {
        ulong[] numbers;
        lock (_discarded)
        {
            numbers = [.. _discarded];
            _discarded.Clear();
        }

        foreach (var number in numbers)
            DeleteTable(number);
    }

    /// <summary>
    /// The tree is closed: later releases delete no file, as its number may belong to a new table.
    /// </summary>
    public void Close() => _isClosed = true;

    /// <summary>Deletes an unused table; if that fails the next start removes it.</summary>
    public void DeleteTable(ulong number)
    {
        if (!_isClosed)
            DeleteIfPossible(TablePath(number));
    }

    /// <summary>Deletes a file if it is there and can be deleted.</summary>
    public void DeleteIfPossible(string file)
    {
        try
        {
            if (files.Exists(file))
                files.Delete(file);
        }
        catch (IOException)
        {
        }
    }

    private static T Looking<T>(string at, Func<string, T> look)
    {
        try
        {
            return look(at);
        }
        catch (IOException error) when (TreeDamagedException.IsMeantBy(error))
        {
            throw TableFormat.Unreadable(at, error);
        }
    }

    // 0 for any other file.
    private static ulong NumberOf(string name)
    {
        if (!name.EndsWith(TableExtension, StringComparison.Ordinal))
            return 0;
        var digits = name.AsSpan(0, name.Length - TableExtension.Length);
        return ulong.TryParse(digits, CultureInfo.InvariantCulture, out var number) ? number : 0;
    }
}
