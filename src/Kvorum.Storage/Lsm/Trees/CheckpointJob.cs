using System.Collections.Immutable;
using Kvorum.Storage.Lsm.MemTables;
using Kvorum.Storage.Lsm.Merging;
using Kvorum.Storage.Lsm.Tables;
using Kvorum.Storage.Lsm.Versions;

namespace Kvorum.Storage.Lsm.Trees;

/// <summary>
/// A checkpoint being made, which is a flush: the writer seals the memtable and begins it, the background
/// lane writes a table and adds it to the manifest, the writer completes it.
/// </summary>
public sealed class CheckpointJob
{
    private readonly Tree _tree;
    private readonly VersionSet _versions;
    private readonly TreeOptions _options;
    private readonly TableSet _before;
    private readonly ImmutableArray<MemTable> _sealed;
    private readonly (ulong AppliedIndex, byte[] Tag) _mark;
    private readonly int _installs;
    private long _countedKeys;
    private bool _isWritten;

    // Takes over the hold of the tables.
    internal CheckpointJob(
        Tree tree, VersionSet versions, TreeOptions options, TableSet before,
        ImmutableArray<MemTable> memTables, (ulong AppliedIndex, byte[] Tag) mark, int installs)
    {
        (_tree, _versions, _options, _before, _sealed) = (tree, versions, options, before, memTables);
        (_mark, _installs) = (mark, installs);
        _countedKeys = before.Mark?.CountedKeys ?? 0;
        foreach (var memTable in memTables)
            memTable.Hold();
    }

    /// <summary>
    /// Writes and syncs the table and the manifest. Background lane. Throws the disk's error: then
    /// nothing changed, and a new checkpoint may begin.
    /// </summary>
    public void Write()
    {
        _versions.Folder.RemoveDiscarded();
        TableFile? table = null;
        try
        {
            table = WriteTable();
            var edit = new VersionEdit
            {
                Mark = new Mark(_mark.AppliedIndex, _mark.Tag, _countedKeys),
                Added = table is null ? [] : [new LevelTable(0, table.Info)],
            };
            var applied = _versions.TryApply(edit, table is null ? [] : [table], _installs);
            if (!applied)
                table?.MakeObsolete();
            _isWritten = true;
        }
        finally
        {
            table?.Release();
            _before.Release();
            foreach (var memTable in _sealed)
                memTable.Release();
            if (!_isWritten)
                _tree.EndCheckpoint();
        }
    }

    /// <summary>
    /// Makes it the tree's newest checkpoint, unless one was installed meanwhile. Writer, after
    /// <see cref="Write"/>. Returns the tree's newest one; null before the first install.
    /// </summary>
    public CheckpointInfo? Complete()
    {
        if (!_isWritten)
            throw new InvalidOperationException("The checkpoint is not written");
        _tree.EndCheckpoint();
        _tree.Adopt();
        return _tree.Checkpoint;
    }

    // Of each key only the newest version: older ones are for views, and those hold the memtables.
    private TableFile? WriteTable()
    {
        using var cursor = _sealed is [var only] ? only.OpenCursor(ulong.MaxValue)
            : new MergingCursor(_sealed.Select(memTable => memTable.OpenCursor(ulong.MaxValue)));
        cursor.SeekToFirst();
        PassDeletes(cursor);
        if (!cursor.IsValid)
            return null;
        _versions.Begin();
        var number = _versions.NextNumber();
        var folder = _versions.Folder;
        try
        {
            using (var file = folder.CreateTable(number))
            {
                using var writer = new TableWriter(file, _options.Tables);
                using var lookup = _before.OpenLookup();
                while (cursor.IsValid)
                {
                    writer.Add(cursor.Key, cursor.Sequence, cursor.Kind, cursor.Value);
                    Count(cursor, lookup);
                    PassKey(cursor);
                    PassDeletes(cursor);
                }

                writer.Finish();
            }

            folder.Files.SyncFolder(folder.Path);
            return _versions.OpenTable(number);
        }
        catch
        {
            folder.DeleteTable(number);
            throw;
        }
    }

    // The writer does not check whether the key existed: the flush looks that up, once for all writes of a
    // key.
    private void Count(Cursor cursor, AscendingLookup lookup)
    {
        var key = cursor.Key;
        if (key.IsEmpty || key[0] != _options.CountedPrefix)
            return;
        var wasThere = lookup.TryFind(key, out var found) && found == EntryKind.Put;
        if (wasThere != (cursor.Kind == EntryKind.Put))
            _countedKeys += wasThere ? -1 : 1;
    }

    private void PassDeletes(Cursor cursor)
    {
        while (_before.IsEmpty && cursor.IsValid && cursor.Kind == EntryKind.Delete)
            PassKey(cursor);
    }

    // The key's bytes lie in a memtable that is held: they stay where they are.
    private static void PassKey(Cursor cursor)
    {
        if (cursor is MemTableCursor one)
        {
            one.NextKey();
            return;
        }

        var key = cursor.Key;
        do
        {
            cursor.Next();
        }
        while (cursor.IsValid && cursor.Key.SequenceEqual(key));
    }
}
