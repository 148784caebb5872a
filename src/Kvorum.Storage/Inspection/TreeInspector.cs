using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;
using Kvorum.Storage.Lsm.Versions;

namespace Kvorum.Storage.Inspection;

/// <summary>
/// Reads every byte of a tree that is not open, and changes nothing. Used once. One thread.
/// </summary>
public sealed class TreeInspector(IFileSystem files, string folder)
{
    private readonly TreeFolder _folder = new(files, folder);
    private readonly List<Finding> _findings = [];
    private Levels _levels = Levels.Empty;
    private Mark? _mark;

    /// <summary>
    /// The newest checkpoint in the manifest; null if there is none or it cannot be read. Known after
    /// <see cref="Run"/>.
    /// </summary>
    public CheckpointInfo? Checkpoint => _mark is { } mark
        ? new CheckpointInfo(mark.AppliedIndex, Tables.Sum(static table => table.Bytes), mark.Tag)
        {
            IsInstalled = mark.IsInstalled,
        }
        : null;

    private bool IsDamaged => _findings.Any(static finding => finding.Kind == FindingKind.Damage);

    private IEnumerable<TableInfo> Tables => _levels.Tables.SelectMany(static level => level);

    /// <summary>
    /// Damaged files, leftover files, and at last one line about the tree as a whole if it is sound.
    /// </summary>
    public IReadOnlyList<Finding> Run()
    {
        var hasManifest = files.Exists(_folder.ManifestPath);
        if (hasManifest)
            Try(_folder.ManifestPath, ReadManifest);
        else if (_folder.TableNumbers().Any())
            Add(_folder.ManifestPath, FindingKind.Damage, _folder.ManifestMissing().Message);
        var isKnown = !IsDamaged;
        if (isKnown)
            ReadTables(hasManifest);
        NoteOthers(isKnown);
        return _findings;
    }

    private void ReadManifest()
    {
        using var manifest = new Manifest(_folder);
        var (whole, bytes) = manifest.Read((edit, _) =>
        {
            _levels = edit.ApplyTo(_levels);
            _mark = edit.Mark ?? _mark;
        });
        if (whole < bytes.Length)
            Add(
                _folder.ManifestPath, FindingKind.Note,
                $"{bytes.Length - whole} bytes of an unfinished record at offset {whole}, never in effect");
    }

    private void ReadTables(bool hasManifest)
    {
        foreach (var table in Tables)
        {
            var path = _folder.TablePath(table.Number);
            Try(path, () => ReadTable(table, path));
        }

        if (IsDamaged)
            return;
        TableInfo[] tables = [.. Tables];
        Add(folder, FindingKind.Sound, !hasManifest
            ? "no tables yet: all data is in the log"
            : $"{tables.Length} tables, {tables.Sum(static table => table.Entries)} entries, " +
                $"{tables.Sum(static table => table.Bytes)} bytes, up to log index " +
                $"{_mark?.AppliedIndex ?? 0}");
    }

    private void ReadTable(TableInfo expected, string path)
    {
        if (!_folder.HasTable(expected.Number))
            throw VersionSet.TableMissing(path);
        foreach (var damage in TableFile.Check(_folder, expected))
            Add(path, FindingKind.Damage, damage.Message);
    }

    // Only a whole manifest tells which tables count.
    private void NoteOthers(bool isKnown)
    {
        HashSet<string> known = [_folder.ManifestPath];
        known.UnionWith(Tables.Select(table => _folder.TablePath(table.Number)));
        HashSet<string> tables = [.. _folder.TableNumbers().Select(_folder.TablePath)];
        foreach (var path in files.ListFiles(folder).Select(name => $"{folder}/{name}"))
        {
            if (known.Contains(path) || (!isKnown && tables.Contains(path)))
                continue;
            var isLeftOver = tables.Contains(path) || path == _folder.NewManifestPath;
            Add(path, FindingKind.Note, isLeftOver
                ? "not in the manifest, left over from an unfinished job; a start removes it"
                : "not a file of a tree; it is ignored");
        }
    }

    private void Try(string path, Action read)
    {
        try
        {
            read();
        }
        catch (IOException e)
        {
            Add(path, FindingKind.Damage, e.Message);
        }
    }

    private void Add(string file, FindingKind kind, string text) =>
        _findings.Add(new Finding(file, kind, text));
}
