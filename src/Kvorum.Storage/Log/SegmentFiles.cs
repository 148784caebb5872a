using System.Globalization;
using Kvorum.Storage.Files;

namespace Kvorum.Storage.Log;

/// <summary>The folder of segment files: their names, how they are made and removed.</summary>
internal sealed class SegmentFiles(IFileSystem files, string folder)
{
    private const string Extension = ".log";
    private const string UnfinishedExtension = ".new";

    public IFileSystem Files => files;

    /// <summary>The data key that frames are encrypted with; 0: none.</summary>
    public ulong Key { get; } = files.Keys?.Current ?? 0;

    /// <summary>The folder of the log.</summary>
    public string Folder => folder;

    public string PathOf(ulong segment) => $"{folder}/{NameOf(segment)}{Extension}";

    /// <summary>The path of a segment until it is whole.</summary>
    public string UnfinishedPathOf(ulong segment) => $"{folder}/{NameOf(segment)}{UnfinishedExtension}";

    /// <summary>
    /// Makes a segment that is whole and durable under its name before anything is written to it. Filled with
    /// zeros, each later sync only writes data; a file with a hole makes the file system's journal take part
    /// in every one.
    /// </summary>
    public Segment Create(ulong number, long bytes)
    {
        using var fill = new SegmentFill(this, number, bytes);
        fill.Fill(bytes);
        return fill.Finish();
    }

    /// <summary>Makes the names of the segments durable.</summary>
    public void SyncFolder() => files.SyncFolder(folder);

    /// <summary>Removes a file that is not needed.</summary>
    public void RemoveIfThere(string path)
    {
        try
        {
            if (files.Exists(path))
                files.Delete(path);
        }
        catch (IOException)
        {
            // The disk already failed once; the next open removes what is left.
        }
    }

    /// <summary>
    /// Deletes the files oldest first, each durably, so that a crash leaves no gap. Missing files are
    /// skipped, so the call may be repeated after a <see cref="DiskShortageException"/>.
    /// </summary>
    public void Delete(IEnumerable<string> oldestFirst)
    {
        foreach (var path in oldestFirst)
        {
            if (files.Exists(path))
                files.Delete(path);
            SyncFolder();
        }
    }

    /// <summary>Segments on disk, ascending. Removes nothing.</summary>
    public List<Segment> List()
    {
        List<Segment> segments = [];
        foreach (var name in files.ListFiles(folder))
        {
            if (!name.EndsWith(Extension, StringComparison.Ordinal))
                continue;
            var digits = name.AsSpan(0, name.Length - Extension.Length);
            if (ulong.TryParse(digits, CultureInfo.InvariantCulture, out var number))
                segments.Add(new Segment(number, PathOf(number)));
        }

        segments.Sort((a, b) => a.Number.CompareTo(b.Number));
        return segments;
    }

    /// <summary>Removes unfinished segments.</summary>
    public void DeleteUnfinished()
    {
        foreach (var name in files.ListFiles(folder))
        {
            if (name.EndsWith(UnfinishedExtension, StringComparison.Ordinal))
                files.Delete($"{folder}/{name}");
        }
    }

    private static string NameOf(ulong segment) => segment.ToString("D16", CultureInfo.InvariantCulture);
}
