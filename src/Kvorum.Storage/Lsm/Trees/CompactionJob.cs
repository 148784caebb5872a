using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm.Compaction;
using Kvorum.Storage.Lsm.Tables;
using Kvorum.Storage.Lsm.Versions;

namespace Kvorum.Storage.Lsm.Trees;

/// <summary>
/// A compaction: picked on the writer, run on the background lane, completed on the writer. Views keep the
/// tables they read, so nothing is kept for them here.
/// </summary>
public sealed class CompactionJob
{
    private const ulong NoView = ulong.MaxValue;

    private readonly Tree _tree;
    private readonly VersionSet _versions;
    private readonly TableSet _tables;
    private readonly CompactionChoice _choice;
    private readonly TreeOptions _options;
    private readonly int _installs;
    private Compactor? _compactor;
    private bool _isEnded;
    private bool _isRun;

    internal CompactionJob(
        Tree tree, VersionSet versions, TableSet held, CompactionChoice choice, TreeOptions options,
        int installs)
    {
        (_tree, _versions, _tables, _choice, _options) = (tree, versions, held, choice, options);
        _installs = installs;
    }

    /// <summary>The level whose tables go down.</summary>
    public int Level => _choice.Level;

    /// <summary>True if its only reason is that its tables are encrypted with another key.</summary>
    public bool IsRewriting => _choice.Reason == CompactionReason.Key;

    /// <summary>Bytes of the tables to be read; 0 if they only change their level.</summary>
    public long InputBytes => _choice.IsMove ? 0 : _choice.InputBytes;

    /// <summary>Bytes of the new tables, once it has run.</summary>
    public long OutputBytes { get; private set; }

    /// <summary>
    /// Goes on until about so many bytes have been read; at the end syncs and updates the manifest. True when
    /// all is done. Background lane; other jobs may run between two calls. Throws the disk's error, and a
    /// <see cref="TreeDamagedException"/> if an input is damaged: then nothing changed, and the job has
    /// ended.
    /// </summary>
    public bool Run(long bytes = long.MaxValue)
    {
        if (_isEnded)
            throw new InvalidOperationException("The compaction is over");
        _versions.Folder.RemoveDiscarded();
        var isOver = true;
        try
        {
            if (!_choice.IsMove && !Merge(bytes))
                return isOver = false;
            Finish();
            return _isRun = true;
        }
        finally
        {
            if (isOver)
                End();
        }
    }

    /// <summary>Makes the result what readers see. Writer, after <see cref="Run"/>.</summary>
    public void Complete()
    {
        if (!_isRun)
            throw new InvalidOperationException("The compaction has not run");
        _tree.EndCompaction(_choice.Turns);
        _tree.Adopt();
    }

    /// <summary>Ends the job and removes its tables. Not while a run is under way.</summary>
    public void Abandon()
    {
        if (!_isEnded)
            End();
    }

    private bool Merge(long bytes)
    {
        _compactor ??= new Compactor(
            _choice, _tables.Levels, NoView, new Tables(_versions, _tables), _options.Tables,
            _options.Compaction);
        return _compactor.Step(bytes);
    }

    private void Finish()
    {
        List<TableFile> made = [];
        var isNamed = false;
        try
        {
            OpenResult(made);
            var edit = Edit(made);
            isNamed = true; // after a failure a record on disk may name them: they must stay
            isNamed = _versions.TryApply(edit, made, _installs);
        }
        finally
        {
            foreach (var table in made)
            {
                if (!isNamed)
                    table.MakeObsolete();
                table.Release();
            }
        }
    }

    private void OpenResult(List<TableFile> made)
    {
        if (_compactor?.Result is not { } result)
            return;
        OutputBytes = result.BytesWritten;
        try
        {
            _versions.Folder.Files.SyncFolder(_versions.Folder.Path);
            foreach (var table in result.Tables)
                made.Add(_versions.OpenTable(table.Number, table));
        }
        catch
        {
            foreach (var table in result.Tables.Skip(made.Count))
                _versions.Folder.DeleteTable(table.Number);
            throw;
        }
    }

    private void End()
    {
        _isEnded = true;
        _compactor?.Dispose();
        _tables.Release();
        if (!_isRun)
            _tree.EndCompaction(null);
    }

    private VersionEdit Edit(List<TableFile> made) => new()
    {
        Removed =
        [
            .. _choice.Inputs.Select(table => new LevelTable(_choice.Level, table)),
            .. _choice.Overlapped.Select(table => new LevelTable(_choice.OutputLevel, table)),
        ],
        Added = _choice.IsMove
            ? [.. _choice.Inputs.Select(table => new LevelTable(_choice.OutputLevel, table))]
            : [.. made.Select(table => new LevelTable(_choice.OutputLevel, table.Info))],
    };

    private sealed class Tables(VersionSet versions, TableSet inputs) : ICompactionTables
    {
        private readonly Dictionary<ulong, TableFile> _files =
            inputs.Files.ToDictionary(file => file.Info.Number);

        public TableReader Reader(TableInfo table) => _files[table.Number].Reader;

        public (IFile File, ulong Number) Create()
        {
            var number = versions.NextNumber();
            return (versions.Folder.CreateTable(number), number);
        }

        public void Delete(ulong number) => versions.Folder.DeleteTable(number);
    }
}
