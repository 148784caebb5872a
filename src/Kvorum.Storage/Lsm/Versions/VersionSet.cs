using Kvorum.Storage.Lsm.Caching;

namespace Kvorum.Storage.Lsm.Versions;

/// <summary>
/// The tables of a tree as they are on disk: the present set, and the only way to change it. Jobs of the
/// background lane and the tree's writer change it; one edit at a time.
/// </summary>
internal sealed class VersionSet : IDisposable
{
    private readonly BlockCache _cache;
    private readonly Manifest _manifest;

    // Held while an edit is made durable.
    private readonly Lock _editing = new();

    // Guards the fields below. Held for a few instructions.
    private readonly Lock _gate = new();
    private TableSet _current;
    private ulong _next;
    private int _installs;

    // True over damaged files, until the process ends: they must not pass for an empty tree.
    private bool _isDamaged;

    // Files of edits whose record may or may not be on disk: not to be deleted before a manifest has replaced
    // it.
    private readonly List<ulong> _doubtful = [];

    // Left over from an earlier process, or damaged; a manifest from before the present one may name them.
    private ulong[] _leftOver = [];

    private VersionSet(
        TreeFolder folder, BlockCache cache, Manifest manifest, TableSet current, ulong next) =>
        (Folder, _cache, _manifest, _current, _next) = (folder, cache, manifest, current, next);

    /// <summary>Where the files are.</summary>
    public TreeFolder Folder { get; }

    /// <summary>
    /// Opens what is in the folder. Leftovers of unfinished jobs are removed with the first edit, or by
    /// <see cref="ResyncManifest"/>. A <see cref="TreeDamagedException"/> if a file is damaged or missing.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="cache">The cache of the tables' blocks.</param>
    /// <param name="changesNothing">Leaves the disk unchanged: no edit may be applied then.</param>
    public static VersionSet Open(TreeFolder folder, BlockCache cache, bool changesNothing = false)
    {
        if (!changesNothing)
            folder.Files.CreateFolder(folder.Path);
        var levels = Levels.Empty;
        Mark? mark = null;
        ulong next = 1;
        var manifest = new Manifest(folder);
        Dictionary<ulong, TableFile> files = [];
        try
        {
            manifest.Open((edit, number) =>
            {
                levels = edit.ApplyTo(levels);
                mark = edit.Mark ?? mark;
                next = Math.Max(next, number);
            });
            if (!manifest.IsThere && folder.TableNumbers().Any())
                throw folder.ManifestMissing();
            foreach (var table in levels.Tables.SelectMany(static level => level))
                files.Add(table.Number, OpenNamed(folder, table, cache));
            ulong[] numbers = [.. folder.TableNumbers()];
            next = numbers.Select(static number => number + 1).Append(next).Max();
            return new VersionSet(folder, cache, manifest, new TableSet(levels, mark, files), next)
            {
                _leftOver = [.. numbers.Where(number => !files.ContainsKey(number))],
            };
        }
        catch
        {
            manifest.Dispose();
            throw;
        }
        finally
        {
            // The set holds them now.
            foreach (var file in files.Values)
                file.Release();
        }
    }

    /// <summary>
    /// An empty set over damaged files, which stay until an install replaces them. The mark is the
    /// manifest's, if that is readable and not known to be wrong.
    /// </summary>
    public static VersionSet OpenDamaged(TreeFolder folder, BlockCache cache, bool isManifestWrong)
    {
        Mark? mark = null;
        using (var manifest = new Manifest(folder))
        {
            try
            {
                if (!isManifestWrong)
                    manifest.Open((edit, _) => mark = edit.Mark ?? mark);
            }
            catch (TreeDamagedException)
            {
                // The mark before the damage may be out of date.
                mark = null;
            }
        }

        ulong[] numbers = [.. folder.TableNumbers()];
        var next = numbers.Append(0UL).Max() + 1;
        var none = new TableSet(Levels.Empty, mark, new Dictionary<ulong, TableFile>());
        return new VersionSet(folder, cache, new Manifest(folder), none, next)
        {
            _isDamaged = true,
            _leftOver = numbers,
        };
    }

    /// <summary>True if the manifest's last record was not whole at the start.</summary>
    public bool IsTorn => _manifest.IsTorn;

    /// <summary>
    /// Writes the manifest that was read at the start again and syncs it, unless an edit has done so, and
    /// removes the tables that it does not name. Background lane.
    /// </summary>
    public void ResyncManifest()
    {
        lock (_editing)
        {
            if (_manifest.IsDoubtful && !_isDamaged)
                _manifest.Replace(VersionEdit.Whole(_current.Levels, _current.Mark), _next);
            Folder.DeleteIfPossible(Folder.NewManifestPath);
            // Damaged files stay until an install replaces them.
            if (!_isDamaged)
                RemoveLeftOver();
        }
    }

    /// <summary>A number for a new file, above all that came before.</summary>
    public ulong NextNumber()
    {
        lock (_gate)
            return _next++; // never reused, so a file name stands for one content
    }

    /// <summary>
    /// To be called before a table is written: makes the first manifest, durably. Background lane.
    /// </summary>
    public void Begin()
    {
        if (_isDamaged)
            return;
        lock (_editing)
            _manifest.Begin(1);
    }

    /// <summary>
    /// The present set, held: the caller releases it. With the number of installs so far: an edit that
    /// was begun before an install must not be applied after it.
    /// </summary>
    public TableSet Hold(out int installs)
    {
        lock (_gate)
        {
            installs = _installs;
            _current.Hold();
            return _current;
        }
    }

    /// <summary>The same; null if the number of installs differs.</summary>
    public TableSet? TryHold(int installs)
    {
        var held = Hold(out var present);
        if (present == installs)
            return held;
        held.Release();
        return null;
    }

    /// <summary>Opens a table that was just written, held once.</summary>
    public TableFile OpenTable(ulong number, TableInfo? expected = null) =>
        TableFile.Open(Folder, number, _cache, expected);

    /// <summary>
    /// Makes an edit durable and the result the present set. The added tables are durable already, names
    /// included; the edit holds them from now on. False, and nothing changed, if an install came after the
    /// set that the edit was begun from. After an <see cref="IOException"/> the set is as it was, and files
    /// of the edit must stay where they are.
    /// </summary>
    public bool TryApply(VersionEdit edit, IEnumerable<TableFile> added, int installs)
    {
        lock (_editing)
        {
            if (installs != _installs)
                return false;
            var before = _current;
            var levels = edit.ApplyTo(before.Levels);
            var mark = edit.Mark ?? before.Mark;
            try
            {
                _manifest.Add(edit, () => VersionEdit.Whole(levels, mark), _next);
            }
            catch (IOException)
            {
                _doubtful.AddRange(edit.Added.Select(static added => added.Table.Number));
                throw;
            }

            var files =
                before.Files.Concat(added).ToDictionary(file => file.Info.Number);
            Switch(before, new TableSet(levels, mark, files), _installs);
            return true;
        }
    }

    /// <summary>Replaces all tables by these, atomically on disk; on the conditions of an edit.</summary>
    public void Install(VersionEdit whole, IEnumerable<TableFile> added)
    {
        lock (_editing)
        {
            var before = _current;
            var levels = whole.ApplyTo(Levels.Empty);
            // Its tables are not doubtful: it is tried again until it succeeds or the process ends.
            _manifest.Replace(whole, _next);
            var after = new TableSet(levels, whole.Mark, added.ToDictionary(file => file.Info.Number));
            Switch(before, after, _installs + 1);
        }
    }

    /// <summary>The exception for a missing table.</summary>
    public static TreeDamagedException TableMissing(string path) => new(
        $"{path}: the file is missing, but the manifest names this table.",
        Remedy.ReplaceNode);

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_editing)
        {
            _manifest.Dispose();
            Folder.Close();
            _current.Release();
        }
    }

    private static TableFile OpenNamed(TreeFolder folder, TableInfo table, BlockCache cache) =>
        folder.HasTable(table.Number)
            ? TableFile.Open(folder, table.Number, cache, table)
            : throw TableMissing(folder.TablePath(table.Number));

    private void Switch(TableSet before, TableSet after, int installs)
    {
        Invariant.Check(installs == _installs || installs == _installs + 1);
        Invariant.Check(after.Mark is null || after.Mark.AppliedIndex >= (before.Mark?.AppliedIndex ?? 0));
        HashSet<ulong> kept = [.. after.Files.Select(file => file.Info.Number)];
        foreach (var file in before.Files)
        {
            if (!kept.Contains(file.Info.Number))
                file.MakeObsolete();
        }

        lock (_gate)
            (_current, _installs) = (after, installs);
        before.Release();
        // A new manifest file without the doubtful records is durable: their tables can go.
        foreach (var number in _doubtful)
        {
            if (!kept.Contains(number))
                Folder.DeleteTable(number);
        }

        _doubtful.Clear();
        RemoveLeftOver();
    }

    // The manifest is durable, and does not name them.
    private void RemoveLeftOver()
    {
        foreach (var number in _leftOver)
            Folder.DeleteTable(number);
        _leftOver = [];
    }
}
