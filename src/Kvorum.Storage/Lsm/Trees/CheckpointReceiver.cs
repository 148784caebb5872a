using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm.Versions;

namespace Kvorum.Storage.Lsm.Trees;

/// <summary>
/// A checkpoint being received: written piece by piece into tables aside, then verified, then installed or
/// disposed. Disposing it before the install removes its tables. One thread at a time.
/// </summary>
public sealed class CheckpointReceiver : IDisposable
{
    private const int ReadAheadBytes = 256 << 10;

    private readonly VersionSet _versions;
    private readonly List<TableFile> _tables = [];
    private readonly List<ulong> _numbers = [];
    private byte[] _begin = new byte[CheckpointStream.HeadBytes];
    private int _beginBytes;
    private VersionEdit? _edit;
    private IFile? _file;
    private int _at;
    private long _fileBytes;
    private bool _isVerified;
    private bool _isDone;

    internal CheckpointReceiver(VersionSet versions, CheckpointInfo info)
    {
        _versions = versions;
        Info = info with { Tag = info.Tag.ToArray() };
    }

    /// <summary>What is being received.</summary>
    public CheckpointInfo Info { get; }

    /// <summary>Bytes received so far: the next expected offset.</summary>
    public long Received { get; private set; }

    /// <summary>
    /// The verified content, with the numbers its tables have here; null before <see cref="Verify"/>.
    /// </summary>
    internal VersionEdit? Content => _isVerified && !_isDone ? _edit : null;

    internal IReadOnlyList<TableFile> Tables => _tables;

    /// <summary>
    /// Adds bytes at <see cref="Received"/>; the last ones complete it. Background lane. A <see
    /// cref="TreeDamagedException"/> if they cannot be a checkpoint.
    /// </summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        CheckReceiving();
        if (bytes.Length > Info.Bytes - Received)
            throw Unusable($"more than the {Info.Bytes} bytes that were announced");
        while (!bytes.IsEmpty)
        {
            int taken = _edit is null ? TakeBegin(bytes) : TakeTable(bytes);
            Received += taken;
            bytes = bytes[taken..];
        }
    }

    /// <summary>
    /// Verifies every checksum of the complete content and syncs it. Background lane. A
    /// <see cref="TreeDamagedException"/> if it is not whole or not what was announced: then receive it
    /// again.
    /// </summary>
    public void Verify()
    {
        CheckReceiving();
        if (_edit is null || _at < _edit.Added.Length || Received != Info.Bytes)
            throw Unusable("it ends too early");
        foreach (LevelTable table in _edit.Added)
        {
            TableFile file = _versions.OpenTable(table.Table.Number, table.Table);
            _tables.Add(file);
            CheckEntries(file);
        }

        _versions.Folder.Files.SyncFolder(_versions.Folder.Path);
        _isVerified = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isDone)
            return;
        _isDone = true;
        _file?.Dispose();
        foreach (TableFile table in _tables)
            table.Release();
        foreach (ulong number in _numbers)
            _versions.Folder.DeleteTable(number);
    }

    /// <summary>The tables are the tree's now, or may be: whatever is not is removed later.</summary>
    internal void Installed()
    {
        _isDone = true;
        foreach (TableFile table in _tables)
            table.Release();
    }

    private int TakeBegin(ReadOnlySpan<byte> bytes)
    {
        int taken = Math.Min(bytes.Length, _begin.Length - _beginBytes);
        bytes[..taken].CopyTo(_begin.AsSpan(_beginBytes));
        _beginBytes += taken;
        if (_beginBytes < _begin.Length)
            return taken;
        if (_begin.Length == CheckpointStream.HeadBytes)
        {
            uint length = CheckpointStream.ReadHead(_begin) ?? throw Unusable("its head is damaged");
            if (length > Info.Bytes - CheckpointStream.HeadBytes || length == 0)
                throw Unusable("its list of tables is longer than all of it");
            Array.Resize(ref _begin, checked(CheckpointStream.HeadBytes + (int)length));
            return taken;
        }

        TakeEdit(CheckpointStream.ReadEdit(_begin) ?? throw Unusable("its list of tables is damaged"));
        _begin = [];
        return taken;
    }

    // The tables get numbers of this tree.
    private void TakeEdit(VersionEdit edit)
    {
        long bytes = edit.Added.Sum(static table => table.Table.Bytes);
        if (edit.Mark is not { } mark || mark.AppliedIndex != Info.AppliedIndex ||
            !mark.Tag.Span.SequenceEqual(Info.Tag.Span) || _beginBytes + bytes != Info.Bytes ||
            edit.Added.Any(static table => table.Table.Bytes <= 0))
            throw Unusable("not the checkpoint that was announced");
        _edit = edit with
        {
            Added = [.. edit.Added.Select(Renumbered)],
        };
    }

    private LevelTable Renumbered(LevelTable table) =>
        table with { Table = table.Table with { Number = _versions.NextNumber() } };

    private int TakeTable(ReadOnlySpan<byte> bytes)
    {
        TableInfo table = _edit!.Added[_at].Table;
        if (_file is null)
        {
            _versions.Begin();
            _numbers.Add(table.Number);
            _file = _versions.Folder.Files.Create(_versions.Folder.TablePath(table.Number));
            _fileBytes = 0;
        }

        int taken = (int)Math.Min(bytes.Length, table.Bytes - _fileBytes);
        _file.Write(_fileBytes, bytes[..taken]);
        _fileBytes += taken;
        if (_fileBytes < table.Bytes)
            return taken;
        _file.Sync();
        _file.Dispose();
        _file = null;
        _at++;
        return taken;
    }

    private void CheckEntries(TableFile file)
    {
        file.Reader.CheckFilters();
        using Cursor cursor = file.Reader.OpenCursor(ReadAheadBytes);
        long entries = 0;
        byte[] last = [];
        for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
        {
            if (entries++ > 0 && cursor.Key.SequenceCompareTo(last) < 0)
                throw Unusable($"the keys of table {file.Info.Number} are out of order");
            if (!cursor.Key.SequenceEqual(last))
                last = cursor.Key.ToArray();
        }

        if (entries != file.Info.Entries)
            throw Unusable($"table {file.Info.Number} has {entries} entries, not {file.Info.Entries}");
    }

    private TreeDamagedException Unusable(string what) =>
        new($"{_versions.Folder.Path}: a received checkpoint cannot be used: {what}. Receive it again.");

    private void CheckReceiving()
    {
        ObjectDisposedException.ThrowIf(_isDone, this);
        if (_isVerified)
            throw new InvalidOperationException("The checkpoint is already verified");
    }
}
