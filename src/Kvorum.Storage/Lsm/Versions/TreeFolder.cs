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

    /// <summary>The numbers of all table files there are.</summary>
    public IEnumerable<ulong> TableNumbers() =>
        Looking(path, files.ListFiles).Select(NumberOf).Where(number => number > 0);

    /// <summary>True if there is a file for a table.</summary>
    public bool HasTable(ulong number) => Looking(TablePath(number), files.Exists);

    /// <summary>What is thrown when there are tables, and no manifest.</summary>
    public TreeDamagedException ManifestMissing() => new(
        $"{ManifestPath}: missing, and {TableNumbers().Count()} tables are there that it must have named.",
        "Nothing was changed. Bring it back from a copy of this very folder, or restore the node from its " +
        "peers: stop it, move its data folder away, and replace the node.");

    /// <summary>
    /// A table that nobody needs any more is deleted later, by a job: whoever let go of it last may be a node
    /// loop, which never waits for a disk.
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
    /// The tree is closed: whoever lets go of a table later deletes nothing, its number may be another's.
    /// </summary>
    public void Close() => _isClosed = true;

    /// <summary>Deletes a table that nobody needs: one that stays is removed at the next start.</summary>
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
