using System.Globalization;
using Kvorum.Storage.Files;

namespace Kvorum.Storage.Trees;

/// <summary>
/// The files of one tree: generations of checkpoints, of which the highest counts, and unfinished ones. Any thread; a
/// file that somebody reads is kept until the last reader closes.
/// </summary>
internal sealed class CheckpointFolder(IFileSystem files, string folder)
{
    private const string Extension = ".tree";
    private const string UnfinishedExtension = ".new";

    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, int> _readers = [];
    private ulong _newestNamed;
    private ulong _current;

    public IFileSystem Files => files;

    public string PathOf(ulong generation) =>
        $"{folder}/{generation.ToString("D16", CultureInfo.InvariantCulture)}{Extension}";

    public string UnfinishedPathOf(ulong generation) => PathOf(generation) + UnfinishedExtension;

    /// <summary>Makes the folder if need be, removes unfinished files, and returns the generation to load; 0 if there is none.</summary>
    public ulong Open()
    {
        files.CreateFolder(folder);
        foreach (string name in files.ListFiles(folder))
        {
            if (name.EndsWith(UnfinishedExtension, StringComparison.Ordinal))
                files.Delete($"{folder}/{name}");
        }

        _current = _newestNamed = Generations().LastOrDefault();
        return _current;
    }

    /// <summary>A number for a new file, above all that came before.</summary>
    public ulong NextGeneration()
    {
        lock (_gate)
            return ++_newestNamed;
    }

    /// <summary>Gives a synced file its final name, durably.</summary>
    public void Publish(ulong unfinished, ulong generation)
    {
        files.Rename(UnfinishedPathOf(unfinished), PathOf(generation));
        files.SyncFolder(folder);
    }

    /// <summary>Makes a published generation the current one, unless a newer one is, and removes those that are not needed.</summary>
    public bool MakeCurrent(ulong generation)
    {
        lock (_gate)
        {
            bool newest = generation > _current;
            _current = Math.Max(_current, generation);
            RemoveOld();
            return newest;
        }
    }

    /// <summary>Opens a generation for reading; the file stays until <see cref="CloseReader"/>.</summary>
    public IFile OpenReader(ulong generation)
    {
        lock (_gate)
        {
            IFile file = files.Open(PathOf(generation), forWriting: false);
            _readers[generation] = _readers.GetValueOrDefault(generation) + 1;
            return file;
        }
    }

    /// <summary>Closes a reader's file, and removes what nobody needs any more.</summary>
    public void CloseReader(ulong generation, IFile file)
    {
        lock (_gate)
        {
            file.Dispose();
            if (--_readers[generation] == 0)
                _readers.Remove(generation);
            RemoveOld();
        }
    }

    /// <summary>Removes an unfinished file.</summary>
    public void Discard(ulong generation)
    {
        if (files.Exists(UnfinishedPathOf(generation)))
            DeleteIfPossible(UnfinishedPathOf(generation));
    }

    /// <summary>Removes older generations that nobody reads.</summary>
    public void RemoveOld()
    {
        foreach (ulong generation in Generations())
        {
            if (generation < _current && !_readers.ContainsKey(generation))
                DeleteIfPossible(PathOf(generation));
        }
    }

    // Neither an unfinished file nor an older generation is ever read: one that stays is removed another time.
    private void DeleteIfPossible(string path)
    {
        try
        {
            files.Delete(path);
        }
        catch (IOException)
        {
        }
    }

    private ulong[] Generations() =>
    [
        .. files.ListFiles(folder)
            .Where(name => name.EndsWith(Extension, StringComparison.Ordinal))
            .Select(name => ulong.TryParse(
                name.AsSpan(0, name.Length - Extension.Length), CultureInfo.InvariantCulture, out ulong number) ? number : 0)
            .Where(number => number > 0)
            .Order(),
    ];
}
