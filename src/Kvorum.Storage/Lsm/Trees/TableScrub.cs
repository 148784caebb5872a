using Kvorum.Storage.Lsm.Caching;
using Kvorum.Storage.Lsm.Tables;
using Kvorum.Storage.Lsm.Versions;

namespace Kvorum.Storage.Lsm.Trees;

/// <summary>
/// Reads one table as it is on disk now, a piece at a time, and verifies the checksum of every block, to find
/// damage before a client reads it. It holds the table only. Begun and disposed on the writer, run
/// on the background lane, one piece at a time.
/// </summary>
public sealed class TableScrub : IDisposable
{
    private readonly TreeFolder _folder;
    private readonly TableFile _held;
    private BlockCache? _cache;
    private TableFile? _anew;
    private TableCheck? _check;
    private bool _isClosed;

    internal TableScrub(TreeFolder folder, TableFile table)
    {
        (_folder, _held) = (folder, table);
        table.Hold();
    }

    /// <summary>The table's number, by which the tree's next one is found.</summary>
    public ulong Table => _held.Info.Number;

    /// <summary>
    /// Checks some more of it: about a mebibyte. How many bytes that were; 0 if all was checked. Background
    /// lane. A <see cref="TreeDamagedException"/> if it is damaged.
    /// </summary>
    public long Run()
    {
        ObjectDisposedException.ThrowIf(_isClosed, this);
        if (_check is null)
            Open();
        var bytes = _check!.Step();
        if (_check.Damage is [var damage, ..])
            throw damage;
        return bytes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isClosed)
            return;
        _isClosed = true;
        _anew?.Release();
        _cache?.Dispose();
        _held.Release();
    }

    // Opened again, because the tree may hold a file open that was replaced or removed on disk; and past the
    // system's page cache, which may have intact copies of pages that are damaged on disk.
    private void Open()
    {
        var path = _folder.TablePath(Table);
        if (!_folder.HasTable(Table))
            throw VersionSet.TableMissing(path);
        _cache = new BlockCache(0);
        _anew = TableFile.OpenPastCache(_folder, _cache, _held.Info);
        _check = new TableCheck(_anew.Reader, path);
    }
}
